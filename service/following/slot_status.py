"""How slots are at one instant: frozen snapshots, from which everything else is derived."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from service.environments.environment import BuildProgress
from service.following.bake import Bake, BakeVerdict
from service.following.gates.gate import GateFinding
from service.following.ports import Missing
from service.following.pursuit import Pursuit
from service.hold_tag import Hold
from service.refs import ModelRef, VersionId

LOOK: Final = "look"
State = Literal["empty", "loading", "serving", "cold", "refused", "withdrawn"]


class Standing(enum.Enum):
    """Why there is a slot, which says whether it is waited for."""

    CONFIGURED = "it is named by the settings: the service is ready when it is"
    FIRST = "a pattern has found it at the start: it is waited for until it serves or has failed"
    LATER = "a pattern has found it later: nobody waits for it"
    ARM = "a tag names it as an arm of another: nobody waits for it, and it has no route"


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed last.

    Attributes:
        message: a sentence safe to show.
        at: in seconds since 1970.
        version: None when the look-up itself failed.
        detail: the exception's type and text, for operators alone: never a client's values, since
            what fails here was asked for by no client.
        findings: what gates had seen by then; one of them may be why.
        passing: whether it is tried again by itself, since it is not the version's own fault.
    """

    stage: str
    code: str
    message: str
    at: float
    version: VersionId | None = None
    detail: str = ""
    findings: Sequence[GateFinding] = ()
    passing: bool = False

    @property
    def of_look(self) -> bool:
        """Whether a look failed, and no version."""
        return self.stage == LOOK


@dataclass(frozen=True, slots=True)
class HeldAlias:
    """That a slot is to stay on what it serves, and what its alias is on meanwhile."""

    hold: Hold
    alias_on: VersionId | None


@dataclass(frozen=True, slots=True)
class ArmStatus:
    """What has a share of a slot's requests, or is to have one.

    Attributes:
        ref: its alias, or its version as `v7`; the slot's own, first.
        weight: its share of `service.split_tag.WHOLE`, as it is now; 0 while it cannot answer.
        wished: the share that it is to have.
        version: what answers for it.
        ready: whether that would answer now.
        failure: why it does not, if that is known.
    """

    ref: ModelRef
    weight: int
    wished: int
    version: VersionId | None
    ready: bool
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class OnItsWay:
    """A version that a slot is after, and where it is: the stage, and what its build is at.

    `stage` is None between two stages, `building` where no environment is being built for it.
    """

    version: VersionId
    stage: str | None
    building: BuildProgress | None


@dataclass(frozen=True, slots=True)
class SlotStatus:
    """One slot at one instant. Times are in seconds since 1970.

    Attributes:
        version: what serves; None: nothing does.
        since: when that was swapped in.
        epoch: of the slot's traffic.
        ready: whether a request for this slot would be taken.
        cold: whether what serves is loaded when it is asked, and is not now.
        coming: the version on its way that the slot is after, if one is.
        pursuit: of the version that the alias was last seen on.
        fallback_pursuit: of its last known good, where that has to stand in.
        has_no_fallback: whether nothing that was served before can stand in.
        asked_at: since when the alias is where it is; None before the first look.
        absent: what the registry has said is not there, until it names a version again.
        lacking: the withdrawn version for want of which it serves nothing.
        aspired_withdrawn: whether the alias is on a version that is withdrawn.
        prepared: what an operator has had made ready, should the alias move there.
        held: that it stays on what it serves; the pursuit is of that then.
        blocked: what it serves, or should, or what its alias is on, if that is blocked; of an empty
            slot also what it served last.
        bake: of the version that serves, where that has to show that it does no worse.
        verdict: that the version that the alias is on did worse, and has given way.
        failure: the last one, until a swap puts it right.
        arms: who answers its requests, its own first, where that is shared.
        wrong_tags: what is wrong with each tag that steers it, by its kind.
    """

    ref: ModelRef
    standing: Standing
    version: VersionId | None
    since: float | None
    epoch: int
    ready: bool
    cold: bool
    coming: OnItsWay | None
    pursuit: Pursuit
    fallback_pursuit: Pursuit
    has_no_fallback: bool
    asked_at: float | None
    absent: Missing | None
    lacking: VersionId | None
    aspired_withdrawn: bool
    prepared: VersionId | None
    held: HeldAlias | None
    blocked: VersionId | None
    bake: Bake | None
    verdict: BakeVerdict | None
    failure: Failure | None
    arms: tuple[ArmStatus, ...] = ()
    wrong_tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def aspired(self) -> VersionId | None:
        """What the alias was last seen on; None before the first look, or when it is gone."""
        return self.pursuit.version

    @property
    def quarantined(self) -> VersionId | None:
        """The aspired version, if it has failed by its own fault (P13)."""
        return None if self.pursuit.fault is None else self.pursuit.version

    @property
    def withdrawn(self) -> VersionId | None:
        """The version that it should serve, or served last, if that is withdrawn."""
        return self.aspired if self.aspired_withdrawn else self.lacking

    @property
    def state(self) -> State:
        """In one word."""
        if self.version is None and self.lacking is not None:
            return "withdrawn"
        if self.version is None:
            return "loading" if self.coming else "empty"
        failed = self.failure is not None and not self.failure.of_look
        if failed and (self._is_behind or self.cold):
            return "refused"
        return "cold" if self.cold else "serving"

    def lag(self, now: float) -> float:
        """Seconds for which `aspired` has differed from what serves; 0 when they agree."""
        if not self._is_behind or self.asked_at is None:
            return 0.0
        return max(0.0, now - self.asked_at)

    @property
    def _is_behind(self) -> bool:
        return self.aspired is not None and self.aspired != self.version

    @property
    def gone(self) -> bool:
        """Whether the registry's last word is that the alias, or the model, is not there."""
        return self.absent is not None

    @property
    def missing(self) -> bool:
        """Whether it is gone, and nothing that it has served before stands in."""
        return self.version is None and self.gone and self.has_no_fallback

    @property
    def on_last_known_good(self) -> bool:
        """Whether it serves what it served before the start, for want of what it aspires to."""
        version = self.version
        return version is not None and version == self.fallback_pursuit.version != self.aspired

    @property
    def last_known_good_since(self) -> float | None:
        """Since when it does."""
        return self.since if self.on_last_known_good else None

    @property
    def is_refused_for_good(self) -> bool:
        """Whether it serves nothing, and tries nothing more until an operator does something."""
        hopeless = self.has_no_fallback or self.fallback_pursuit.fault is not None
        return self.version is None and self.quarantined is not None and hopeless

    @property
    def awaited(self) -> bool:
        """Whether the service is not ready while this slot is not."""
        if self.standing is Standing.FIRST:
            return self.version is None and self.failure is None
        return self.standing is Standing.CONFIGURED


@dataclass(frozen=True, slots=True)
class Readiness:
    """Which slots cannot answer now.

    Attributes:
        serves: whether any slot can.
        not_ready: those that could serve and do not; `name@alias`.
        missing: those that have nothing to serve, which is nobody's to wait for.
        withdrawn: those whose version an operator has withdrawn; the same.
        unserved: those that patterns have found and nobody waits for any more.
    """

    serves: bool
    not_ready: Sequence[str]
    missing: Sequence[str]
    withdrawn: Sequence[str] = ()
    unserved: Sequence[str] = ()

    @property
    def ready(self) -> bool:
        """Whether whatever could serve does, and something does."""
        return self.serves and not self.not_ready


@dataclass(frozen=True, slots=True)
class LookStatus:
    """How the look-ups go: when one last succeeded, and what has failed since, if anything."""

    succeeded_at: float | None
    seconds: float | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """Every slot at one instant, by `name@alias`, and how the look-ups go.

    `unmatched` are the patterns that have found nothing; `left_out` is how many more slots patterns
    mean than there may be.
    """

    slots: Mapping[str, SlotStatus]
    look: LookStatus
    unmatched: Sequence[str]
    left_out: int

    @property
    def readiness(self) -> Readiness:
        """Which slots can answer, and which could not if they would."""
        slots = {key: slot for key, slot in self.slots.items() if slot.standing is not Standing.ARM}
        not_ready = {key: slot for key, slot in slots.items() if not slot.ready}
        withdrawn = [key for key, slot in not_ready.items() if slot.lacking is not None]
        missing = [key for key in not_ready if not_ready[key].missing and key not in withdrawn]
        nobodys = {*missing, *withdrawn}
        others = {key: slot for key, slot in not_ready.items() if key not in nobodys}
        return Readiness(
            serves=len(not_ready) < len(slots),
            not_ready=[key for key, slot in others.items() if slot.awaited],
            missing=missing,
            withdrawn=withdrawn,
            unserved=[key for key, slot in others.items() if not slot.awaited],
        )
