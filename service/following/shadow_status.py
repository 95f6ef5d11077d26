"""How a slot's shadow is, at one instant."""

import enum
from dataclasses import dataclass

from service.following.ports import PredictorStatus
from service.following.slot_status import Failure
from service.refs import ModelRef, VersionId


class ShadowState(enum.StrEnum):
    """What a shadow is at."""

    OFF = "off"
    """No tag names one."""
    WAITING = "waiting"
    """Nobody has said yet which version it is, or the slot serves nothing that it could hear."""
    LOADING = "loading"
    """Its version is on its way."""
    LISTENING = "listening"
    """It hears of requests."""
    CRASHING = "crashing"
    """Its processes end over what they hear, again and again, and none has answered since."""
    SAME = "same_version"
    """It is the version that answers: nothing is to be compared, and nothing was loaded."""
    NOT_ALLOWED = "not_allowed"
    """One of the two versions says that its requests are not predicted twice."""
    FAILED = "failed"
    """There is no such version, or it could not be loaded: `failure` says why."""


@dataclass(frozen=True, slots=True)
class ShadowStatus:
    """One slot's.

    Attributes:
        ref: what the tag names; None: there is no tag.
        share: of how many of `service.split_tag.WHOLE` requests it is to hear.
        state: what it is at.
        version: what hears of requests, or is to.
        failure: why it does not, if it should.
        hosts: what predicts for it, if that is loaded.
    """

    ref: ModelRef | None = None
    share: int = 0
    state: ShadowState = ShadowState.OFF
    version: VersionId | None = None
    failure: Failure | None = None
    hosts: PredictorStatus | None = None


NO_SHADOW = ShadowStatus()
