"""What the follower is after for a slot: a version, and how its tries have gone.

And what a slot should do, given what the registry said: a pure function of three values.
"""

import enum
from dataclasses import dataclass, replace
from typing import Final

from service.background import growing_pause
from service.errors import PassingFault
from service.following.ports import Missing, Resolution
from service.refs import VersionId

LONGEST_PAUSE: Final = PassingFault.longest_pause


@dataclass(frozen=True, slots=True)
class Pursuit:
    """One version that a slot is to get, and what its tries have come to. Replaced whole.

    A slot has two: of the version that its alias is on, and of its fall-back, the last known good.

    Attributes:
        version: None: there is none, or nobody has said yet which one it is.
        attempts: tries since the last success.
        due: when the next try may begin, in monotonic seconds.
        fault: the code of the version's own fault, for which it is not tried again (P13).
    """

    version: VersionId | None = None
    attempts: int = 0
    due: float = 0.0
    fault: str | None = None

    def is_due(self, now: float) -> bool:
        """Whether it may be tried now."""
        return self.fault is None and now >= self.due

    def tried(self, now: float, longest: float = LONGEST_PAUSE) -> "Pursuit":
        """After one try more; the next one is due after a pause that has grown."""
        return replace(self, attempts=self.attempts + 1).failed(now, longest)

    def failed(self, now: float, longest: float = LONGEST_PAUSE) -> "Pursuit":
        """After a try that is counted already: the pause begins when it has failed."""
        return replace(self, due=now + pause_after(self.attempts, longest))

    def refused(self, fault: str) -> "Pursuit":
        """After the version was found to be at fault: it is not tried again."""
        return replace(self, due=0.0, fault=fault)

    def of(self, version: VersionId | None) -> "Pursuit":
        """Of that version, which is what was meant by these tries all along."""
        return replace(self, version=version)

    def reset(self) -> "Pursuit":
        """As if nothing had been tried: after a success, or when an operator asks."""
        return Pursuit(self.version)


def pause_after(attempts: int, longest: float = LONGEST_PAUSE) -> float:
    """Seconds until a version is tried again that failed by another's fault: 1, 2, 4 and so on."""
    return growing_pause(attempts, longest)


class Action(enum.Enum):
    """What is to be done for one slot now."""

    KEEP = "nothing: it serves what is wanted, or nothing is wanted"
    STAGE = "bring the aspired version into service"
    WAIT = "the aspired version is on its way, or its next try is not due"
    REFUSE = "the aspired version is quarantined"


@dataclass(frozen=True, slots=True)
class SlotView:
    """What the policy needs to know of a slot.

    Attributes:
        serving: the version that answers now, and can go on; else None.
        staging: whether the aspired version is on its way.
        pursuit: of the version that the alias was on at the look before this one.
    """

    serving: VersionId | None
    staging: VersionId | None
    pursuit: Pursuit


@dataclass(frozen=True, slots=True)
class Decision:
    """What the slot aspires to from now on, and what follows."""

    aspired: VersionId | None
    action: Action


def decide(view: SlotView, found: Resolution, now: float) -> Decision:
    """Ids are compared for equality only, so every move is followed in every direction (P3).

    A quarantine and a pause belong to the wish under which they arose: they end when it changes.
    """
    if not isinstance(found, VersionId):
        # Gone, the wish is gone; unanswered, it is what it was.
        return Decision(None if isinstance(found, Missing) else view.pursuit.version, Action.KEEP)
    if found == view.serving:
        return Decision(found, Action.KEEP)
    if found == view.staging:
        return Decision(found, Action.WAIT)
    if found == view.pursuit.version and not view.pursuit.is_due(now):
        return Decision(found, Action.WAIT if view.pursuit.fault is None else Action.REFUSE)
    return Decision(found, Action.STAGE)
