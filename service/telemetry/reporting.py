"""Tells metrics and logs what following and hosting do: one event, one line, one count."""

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from service.background import NAMED, Work
from service.environments.environment import BuildProgress
from service.following.bake import BakeVerdict
from service.following.environments import RunsIn
from service.following.sentences import LONGEST_DETAIL, cut, listed
from service.following.slot_status import Failure
from service.hold_tag import Hold
from service.hosting.observer import Purpose
from service.predicting.raised import without_words
from service.processes.front.ending import Ending, EndReason
from service.refs import ModelRef, VersionId
from service.registry.forwarder.wire import TRACE_SENTENCES, TraceFault, TraceOutcome
from service.rollout_tags import nearest
from service.server.timeouts import Ended
from service.split_tag import percent
from service.telemetry.metrics.hosting import PoolMetrics
from service.telemetry.metrics.http import WEBHOOK_HEARD
from service.telemetry.metrics.metrics import Metrics

_SAID_AGAIN_SECONDS: Final = 10.0


class _Rarely:
    """Lets one line of each kind into the log in ten seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._said: dict[Hashable, float] = {}

    def may_say(self, kind: Hashable) -> bool:
        """Whether a line of that kind may be written now, which counts as written."""
        now = self._monotonic()
        if now - self._said.get(kind, float("-inf")) < _SAID_AGAIN_SECONDS:
            return False
        self._said[kind] = now
        return True

    def forget(self, kind: Hashable) -> None:
        """There will be no more of it, or none for long."""
        self._said.pop(kind, None)


class FollowingReport:
    """`service.following.observer.FollowingObserver` for metrics and logs."""

    def __init__(
        self,
        metrics: Metrics,
        logger: FilteringBoundLogger,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics.following
        self._look = metrics.look
        self._serves = metrics.serves
        self._count_failure = partial(metrics.background.failed, Work.FOLLOWING)
        self._logger = logger
        self._look_failing = ""
        self._rarely = _Rarely(monotonic)

    def looked(self, seconds: float, failure: Failure | None, detail: str) -> None:
        """Logged when it begins to fail, fails differently, or answers again; not every second."""
        self._metrics.looked(failure)
        self._look()
        code = "" if failure is None else failure.code
        self._logger.debug("looked", seconds=round(seconds, 3), code=code or None)
        if failure is not None and code != self._look_failing:
            self._logger.warning("look_failed", **_why(failure, detail))
        elif failure is None and self._look_failing:
            self._logger.info("look_recovered")
        self._look_failing = code

    def slot_came(self, ref: ModelRef) -> None:
        """A model and alias that a pattern of the settings means."""
        self._logger.info("slot_found", slot=str(ref))

    def slot_went(self, ref: ModelRef) -> None:
        """Its routes answer 404 from now on."""
        self._logger.info("slot_gone", slot=str(ref))
        self._rarely.forget(ref)

    def arm_came(self, ref: ModelRef) -> None:
        """It is loaded beside what it is an arm of."""
        self._logger.info("arm_followed", slot=str(ref))

    def arm_went(self, ref: ModelRef) -> None:
        """Its processes are ended."""
        self._logger.info("arm_left", slot=str(ref))
        self._rarely.forget(ref)

    def tag_wrong(self, ref: ModelRef, tag: str, sentence: str) -> None:
        """What it said before is in force still."""
        self._logger.warning("tag_wrong", slot=str(ref), tag=tag, message=sentence)

    def tags_unknown(self, model: str, tags: Sequence[str]) -> None:
        """Somebody may have meant another."""
        meant = [f"{tag} may mean {near}" for tag in tags if (near := nearest(tag)) is not None]
        message = f"{listed(meant)}." if meant else "No tag of Podium's has such a name."
        self._logger.warning("tags_unknown", model=model, tags=list(tags), message=message)

    def tags_late(self, ref: ModelRef, seconds: float) -> None:
        """MLflow tells nobody that the tag of a model has changed."""
        message = (
            f"Tags steer {ref}, and are looked at every {seconds:g} s (PODIUM_POLL_SECONDS): what "
            "is changed on MLflow's page counts so much later; `podium split` and `podium reload` "
            "have them looked at at once."
        )
        self._logger.warning("tags_late", slot=str(ref), message=message)

    def shared(self, ref: ModelRef, sentence: str) -> None:
        """From the next request on."""
        self._logger.info("traffic_shared", slot=str(ref), message=sentence)

    def unmatched(self, patterns: Sequence[str]) -> None:
        """With none left it is said that all find something."""
        if patterns:
            message = "No registered model has a name and an alias that match."
            self._logger.warning("patterns_unmatched", patterns=list(patterns), message=message)
        else:
            self._logger.info("patterns_matched")

    def left_out(self, count: int) -> None:
        """As many as PODIUM_MAX_SLOTS are served."""
        message = "Patterns of PODIUM_MODELS mean more than PODIUM_MAX_SLOTS; these are not served."
        self._logger.warning("slots_left_out", count=count, message=message)

    def missing(self, ref: ModelRef, failure: Failure, detail: str) -> None:
        """What serves goes on serving."""
        self._logger.warning(
            "model_missing" if failure.code == "model_missing" else "alias_missing",
            slot=str(ref),
            **_why(failure, detail),
        )

    def unanswered(self, ref: ModelRef, failure: Failure, detail: str) -> None:
        """`look_failed` is about all slots, this about one. What serves goes on serving."""
        self._logger.warning("alias_look_failed", slot=str(ref), **_why(failure, detail))

    def staging(self, version: VersionId) -> None:
        """Work on a version begins."""
        self._logger.info("staging", **_named(version))

    def building(self, version: VersionId, progress: BuildProgress) -> None:
        """A step of a build, which may take minutes; the version before serves on."""
        packages = progress.packages or None
        self._logger.info(
            "environment_building", **_named(version), step=progress.step, packages=packages
        )

    def found_environment(self, version: VersionId, runs_in: RunsIn, seconds: float) -> None:
        """A version that has one of its own; or Podium's, for want of that."""
        built, took = runs_in.built, round(seconds, 3)
        if built is None:
            self._metrics.environment("stood_in")
            message = runs_in.findings[0].sentence if runs_in.findings else None
            self._logger.warning(
                "environment_stood_in", **_named(version), seconds=took, message=message
            )
            return
        self._metrics.environment("built" if built.built else "there")
        self._logger.info(
            "environment_found",
            **_named(version),
            environment=built.key[:12],
            python=built.python,
            packages=len(built.packages),
            built=built.built,
            seconds=took,
        )

    def swapped(
        self,
        ref: ModelRef,
        old: VersionId | None,
        new: VersionId,
        stages: Mapping[str, float],
    ) -> None:
        """A slot serves another version."""
        self._serves(ref, new)
        self._metrics.swapped(ref, old, new, stages)
        self._logger.info(
            "swapped",
            slot=str(ref),
            version=new.version,
            previous=None if old is None else old.version,
            seconds={stage: round(seconds, 3) for stage, seconds in stages.items()},
        )

    def stands_in(self, ref: ModelRef, version: VersionId, failure: Failure | None) -> None:
        """After `swapped`: why it was, if not by an alias."""
        code = None if failure is None else failure.code
        self._logger.warning(
            "serves_last_known_good", slot=str(ref), version=version.version, code=code
        )

    def baked(self, ref: ModelRef, version: VersionId, sentence: str) -> None:
        """It is the last known good from now on."""
        self._metrics.baked(ref, "proven")
        self._logger.info("baked", slot=str(ref), version=version.version, message=sentence)

    def unproven(self, ref: ModelRef, version: VersionId, sentence: str) -> None:
        """What was proven before it is kept warm meanwhile."""
        self._metrics.baked(ref, "unproven")
        self._logger.info("unproven", slot=str(ref), version=version.version, message=sentence)

    def not_brought_back(
        self, ref: ModelRef, version: VersionId, failure: Failure, detail: str
    ) -> None:
        """Until it is, what bakes has nothing to give way to."""
        self._logger.warning(
            "not_brought_back",
            slot=str(ref),
            version=version.version,
            stage=failure.stage,
            **_why(failure, detail),
        )

    def gave_way(
        self, ref: ModelRef, version: VersionId, to: VersionId, verdict: BakeVerdict
    ) -> None:
        """By itself, and for as long as the alias stays on it."""
        self._serves(ref, to)
        self._metrics.baked(ref, "gave_way")
        self._logger.warning(
            "gave_way",
            slot=str(ref),
            version=version.version,
            to=to.version,
            code=verdict.code,
            message=verdict.message,
        )

    def emptied(self, ref: ModelRef, version: VersionId, failure: Failure) -> None:
        """As PODIUM_MISSING_ALIAS=empty asks for."""
        self._logger.warning("emptied", slot=str(ref), version=version.version, code=failure.code)

    def withdrawn(self, ref: ModelRef, version: VersionId, failure: Failure) -> None:
        """By an operator: requests to the slot get 410. The detail is what its tag says of why."""
        self._logger.warning(
            "withdrawn",
            slot=str(ref),
            version=version.version,
            message=failure.message,
            detail=failure.detail,
        )

    def refused(self, ref: ModelRef, version: VersionId, failure: Failure, detail: str) -> None:
        """The detail is the exception's text, for operators alone."""
        self._metrics.refused(ref, version, failure)
        self._logger.warning(
            "version_refused",
            slot=str(ref),
            version=version.version,
            stage=failure.stage,
            passing=failure.passing,
            **_why(failure, detail),
        )

    def abandoned(self, version: VersionId) -> None:
        """Its processes are ended."""
        self._logger.info("staging_abandoned", **_named(version))

    def retired(self, version: VersionId) -> None:
        """Its processes are ended."""
        self._logger.info("retired", **_named(version))

    def held(self, ref: ModelRef, hold: Hold) -> None:
        """By an operator, by a tag of the model: why, as its author has written it."""
        self._logger.warning("slot_held", slot=str(ref), message=f"Held {hold.sentence}")

    def released(self, ref: ModelRef) -> None:
        """The alias is followed again."""
        self._logger.info("slot_released", slot=str(ref))

    def unblocked(self, ref: ModelRef, version: VersionId) -> None:
        """It is tried as if it were new."""
        self._logger.info("version_unblocked", slot=str(ref), version=version.version)

    def prepared(self, ref: ModelRef, version: str, stages: Mapping[str, float]) -> None:
        """It serves nobody until the alias moves there."""
        self._metrics.prepared(ref)
        seconds = {stage: round(each, 3) for stage, each in stages.items()}
        self._logger.info("prepared", slot=str(ref), version=version, seconds=seconds)

    def not_prepared(self, ref: ModelRef, version: str, failure: Failure) -> None:
        """What serves is not concerned."""
        self._metrics.not_prepared(ref)
        self._logger.warning(
            "not_prepared",
            slot=str(ref),
            version=version,
            stage=failure.stage,
            **_why(failure, failure.detail),
        )

    def preparation_ended(self, ref: ModelRef, version: str, why: str) -> None:
        """Its processes are ended, unless it serves."""
        self._logger.info("preparation_ended", slot=str(ref), version=version, reason=why)

    def shadowed(self, ref: ModelRef, version: VersionId, alias: str, share: int) -> None:
        """Callers see nothing of it."""
        self._logger.info(
            "shadow_began",
            slot=str(ref),
            version=version.version,
            alias=alias,
            percent=percent(share),
        )

    def unshadowed(self, ref: ModelRef, version: VersionId, alias: str) -> None:
        """The same."""
        self._logger.info("shadow_ended", slot=str(ref), version=version.version, alias=alias)

    def shadow_failed(
        self, ref: ModelRef, version: VersionId, failure: Failure, detail: str
    ) -> None:
        """What serves is not concerned."""
        self._logger.warning(
            "shadow_failed",
            slot=str(ref),
            version=version.version,
            stage=failure.stage,
            **_why(failure, detail),
        )

    def tick_failed(self, error: Exception) -> None:
        """A defect of Podium's: counted, and logged whole."""
        self._count_failure()
        self._logger.error("tick_failed", exc_info=error)

    def slot_failed(self, ref: ModelRef, error: Exception) -> None:
        """The same of one slot; counted each time, and logged every ten seconds."""
        self._count_failure()
        if self._rarely.may_say(ref):
            self._logger.error("slot_failed", slot=str(ref), exc_info=error)


class BackgroundReport:
    """Hears of failures of what no request waits for, where `service.background` tells of them."""

    def __init__(self, metrics: Metrics, logger: FilteringBoundLogger) -> None:
        self._count = metrics.background.failed
        self._logger = logger

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """While it lasts, on the running loop and in every thread."""
        loop = asyncio.get_running_loop()
        of_loop, of_threads = loop.get_exception_handler(), threading.excepthook
        of_nobody = sys.unraisablehook
        loop.set_exception_handler(self._on_loop)
        threading.excepthook = self._in_thread
        sys.unraisablehook = self._ignored
        try:
            yield
        finally:
            loop.set_exception_handler(of_loop)
            threading.excepthook = of_threads
            sys.unraisablehook = of_nobody

    def _on_loop(self, _: asyncio.AbstractEventLoop, said: Mapping[str, Any]) -> None:
        self._failed(said.get(NAMED), said["message"], said.get("exception"))

    def _in_thread(self, told: threading.ExceptHookArgs) -> None:
        name = "" if told.thread is None else told.thread.name
        self._failed(name, f"The thread {name} has failed.", told.exc_value)

    def _ignored(self, told: "sys.UnraisableHookArgs") -> None:
        # As where something fails while it is thrown away.
        self._failed(
            None, told.err_msg or "An exception was raised that nothing waits for.", told.exc_value
        )

    def _failed(self, name: str | None, message: str, error: BaseException | None) -> None:
        work = Work(name) if name in set(Work) else Work.OTHER
        self._count(work)
        if work is Work.OTHER and error is not None:
            # It may be a request that has ended so.
            raised = without_words(error)
            self._logger.error("background_failed", task=work, message=message, exception=raised)
        else:
            self._logger.error("background_failed", task=work, message=message, exc_info=error)


class WebhookReport:
    """`service.http.webhook.WebhookObserver` for metrics and logs."""

    def __init__(
        self,
        metrics: Metrics,
        logger: FilteringBoundLogger,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = metrics.http.webhook_delivered
        self._logger = logger
        self._rarely = _Rarely(monotonic)

    def delivered(self, outcome: str) -> None:
        """Each is counted; of a flood of one kind, one line is logged in ten seconds."""
        self._count(outcome)
        if not self._rarely.may_say(outcome):
            return
        if outcome in WEBHOOK_HEARD:
            self._logger.info("webhook_delivered", outcome=outcome)
        else:
            self._logger.warning("webhook_refused", code=outcome)


class LedgerReport:
    """`service.following.ledger.LedgerObserver` for metrics and logs."""

    def __init__(self, metrics: Metrics, logger: FilteringBoundLogger) -> None:
        self._metrics = metrics.following
        self._logger = logger
        self._said = ""

    def ledger_failed(self, error: Exception) -> None:
        """Counted each time, logged once for each reason until it can be written again."""
        self._metrics.ledger_failed()
        reason = getattr(error, "strerror", None) or str(error)
        if reason != self._said:
            self._said = reason
            self._logger.error("ledger_not_written", reason=reason)

    def ledger_recovered(self) -> None:
        """Nothing is lost, unless more has happened meanwhile than memory holds."""
        self._said = ""
        self._logger.info("ledger_written_again")

    def ledger_lines_left_out(self, count: int) -> None:
        """A service that was killed leaves one, as it had begun to write it."""
        message = "Lines of the ledger are not entries; they are gone with its next entry."
        self._logger.warning("ledger_lines_left_out", count=count, message=message)


class HistoryReport:
    """For logs: `HistoryObserver` and `TombstoneObserver` of `service.registry`."""

    def __init__(
        self, logger: FilteringBoundLogger, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logger
        self._rarely = _Rarely(monotonic)

    def history_failed(self, ref: ModelRef, code: str, message: str, detail: str) -> None:
        """From any thread. What serves goes on serving."""
        shown = cut(detail, LONGEST_DETAIL)
        self._logger.warning(
            "history_failed", slot=str(ref), code=code, message=message, detail=shown
        )

    def tombstone_failed(self, file: str, code: str, error: Exception) -> None:
        """From any thread; it is tried again with each look, and logged every ten seconds."""
        if self._rarely.may_say((file, code)):
            self._logger.error("tombstone_failed", file=file, code=code, detail=cut(repr(error)))


class DecoderReport:
    """`service.decoder.front.DecoderObserver` for metrics and logs."""

    def __init__(self, metrics: Metrics, logger: FilteringBoundLogger) -> None:
        self._metrics = metrics.hosting
        self._logger = logger

    def decoder_ended(self, reason: str) -> None:
        """Counted, and logged with its reason."""
        self._metrics.decoder_restarted()
        self._logger.warning("decoder_ended", reason=reason)

    def decoder_printed(self, stream: str, line: str) -> None:
        """Its libraries may complain."""
        self._logger.info("decoder_output", stream=stream, line=line)


class ForwardingReport:
    """`service.registry.forwarder.front.ForwardingObserver` for metrics and logs."""

    def __init__(self, metrics: Metrics, logger: FilteringBoundLogger) -> None:
        self.traces = metrics.hosting.traces
        self._logger = logger
        for outcome in TraceOutcome:
            self.traces(outcome, 0)

    def traces_fail(self, fault: TraceFault | None) -> None:
        """A code and a sentence: what MLflow's client says may hold a trace's values."""
        if fault is None:
            self._logger.info("traces_sent_again")
        else:
            self._logger.warning("traces_failed", code=fault, message=TRACE_SENTENCES[fault])

    def forwarder_ended(self, reason: str) -> None:
        """Another one is started."""
        self._logger.warning("forwarder_ended", reason=reason)

    def forwarder_printed(self, stream: str, line: str) -> None:
        """MLflow's client may complain."""
        self._logger.info("forwarder_output", stream=stream, line=line)


class ConnectionReport:
    """`service.server.connections.ConnectionObserver` for metrics and logs."""

    def __init__(self, metrics: Metrics, logger: FilteringBoundLogger) -> None:
        self._metrics = metrics.http
        self._logger = logger

    def connections_ended(self, reasons: Mapping[Ended, int]) -> None:
        """Counted, and one line for all; that clients have nothing to ask is not worth one."""
        self._metrics.connections_ended(reasons)
        told = {str(reason): count for reason, count in reasons.items() if reason != Ended.IDLE}
        if told:
            self._logger.warning("connections_ended", reasons=told)


class HostingReport:
    """`service.hosting.observer.HostingObserver` for metrics and logs, of one version."""

    def __init__(
        self,
        version: VersionId,
        metrics: PoolMetrics,
        logger: FilteringBoundLogger,
        died: Callable[[VersionId, EndReason], None] = lambda *_: None,
    ) -> None:
        """`died` hears of hosts that served and are replaced."""
        self._version = version
        self._died = died
        self._logger = logger
        self.opened = metrics.opened
        self.closed = metrics.closed
        self.batch = metrics.batch
        self.memory = metrics.memory
        self._count_restart = metrics.host_restarted
        self._forget_host = metrics.host_ended

    def host_restarted(self, reason: EndReason) -> None:
        """Counted; the log has its end."""
        self._count_restart(reason)
        self._died(self._version, reason)

    def host_ended(self, ending: Ending, purpose: Purpose) -> None:
        """A death is a warning, an end that Podium has wished for is not."""
        self._forget_host(ending.pid)
        version = self._version
        if ending.reason is EndReason.UNWANTED:
            self._logger.info("host_ended", **_named(version), **_ending(ending), purpose=purpose)
        else:
            self._logger.warning("host_died", **_named(version), **_ending(ending), purpose=purpose)

    def host_not_started(self, error: Exception) -> None:
        """Tried again after a pause, unless it was for a second try."""
        self._logger.warning(
            "host_not_started",
            **_named(self._version),
            code=getattr(error, "reason", type(error).__name__),
            message=str(error),
            detail=cut(getattr(error, "detail", ""), LONGEST_DETAIL),
        )

    def printed(self, stream: str, line: str) -> None:
        """What a model prints is its author's text: a field, never an event."""
        self._logger.info("model_output", **_named(self._version), stream=stream, line=line)


def zygote_died(metrics: Metrics, logger: FilteringBoundLogger, ending: Ending) -> None:
    """Every host has died with it and is replaced as soon as another zygote can fork."""
    metrics.hosting.zygote_restarted()
    logger.warning("zygote_died", **_ending(ending))


def _named(version: VersionId) -> Mapping[str, str]:
    return {"model": version.name, "version": version.version}


def _ending(ending: Ending) -> Mapping[str, Any]:
    return {"pid": ending.pid, "reason": ending.reason, "status": ending.status}


def _why(failure: Failure, detail: str) -> Mapping[str, str]:
    shown = cut(detail, LONGEST_DETAIL)
    return {"code": failure.code, "message": failure.message, "detail": shown}
