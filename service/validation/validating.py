"""A validation from its first tag to its last: what is judged, what is written, in which order.

Whatever ends it before its verdict, a signal, a kill, a registry that is gone, the version's status
is `pending` then: only the last write says more.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from service.engine import Given
from service.refs import ModelRef
from service.registry.writer.writer import NamedVersion, RegisteredVersion, Writer
from service.status_tag import StatusTag
from service.validation.findings import Verdict, verdict_of
from service.validation.policy.reading import PolicyInForce
from service.validation.quality.evaluation_data import EvaluationData
from service.validation.quality.judge import check
from service.validation.trial_run import (
    TrialFindings,
    TrialObserver,
    TrialRun,
    TrialSubject,
)
from service.validation.verdict_tags import Overtaken, VerdictTags
from service.validation_tag import Validation

_OnLoop = TypeVar("_OnLoop")


class ValidationRecord(Protocol):
    """The one MLflow run of a validation."""

    def begin(self) -> str:
        """Its id."""
        ...

    def keep(self, findings: TrialFindings) -> None:
        """Everything that was found."""
        ...

    def finish(self, verdict: Verdict) -> None:
        """It is complete."""
        ...

    def abandon(self, error: BaseException) -> None:
        """It will never be: that has ended it. Raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class TrialScope:
    """What a record is of.

    Attributes:
        against: the number of the version that it is compared with, if there is one.
        data: the rows that it is asked for, if the policy names any.
    """

    version: RegisteredVersion
    against: str | None
    data: EvaluationData | None


@dataclass(frozen=True, slots=True)
class ValidationWish:
    """What an operator wants of a validation.

    Attributes:
        demote: whether what serves and has passed may lose that.
        whole: as in `TrialSubject`, and `may_write`.
    """

    named: NamedVersion
    status: StatusTag
    demote: bool = False
    whole: bool = False
    may_write: bool = False


@dataclass(frozen=True, slots=True)
class Validated:
    """What has come of it.

    Attributes:
        against: the number of the version that it was compared with, if there is one.
        kept: whether the version's status was left as it was, since an alias is on it.
    """

    version: RegisteredVersion
    against: str | None
    verdict: Verdict
    run: str
    kept: bool
    findings: TrialFindings


@dataclass(slots=True)
class LeftBehind:
    """What a validation that has no verdict has written until then.

    Attributes:
        version: its number, once it is known.
        run: the id of its run; empty: nothing was written.
        begun: whether its tags were looked to.
        kept: whether the version keeps the status that it had, since an alias is on it.
        overtaken: whether its tags are those of another validation.
    """

    version: str | None = None
    run: str = ""
    begun: bool = False
    kept: bool = False
    overtaken: bool = False

    @property
    def said(self) -> str:
        """Half a sentence."""
        if not self.run:
            return "nothing was written"
        if self.overtaken:
            return "its tags are those of the other"
        if not self.begun:
            return "the version's tags are as they were"
        return "its status stays, for an alias is on it" if self.kept else "it is left as pending"


class Validating:
    """One validation. `find` brings the policy's data; `record_of` makes the run, once asked."""

    def __init__(
        self,
        writer: Writer,
        in_force: PolicyInForce,
        find: Callable[[RegisteredVersion], EvaluationData | None],
        record_of: Callable[[TrialScope], ValidationRecord],
        told: TrialObserver,
    ) -> None:
        self._writer = writer
        self._in_force = in_force
        self._find = find
        self._record_of = record_of
        self._told = told

    def run(self, wish: ValidationWish, given: Given, left: LeftBehind) -> Validated:
        """All of it. Raises what the writer, the data and the trial raise, and KeyboardInterrupt.

        What is found to be meant wrongly is raised before anything is written, and where no run can
        be made the version's tags stay as they are. `left` says at any time what was written.
        """
        version = self._writer.version_of(wish.named)
        left.version = version.number
        subject = self._subject(version, wish)
        data = self._find(version)
        if data is not None:
            check(self._in_force, data)
        on_it = tuple(
            alias
            for alias, number in self._writer.aliases(version.name).aliases.items()
            if number == version.number
        )
        tags = VerdictTags(self._writer, version, on_it, wish.status, demote=wish.demote)
        against = None if subject.against is None else subject.against.version
        record = self._record_of(TrialScope(version, against, data))
        # Its experiment may have to be made, and is then this account's own.
        self._writer.require_tags(version.name, wish.status.key)
        run = left.run = record.begin()
        trial = TrialRun(subject, self._in_force, data, self._told)
        try:
            left.kept, left.begun = tags.keeps, True
            tags.begin()
            findings = _stoppable(lambda: trial.run(given))
            verdict = verdict_of(findings.judgements)
            record.keep(findings)
            record.finish(verdict)
        except BaseException as error:
            record.abandon(error)
            raise
        try:
            tags.finish(verdict, self._validation(version, findings, run, verdict))
        except Overtaken:
            left.overtaken = True
            raise
        return Validated(version, against, verdict, run, tags.keeps, findings)

    def _subject(self, version: RegisteredVersion, wish: ValidationWish) -> TrialSubject:
        made = TrialSubject(
            version.id,
            whole=wish.whole,
            may_write=wish.may_write,
            status_tag=wish.status.key,
        )
        alias = self._in_force.policy.against
        if alias is None:
            return made
        ref = ModelRef.parse(f"{version.name}@{alias}")
        number = self._writer.alias(version.name, alias)
        other = None if number is None else replace(version.id, version=number)
        return replace(made, ref=ref, against=other)

    def _validation(
        self, version: RegisteredVersion, findings: TrialFindings, run: str, verdict: Verdict
    ) -> Validation | None:
        """None where nobody knows of which files, or nothing is decided."""
        if findings.fetched is None or verdict == "undecided":
            return None
        digest, policy = findings.fetched.digest, self._in_force.sha256
        return Validation(run, policy, digest, version.name, version.number, verdict)


def _stoppable(work: Callable[[], Coroutine[Any, Any, _OnLoop]]) -> _OnLoop:
    """Does it on a loop of its own; SIGTERM is as Ctrl-C: all that runs is ended first."""
    try:
        return asyncio.run(_until_stopped(work()))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _until_stopped(work: Coroutine[Any, Any, _OnLoop]) -> _OnLoop:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    before = signal.getsignal(signal.SIGTERM)
    if task is not None:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await work
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
