"""What a slot should do, given what the registry said: a pure function of three values."""

import enum
from dataclasses import dataclass

from service.following.ports import Missing, Resolution
from service.following.pursuit import Pursuit
from service.refs import VersionId


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
