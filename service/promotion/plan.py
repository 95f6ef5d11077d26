"""What would happen if an alias moved to a version: by instances, the registry, and the journal.

Nothing is changed anywhere; what is fetched for it lies in caches, or in a folder that is removed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from service.checks.result import NoService
from service.checks.serving import SlotVerdict, served
from service.promotion.deciding import AliasStanding
from service.promotion.instance import InstanceTold, NotTold, Question
from service.promotion.left_open import left_open
from service.promotion.prepare import TellStage, ask_all, sentence_of
from service.promotion.stopped import MoveStopped, refused
from service.promotion.validated import PASSED, by_policy, claimed, compare, require_fit
from service.refs import ModelRef
from service.registry.writer.writer import RegisteredVersion
from service.typed import typed
from service.validation_tag import Validation

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
        verdict: what has given way there, and why; empty: nothing has.
    """

    url: str | None
    forecast: Forecast
    sentence: str
    code: str = ""
    told: InstanceTold | None = None
    verdict: str = ""

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
    judged: Callable[[Foreseen], Foreseen] = lambda found: found,
) -> Sequence[Foreseen]:
    """What each instance would make of it, in their order; `known` of each as it is known.

    `judged` adds to an instance's answer what else is known of it, before that is told.
    """

    def one(url: str, answer: InstanceTold | NotTold) -> Foreseen:
        found = judged(foreseen(url, answer))
        known(found)
        return found

    return ask_all(urls, question, one, stage)


def judged_there(found: Foreseen, standing: AliasStanding, number: str) -> Foreseen:
    """With what that service has found of the version that the alias is on, if it has given way.

    While the alias stays on that version, it is not served there; a move there anew tries it again.
    """
    verdict = _verdict_at(str(found.url), standing.ref)
    if verdict is None:
        return found
    said = f"version {verdict.version} has given way: {verdict.message}"
    if not verdict.version == number == standing.alias:
        return replace(found, verdict=said)
    again = typed("reload", str(standing.ref), options=["--again", "--url", str(found.url)])
    sentence = f"does not serve it, although the alias is on it; {again} tries it again"
    return replace(found, verdict=said, forecast="refused", code=verdict.code, sentence=sentence)


def _verdict_at(url: str, ref: ModelRef) -> SlotVerdict | None:
    try:
        slots = served(url, {ref.name})
    except NoService:
        return None
    return next((each.verdict for each in slots if each.alias == ref.alias), None)


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
    """Whether `podium promote` would take the version: validated, these very files, not blocked.

    Attributes:
        validated: None where nothing is against it, and nobody has compared the registry's files.
    """

    validated: bool | None
    code: str
    sentence: str
    digest: str = ""
    run: str = ""
    policy: str = ""


@dataclass(frozen=True, slots=True)
class PromotionRules:
    """By what `podium promote` takes a version.

    Attributes:
        passed: the tag and the value that say that a version was validated.
        policy: the SHA-256 of the policy by which it has to be; None: any will do.
        judged: the version whose validation counts: itself, or that which it was copied from.
        held: why nobody is to move the alias there; empty: somebody may.
    """

    passed: str = PASSED
    policy: str | None = None
    judged: Callable[[RegisteredVersion], RegisteredVersion] = lambda version: version
    held: str = ""


def outlook(
    version: RegisteredVersion,
    foreseen: Sequence[Foreseen],
    rules: PromotionRules = PromotionRules(),
) -> PromotionOutlook:
    """By its tags, and by the digests of the files that were judged.

    Those that the command itself has fetched are the registry's of now; an instance may have its
    own from before they were altered.
    """
    try:
        require_fit(version)
        if rules.held:
            raise refused("held", rules.held)
        by = rules.judged(version)
        found = claimed(by, rules.passed)
        by_policy(by, found, rules.policy)
        compared = [_is_compared(version, found, each) for each in foreseen]
    except MoveStopped as error:
        return PromotionOutlook(validated=False, code=error.code, sentence=str(error))
    validated = True if any(compared) else None
    return PromotionOutlook(
        validated=validated,
        code="validated" if validated else "not_compared",
        sentence=_these_files(found) if validated else _not_compared(found),
        digest=found.digest,
        run=found.run,
        policy=found.policy,
    )


def _is_compared(version: RegisteredVersion, found: Validation, foreseen: Foreseen) -> bool:
    """Whether the registry's files are those that were validated; raises if some are not."""
    digest = None if foreseen.told is None else foreseen.told.digest
    if not digest:
        return False
    if foreseen.url is None:
        compare(version, found, digest)
        return True
    if digest != found.digest:
        said = f"{foreseen.url} has other files of it than those that were validated"
        raise refused("validated_other_bytes", f"{said}: {digest[:12]}, not {found.digest[:12]}")
    return False


def _these_files(found: Validation) -> str:
    return f"these files were validated by the run {found.run}"


def _not_compared(found: Validation) -> str:
    return (
        f"it was validated by the run {found.run}; the registry's files are not compared with those"
        " here, which podium promote does"
    )


def journal_says(standing: AliasStanding) -> str:
    """What whoever moves the alias has to know of those who have; empty if there is nothing."""
    if standing.is_explained:
        return left_open(standing)
    newest = standing.journal.newest
    if newest is None:
        return "the alias was set past the commands; the journal has nothing of it"
    left = "nothing" if newest.leaves_at is None else f"version {newest.leaves_at}"
    return f"the alias was moved past the commands: they have left it on {left}"
