"""What a step of a promotion does next, by what is known of it alone; no I/O.

A step brings a version to a share of an alias's requests. It is over once its seconds are over, all
instances give the version that share, and it has had a hundred answers; what speaks against the
version, or too few answers, ends the whole promotion.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from service.promotion.journal import WHOLE_SHARE, StepPlan
from service.promotion.stopped import MoveStopped, refused, undecided
from service.rollout.verdict import LOOKS, Sample, is_worse, mostly_fails

LEAST_ANSWERS: Final = LOOKS[0]
"""Of the version in each step: with fewer nobody can say whether it does worse."""
_NONE: Final = Sample()
GAVE_WAY: Final = "gave_way"
"""The code of a version that does worse than the one before."""
ArmState = Literal["serves", "coming", "refused", "silent"]


@dataclass(frozen=True, slots=True)
class ArmSeen:
    """What one instance says of the version's share at one look.

    Attributes:
        url: its address; `instance` is the word by which its process is told from others.
        state: whether it answers with the version, is getting it, has refused it, or is silent.
        sentence: what it says, for people.
        serves: the version that the slot's own share goes to; None: nothing does, or it is silent.
        arm: what the version has come to there; `own` what the slot's own share has. None: it does
            not say.
        worse: why the instance itself judges the version to do worse; empty: it does not.
        refuses: whether the slot has refused the version, once the alias was on it.
        ahead: seconds by which its clock is ahead of this one's, where they differ.
    """

    url: str
    instance: str
    state: ArmState
    sentence: str
    serves: str | None = None
    arm: Sample | None = None
    own: Sample | None = None
    worse: str = ""
    refuses: bool = False
    ahead: float = 0.0


@dataclass(slots=True)
class ArmTally:
    """What all instances together have answered since the first look, and since the step began.

    The first look at a process counts nothing of what it had answered before.
    """

    arm: Sample = _NONE
    own: Sample = _NONE
    in_step: int = 0
    _last: dict[tuple[str, str, str], Sample] = field(default_factory=dict, init=False)
    _looked: int = field(default=0, init=False)

    def begin_step(self) -> None:
        """Answers count for another step from now on."""
        self.in_step = 0

    def note(self, seen: Sequence[ArmSeen]) -> None:
        """They have been looked at."""
        for each in seen:
            arm = self._since((each.url, each.instance, "arm"), each.arm)
            own = self._since((each.url, each.instance, "own"), each.own)
            self.arm, self.own = _sum(self.arm, arm), _sum(self.own, own)
            self.in_step += arm.requests

    def worse(self) -> str:
        """Why the version does worse than the one before; empty: nothing shows that.

        At few looks, as a bake has them: whoever looks at each answer sees chance as a fault.
        """
        looks = sum(self.arm.requests >= look for look in LOOKS)
        if looks <= self._looked:
            return ""
        self._looked = looks
        if not is_worse(self.arm, self.own):
            return ""
        return (
            f"the version has failed {self.arm.percent} of its {self.arm.requests} requests, and "
            f"the one before {self.own.percent} of {self.own.requests}"
        )

    def doubt(self) -> str:
        """That most of the version's requests fail, and nobody can say whether the fault is its.

        Empty where it is known, or few fail.
        """
        if self.own.requests >= LEAST_ANSWERS or not mostly_fails(self.arm):
            return ""
        return (
            f"it has failed {self.arm.percent} of its {self.arm.requests} requests, and the one "
            f"before has had {self.own.requests} of the {LEAST_ANSWERS} to compare that with"
        )

    def _since(self, key: tuple[str, str, str], now: Sample | None) -> Sample:
        if now is None:
            return _NONE
        before, self._last[key] = self._last.get(key, now), now
        return _later(now, before)


def _later(now: Sample, before: Sample) -> Sample:
    """What has come to be since then; all of it where counting has begun anew."""
    if now.requests < before.requests or now.failures < before.failures:
        return now
    return Sample(now.requests - before.requests, now.failures - before.failures)


def _sum(one: Sample, other: Sample) -> Sample:
    return Sample(one.requests + other.requests, one.failures + other.failures)


@dataclass(frozen=True, slots=True)
class StepLook:
    """What is known of a step at one look.

    Attributes:
        seconds: since it began.
        answers: of the version in it, on all instances together.
        worse: why the version does worse than the one before it; empty: nobody says so.
        doubt: why nobody can say that it does not; empty: nothing keeps one from it.
    """

    share: float
    seconds: float
    answers: int
    seen: Sequence[ArmSeen]
    worse: str = ""
    doubt: str = ""


def step_outcome(look: StepLook, plan: StepPlan) -> MoveStopped | bool:
    """Whether the step is over; why the version has to go back, where it has to."""
    if look.worse:
        return refused(GAVE_WAY, f"{look.worse}: it was taken back at {_named(look.share)}")
    if said := _said(look.seen, "refused"):
        return refused("refused_by_instance", f"taken back at {_named(look.share)}: {said}")
    waited_for = _said(look.seen, "coming") or _said(look.seen, "silent")
    enough = look.answers >= LEAST_ANSWERS and not look.doubt
    if look.seconds >= plan.step_seconds and not waited_for and enough:
        return True
    if look.seconds < plan.step_seconds + plan.seconds:
        return False
    late = f"within {plan.step_seconds + plan.seconds:g} s: it was taken back"
    if waited_for:
        return undecided(
            "not_all_serve", f"not every instance gave it {_named(look.share)} {late}: {waited_for}"
        )
    had = look.doubt or f"it has had {look.answers} of {LEAST_ANSWERS} answers"
    return undecided("too_few_answers", f"at {_named(look.share)} {had} {late}")


def _named(share: float) -> str:
    return f"{share:g}%" if share < WHOLE_SHARE else "the whole"


def _said(seen: Sequence[ArmSeen], state: ArmState) -> str:
    return "; ".join(f"{each.url}: {each.sentence}" for each in seen if each.state == state)
