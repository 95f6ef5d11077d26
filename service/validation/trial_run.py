"""One version through all of it: staged, smoke-tested, under load, scored. Nothing is written."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import orjson

from service.engine import Engine, Given
from service.errors import FollowingError, ServiceError, VersionFault
from service.following.ports import FetchedVersion
from service.local.passing_folder import passing_folder
from service.parts import new_scratch
from service.processes.front.beside import Beside
from service.refs import ModelRef, VersionId
from service.registry.wire import Fault
from service.validation.findings import Judgement, Section, Verdict
from service.validation.load.generator import RequestKind
from service.validation.load.load_tests import LoadTests
from service.validation.policy.reading import PolicyInForce
from service.validation.quality.evaluation_data import EvaluationData
from service.validation.quality.found import Quality
from service.validation.quality.judge import QualityQuestion, judge
from service.validation.record.trial_record import LoadSamples
from service.validation.smoke.answer_form import compared
from service.validation.smoke.example_requests import ExampleRequests
from service.validation.smoke.shared_example import shared_example
from service.validation.smoke.smoke_tests import SmokeTests
from service.validation.trial.answering_version import answering
from service.validation.trial.heard import Heard
from service.validation.trial.stages import Deaths, judged_environment, judged_stages
from service.validation.trial.version_on_trial import Staging, VersionOnTrial, for_trial

# Of the time that is left when load begins.
_LOADS_PART: Final = 0.7
_ALTERED: Final = (
    "The version writes to its own files: hosts of the service that share them could not load it "
    "again. What it writes belongs into a temporary folder."
)


class TrialObserver(Protocol):
    """Told how far a trial has come."""

    def stage(self, title: str) -> None:
        """It is at that now."""
        ...

    def advanced(self, done: int, of: int) -> None:
        """So much of the stage is done, as far as anybody knows."""
        ...

    def judged(self, judgement: Judgement) -> None:
        """One thing more is known."""
        ...

    def detail(self, text: str) -> None:
        """Free text on what has just gone wrong, for a log."""
        ...


@dataclass(frozen=True, slots=True)
class TrialSubject:
    """What is judged, and beside what.

    Attributes:
        ref: the alias of what it is compared with; None: it is compared with nothing.
        against: on which version that is; None: on none.
        whole: whether its example is one input, whose rows mean nothing apart.
        may_write: whether it may write to its own files.
        status_tag: the tag that will say what has come of it.
    """

    version: VersionId
    ref: ModelRef | None = None
    against: VersionId | None = None
    whole: bool = False
    may_write: bool = False
    status_tag: str = "validation_status"


@dataclass(slots=True)
class TrialFindings:
    """What has come of it, as far as it has come.

    Attributes:
        fetched: the version, once it was there; its digest is of all its files.
        quality: what its answers to the policy's data are worth, if they were asked.
        load: what was measured under load, for pictures.
    """

    judgements: list[Judgement] = field(default_factory=list)
    fetched: FetchedVersion | None = None
    quality: Quality | None = None
    load: LoadSamples = field(default_factory=LoadSamples)
    gates: Sequence[str] = ()


class TrialRun:
    """One trial, by the policy in force; `data` is what the policy names."""

    def __init__(
        self,
        subject: TrialSubject,
        in_force: PolicyInForce,
        data: EvaluationData | None,
        told: TrialObserver,
    ) -> None:
        self.findings = TrialFindings()
        self._subject = subject
        self._in_force = in_force
        self._policy = in_force.policy
        self._data = data
        self._told = told
        self._last = math.inf
        self._broken = False

    async def run(self, given: Given) -> TrialFindings:
        """All that could be found in the policy's time; every process has ended then.

        Raises `BadData` and its like for data that does not fit, and `HomeUnusable`.
        """
        self._last = time.monotonic() + self._policy.timeout_seconds
        try:
            async with asyncio.timeout(self._policy.timeout_seconds) as limit:
                await self._in_an_engine(given)
        except TimeoutError:
            if not limit.expired():
                raise
            sentence = f"It has taken longer than {self._policy.timeout_seconds:g} s."
            self._note(Judgement("stage.time", "undecided", sentence, "stage"))
        return self.findings

    async def _in_an_engine(self, given: Given) -> None:
        # A cache knows a version by its number: it may be older than an alteration of its files.
        with passing_folder() as home:
            settings = for_trial(given.settings, self._subject.status_tag)
            settings = settings.model_copy(update={"home": home})
            heard = Heard(lambda _, line: self._told.detail(line))
            changed = Given(
                settings,
                given.environment,
                given.zygote,
                given.surroundings,
                environments=given.settings.environments_folder,
                served=given.settings.history_folder(given.environment),
            )
            async with Engine.of(changed, heard.observers()) as engine:
                scratch = await Beside("home").run(new_scratch, settings)
                await self.judge(Staging(engine, heard, scratch))

    async def judge(self, staging: Staging) -> TrialFindings:
        """The same by an engine that runs; what was staged is gone afterwards."""
        async with contextlib.AsyncExitStack() as ending:
            await self._judge(staging, ending)
        return self.findings

    async def _judge(self, staging: Staging, ending: contextlib.AsyncExitStack) -> None:
        other = await self._staged_other(staging)
        if other is not None:
            ending.push_async_callback(other.close)
        elif self._subject.against is not None and not self._broken:
            return
        version = await self._staged(staging, other)
        if version is None:
            return
        ending.push_async_callback(version.close)
        await self._judge_staged(version, other)

    async def _staged_other(self, staging: Staging) -> VersionOnTrial | None:
        against, ref = self._subject.against, self._subject.ref
        if against is None:
            if ref is not None:
                sentence = f"{ref} is on no version yet, so that there is nothing to compare with."
                self._note(Judgement("stage.against", self._policy.when_first, sentence, "stage"))
            return None
        self._told.stage(f"staging version {against.version}, {ref}")
        try:
            return await staging.stage(against, may_write=True)
        except (FollowingError, OSError) as error:
            self._told.detail(str(getattr(error, "detail", error)))
            sentence = f"Version {against.version}, {ref}, cannot be compared with: {error}"
            self._broken = isinstance(error, VersionFault)
            self._note(Judgement("stage.against", self._without_other, sentence, "stage"))
            return None

    @property
    def _without_other(self) -> Verdict:
        """On what compares, where there is no other: one that is broken need not be beaten."""
        first = self._subject.ref is not None and self._subject.against is None
        return self._policy.when_first if self._broken or first else "undecided"

    async def _staged(
        self, staging: Staging, other: VersionOnTrial | None
    ) -> VersionOnTrial | None:
        version = self._subject.version
        self._told.stage(f"staging version {version.version}")
        serving = None if other is None else other.fetched
        try:
            staged = await staging.stage(
                version, self._subject.ref, serving, may_write=self._subject.may_write
            )
        except FollowingError as error:
            self._told.detail(error.detail)
            self._note(_of_fault(error))
            return None
        except OSError as error:
            sentence = f"Its files could not be copied: {error.strerror or 'the disk fails'}."
            self._note(Judgement("stage.copy", "undecided", sentence, "stage"))
            return None
        self.findings.fetched = staged.fetched
        self.findings.gates = [found.sentence for found in staged.findings]
        self._note(judged_stages(staged, self._policy.times))
        self._note(judged_environment(staged.runs_in))
        return staged

    async def _judge_staged(self, version: VersionOnTrial, other: VersionOnTrial | None) -> None:
        deaths = Deaths(version)
        try:
            await self._ask(version, other, deaths)
        except ServiceError as error:
            sentence = f"A request that was answered before is not: {error.message}"
            self._note(Judgement("stage.answers", "failed", sentence, "stage"))
        await self._look_at_files(version)
        self._note(deaths.since("stage"))

    async def _ask(
        self, version: VersionOnTrial, other: VersionOnTrial | None, deaths: Deaths
    ) -> None:
        self._told.stage("smoke tests")
        with self._looking(deaths, "smoke"):
            await self._first_answer(version)
            smoke = SmokeTests(version, self._policy.load.rows, self._subject.whole)
            async for judgement in smoke.judgements():
                self._note(judgement)
        if not self._passed("smoke.example"):
            return
        with self._looking(deaths, "load"):
            example, beside = await self._example_of_both(version, other)
            if beside is not None:
                await self._compare_answers(version, beside, example)
            await self._under_load(version, beside, example)
        if self._data is not None:
            with self._looking(deaths, "quality"):
                await self._scored(version, other, self._data)

    @contextlib.contextmanager
    def _looking(self, deaths: Deaths, section: Section) -> Iterator[None]:
        """Notes the deaths of that part of it, however it ends."""
        try:
            yield
        finally:
            self._note(deaths.since(section))

    async def _example_of_both(
        self, version: VersionOnTrial, other: VersionOnTrial | None
    ) -> tuple[bytes, VersionOnTrial | None]:
        """What both answer, and the other; no other where there is nothing."""
        if other is None:
            return version.example, None
        found = await shared_example(version, other)
        if found.both:
            return found.example, other
        self._broken = found.broken
        whose = (
            f"Version {other.number} fails by itself"
            if found.broken
            else f"Neither example is answered by both, this version and version {other.number}"
        )
        sentence = f"{whose}: answers and times are not compared."
        self._note(Judgement("stage.against", self._without_other, sentence, "stage"))
        return found.example, None

    async def _first_answer(self, version: VersionOnTrial) -> None:
        most = self._policy.times.max_first_answer_ms
        began = time.perf_counter()
        with contextlib.suppress(ServiceError):
            await version.answer(version.example)
        taken = 1000 * (time.perf_counter() - began)
        figures = {"stage.first_answer_ms": taken}
        bad = most is not None and taken > most
        allowed = f"; {most:g} ms are allowed" if bad else ""
        sentence = f"The first request took {taken:.1f} ms{allowed}."
        self._note(
            Judgement(
                "stage.first_answer", "failed" if bad else "passed", sentence, "stage", figures
            )
        )

    async def _compare_answers(
        self, version: VersionOnTrial, other: VersionOnTrial, example: bytes
    ) -> None:
        own = orjson.loads(await version.answer(example))
        try:
            others = orjson.loads(await other.answer(example))
        except ServiceError as error:  # answered a moment ago: whose fault it is is plain
            sentence = f"Version {other.number} does not answer any more: {error.message}"
            self._note(Judgement("smoke.answer_form", self._policy.when_first, sentence, "smoke"))
        else:
            self._note(compared(own, others, other.number))

    async def _under_load(
        self, version: VersionOnTrial, other: VersionOnTrial | None, example: bytes
    ) -> None:
        kinds = [kind async for kind in self._kinds(version, example)]
        if not kinds:
            return
        self._told.stage("under load")
        policy = self._policy
        # What has been measured by then is to be told.
        now = time.monotonic()
        last = now + _LOADS_PART * (self._last - now)
        tests = LoadTests(
            version,
            other,
            kinds,
            policy.load,
            policy.memory,
            last,
            policy.when_first,
            self._without_other,
            self._told.advanced,
        )
        judgements = await tests.judgements()
        self.findings.load = tests.samples
        for judgement in judgements:
            self._note(judgement)

    async def _kinds(self, version: VersionOnTrial, example: bytes) -> AsyncIterator[RequestKind]:
        """Requests that are answered: of one row and of many, or the example as it is."""
        requests = ExampleRequests(version, example, whole=self._subject.whole)
        count = await requests.count()
        if count is None:
            rows = (await version.read(example)).rows
            yield RequestKind("example", example, max(1, rows))
            return
        for name, rows in (("one_row", 1), ("many_rows", self._policy.load.rows)):
            if self._passed(f"smoke.{name}"):
                yield RequestKind(name, requests.many(rows, count), rows)

    async def _scored(
        self, version: VersionOnTrial, other: VersionOnTrial | None, data: EvaluationData
    ) -> None:
        self._told.stage("predicting the data")
        question = QualityQuestion(
            self._in_force,
            data,
            answering(version),
            None if other is None else answering(other),
            first=self._subject.ref is not None and self._subject.against is None,
            broken=self._broken and other is None,
            whole=self._subject.whole,
        )
        try:
            quality = await Beside("quality").run(judge, question, self._on_rows)
        except ServiceError as error:
            sentence = f"The data could not be asked about to its end: {error.message}"
            self._note(Judgement("quality.answers", "undecided", sentence, "quality"))
            return
        self.findings.quality = quality
        for judgement in quality.judgements:
            self._note(judgement)

    def _on_rows(self, title: str, done: int, rows: int) -> None:
        if title == self._subject.version.version:
            self._told.advanced(done, rows)

    async def _look_at_files(self, version: VersionOnTrial) -> None:
        self._told.stage("its files")
        written = await version.written()
        if not written:
            sentence = "Nothing was written to its files."
            if self._subject.may_write:
                sentence = "It may write to its files, of which each of its processes has a copy."
            self._note(Judgement("stage.artifact", "passed", sentence, "stage"))
            return
        self._note(Judgement("stage.artifact", "failed", f"{_ALTERED} ({written})", "stage"))

    def _passed(self, name: str) -> bool:
        found = {each.name: each.verdict for each in self.findings.judgements}
        return found.get(name) == "passed"

    def _note(self, judgement: Judgement) -> None:
        self.findings.judgements.append(judgement)
        self._told.judged(judgement)


def _of_fault(error: FollowingError) -> Judgement:
    """A version's own fault fails it; another's leaves it undecided."""
    if error.reason == Fault.ALTERED:
        return Judgement("stage.artifact", "failed", _ALTERED, "stage")
    verdict: Verdict = "failed" if isinstance(error, VersionFault) else "undecided"
    return Judgement(f"stage.{error.stage}", verdict, error.message, "stage")
