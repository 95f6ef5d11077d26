"""What would happen if an alias moved to a version: by instances, the registry, and the journal.

Nothing is changed anywhere; what is fetched for it lies in caches, or in a folder that is removed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from service.promotion.deciding import AliasStanding
from service.promotion.instance import InstanceTold, NotTold, Question
from service.promotion.prepare import TellStage, ask_all, sentence_of
from service.promotion.promote import under_way
from service.promotion.stopped import MoveStopped
from service.promotion.validated import PASSED, claimed, compare, why_blocked
from service.refs import ModelRef
from service.registry.writer.writer import RegisteredVersion

Forecast = Literal["would_serve", "serves", "refused", "undecided", "unreachable"]

_COMPATIBLE: Final = "compatible"
_SURROUNDINGS: Final = frozenset({"requirements", "environment"})


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What one service would make of it.

    Attributes:
        url: None: by the command's own settings.
        sentence: for people.
        code: of the first reason against it; empty where there is none.
        told: all that is known; None where the service says nothing of it.
    """

    url: str | None
    forecast: Forecast
    sentence: str
    code: str = ""
    told: InstanceTold | None = None

    @property
    def differences(self) -> Sequence[str]:
        """Of its contract from that of what serves."""
        return self._sentences(frozenset({_COMPATIBLE}))

    @property
    def environment(self) -> Sequence[str]:
        """What it asks for, and would not have as it asks for it."""
        return self._sentences(_SURROUNDINGS)

    def _sentences(self, gates: frozenset[str]) -> Sequence[str]:
        findings = () if self.told is None else self.told.findings
        return [each.sentence for each in findings if each.gate in gates]


def foreseen_at(
    urls: Sequence[str],
    question: Question,
    known: Callable[[Foreseen], None],
    stage: TellStage,
) -> Sequence[Foreseen]:
    """What each instance would make of it, in their order; `known` of each as it is known."""

    def one(url: str, answer: InstanceTold | NotTold) -> Foreseen:
        found = foreseen(url, answer)
        known(found)
        return found

    return ask_all(urls, question, one, stage)


def question_of(ref: ModelRef, version: str, token: str, seconds: float) -> Question:
    """A dry run, for so many seconds."""
    return Question(ref, version, token, time.monotonic() + seconds, dry_run=True)


def foreseen(url: str | None, answer: InstanceTold | NotTold) -> Foreseen:
    """What that answer means."""
    if isinstance(answer, NotTold):
        outcome: Forecast = "undecided" if answer.outcome == "ready" else answer.outcome
        return Foreseen(url, outcome, answer.sentence, answer.code)
    if answer.state == "passed":
        serves = answer.serves == answer.version
        sentence = "serves it now" if serves else "would serve it"
        return Foreseen(url, "serves" if serves else "would_serve", sentence, told=answer)
    if answer.refusals:
        passing = all(each.passing for each in answer.refusals)
        sentence = "; ".join(map(sentence_of, answer.refusals))
        code = answer.refusals[0].code
        return Foreseen(url, "undecided" if passing else "refused", sentence, code, answer)
    return Foreseen(url, "undecided", "has not come to an end in time", "preparing", answer)


@dataclass(frozen=True, slots=True)
class PromotionOutlook:
    """Whether `podium promote` would take the version: validated, these very files, not blocked."""

    validated: bool
    code: str
    sentence: str
    digest: str = ""
    run: str = ""
    policy: str = ""


def outlook(
    version: RegisteredVersion, digests: Sequence[str], passed: str = PASSED
) -> PromotionOutlook:
    """By its tags, and by the digests of the files that were fetched for it."""
    if why := why_blocked(version.tags):
        return PromotionOutlook(validated=False, code="blocked", sentence=why)
    try:
        found = claimed(version, passed)
        for digest in digests:
            compare(version, found, digest)
    except MoveStopped as error:
        return PromotionOutlook(validated=False, code=error.code, sentence=str(error))
    sentence = f"these files were validated by the run {found.run}"
    return PromotionOutlook(
        validated=True,
        code="validated",
        sentence=sentence,
        digest=found.digest,
        run=found.run,
        policy=found.policy,
    )


def journal_says(standing: AliasStanding) -> str:
    """What whoever moves the alias has to know of those who have; empty if there is nothing."""
    begun = standing.journal.open
    if begun is not None and standing.is_explained:
        return under_way(standing, begun)
    if standing.is_explained:
        return ""
    newest = standing.journal.newest
    if newest is None:
        return "the alias was set past the commands; the journal has nothing of it"
    left = "nothing" if newest.leaves_at is None else f"version {newest.leaves_at}"
    return f"the alias was moved past the commands: they have left it on {left}"
