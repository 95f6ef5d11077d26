"""One reference being served: what answers its requests, what it is after, and how it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.following.bake import Bake, BakeVerdict
from service.following.journey import Journey
from service.following.pace import Trigger
from service.following.ports import Missing, Resolution
from service.following.pursuit import Pursuit
from service.following.servable import Arm, Binding, KeptWarm, Listener, Sharing, Traffic
from service.following.shadow_status import ShadowStatus
from service.following.slot_status import (
    ArmStatus,
    Failure,
    HeldAlias,
    OnItsWay,
    SlotStatus,
    Standing,
)
from service.refs import ModelRef, VersionId
from service.rollout.buckets import key_of
from service.rollout.rollout_plan import NO_PLAN
from service.rollout_tags import NO_TAGS, RolloutTags
from service.split_tag import WHOLE, ArmShare
from service.tombstones import Tombstones


class AmongSlots(Protocol):
    """What a slot asks of those that it is one of: `service.following.slots.Slots`."""

    @property
    def tombstones(self) -> Tombstones:
        """Of the versions that nobody may be answered by."""

    @property
    def blocked(self) -> Mapping[VersionId, str]:
        """Those that no slot is to take, and why."""

    @property
    def staging(self) -> Mapping[VersionId, Journey]:
        """Those on their way."""

    @property
    def named(self) -> Mapping[ModelRef, Resolution]:
        """Where the last look found what tags name."""

    @property
    def poll_seconds(self) -> float:
        """Between two looks, while nobody asks for one."""

    @property
    def shadow_of(self) -> Callable[["Slot"], ShadowStatus]:
        """How a slot's shadow is."""

    @property
    def traffic_changed(self) -> Callable[["Slot"], None]:
        """Told of a slot that shares its requests otherwise."""

    def get(self, key: str, /) -> "Slot | None":
        """The slot of that `name@alias`; None where there is none."""

    def parents(self, arm: "Slot") -> Sequence["Slot"]:
        """Those that share their requests with that one, or are to."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """How the slot came to aspire to what it does: who asked, the look's seconds, and when.

    `at` is in seconds since 1970; None before the first look.
    """

    trigger: Trigger
    look_seconds: float
    at: float | None = None


class Slot:
    """One reference being served. Whatever it has is a frozen value, replaced by one assignment.

    Its properties may be read beside the loop: each looks once at what the loop may replace.
    `absent` is what the registry has said is not there, until it names a version again; a look
    without an answer takes nothing of that back. `lacking` is the withdrawn version for want of
    which it serves nothing; `barred` is the blocked one that it would serve for want of better.
    `prepared` is what an operator has had made ready for it; `held` says that it is to stay on what
    it serves; `rollout` is what the model's tags say of it, as a look last brought them, and
    `plan` what is made of that; `listener` is who hears of its requests. What it serves may `bake`;
    a `verdict` is of the version that its alias is on.
    """

    def __init__(
        self, ref: ModelRef, slots: AmongSlots, standing: Standing = Standing.CONFIGURED
    ) -> None:
        self.ref = ref
        self.standing = standing
        self._slots = slots
        self.traffic = Traffic()
        self.plan = NO_PLAN
        self._buckets = key_of(str(ref))
        self.previous: KeptWarm | None = None
        self.prepared: VersionId | None = None
        self.held: HeldAlias | None = None
        self.bake: Bake | None = None
        self.verdict: BakeVerdict | None = None
        self.rollout: RolloutTags = NO_TAGS
        self.listener: Listener | None = None
        self.absent: Missing | None = None
        self.failure: Failure | None = None
        self.lacking: VersionId | None = None
        self.barred: VersionId | None = None
        self.pursuit = Pursuit()
        self.fallback_pursuit = Pursuit()
        self.wish = Wish(Trigger.START, 0.0)
        self.vacant_since: float | None = None
        self.took_seconds = 0.0
        self.has_no_fallback = False
        self._status: tuple[tuple[object, ...], SlotStatus] | None = None

    def serve(self, binding: Binding | None, since: float | None = None) -> None:
        """It is what the slot serves from now on; None: nothing answers requests.

        In the same turn it is what answers for the slot wherever that is an arm: nobody is bound to
        what the slot has left.
        """
        self._route(self.traffic.then(binding, since, self._sharing))
        self._let_hear()
        for parent in self._slots.parents(self):
            parent.compose()

    def hear(self, listener: Listener | None) -> None:
        """Who hears of requests from now on, whatever comes to answer them; None: nobody."""
        self.listener = listener
        self._let_hear()

    @property
    def shadow(self) -> ShadowStatus:
        """How what hears of its requests is, or is to."""
        return self._slots.shadow_of(self)

    def _let_hear(self) -> None:
        # Not where it is as it was: each change is an epoch.
        before, listener = self.traffic.shadow, self.listener
        if before is not None or listener is not None:
            shadow = None if listener is None else listener.beside(self.binding)
            if before is not shadow:
                self.traffic = self.traffic.heard(shadow)

    def compose(self) -> None:
        """Requests that begin from now on are shared as planned, as far as arms can answer."""
        self._route(self.traffic.with_arms(self._sharing))

    def _route(self, traffic: Traffic) -> None:
        before, self.traffic = self.traffic, traffic
        if before.shares != traffic.shares and traffic.binding is not None:
            self._slots.traffic_changed(self)

    @property
    def _sharing(self) -> Sharing | None:
        """Whom its requests are to go to beside what it serves; None: nobody else."""
        arms = self.plan.split.arms
        # What an arm shares itself is nobody's: it answers with what it serves.
        if not arms or self.standing is Standing.ARM:
            return None
        left, right = (*map(self._arm, arms), None)[:2]
        return Sharing(self._buckets, self.plan.sticky.lower().encode(), left, right)

    def _arm(self, wished: ArmShare) -> Arm | None:
        slot = self._slots.get(f"{self.ref.name}@{wished.alias}")
        binding = None if slot is None or not slot.answers_for_others else slot.binding
        if binding is None or self._judged(binding.servable.version) is not None:
            return None
        return Arm(binding, wished.share)

    def _judged(self, version: VersionId | None) -> BakeVerdict | None:
        """That this version has given way here, under whatever alias it comes again."""
        verdict = self.verdict
        return verdict if verdict is not None and verdict.version == version else None

    @property
    def answers_for_others(self) -> bool:
        """Whether it may have a share of the requests of other slots.

        What the registry does not name any more, or is blocked, goes on for a slot's own callers
        alone (P4).
        """
        there = self.absent is None or self.held is not None
        return self.ready and there and self.version not in self._slots.blocked

    @property
    def of_parents(self) -> Binding | None:
        """What serves the callers of whom an arm is to answer some; None: it is no arm."""
        parents = self._slots.parents(self) if self.standing is Standing.ARM else ()
        return next((each.binding for each in parents if each.binding is not None), None)

    @property
    def wrong_tags(self) -> Mapping[str, str]:
        """What is wrong with each tag that steers it, by its kind: a sentence."""
        arms = [ModelRef(self.ref.name, each.alias) for each in self.plan.split.arms]
        slots = [slot for ref in arms if (slot := self._slots.get(str(ref))) is not None]
        gone = {"split": [_is_gone(each.ref, each.absent) for each in slots if each.absent]}
        shadow = self.plan.shadow
        if shadow is not None and self.standing is not Standing.ARM:
            ref = ModelRef(self.ref.name, shadow.alias)
            found = self._slots.named.get(ref)
            gone["shadow"] = [_is_gone(ref, found)] if isinstance(found, Missing) else []
        wrong = self.plan.wrong
        for kind, sentences in gone.items():
            if sentences:
                # What cannot be read is told as well: what is gone is of the tag before it then.
                unread = [wrong[kind]] if kind in wrong else []
                wrong = {**wrong, kind: " ".join([*unread, *sentences])}
        return wrong

    @property
    def _arms(self) -> tuple[ArmStatus, ...]:
        if not self.plan.split.arms or self.binding is None or self.standing is Standing.ARM:
            return ()
        weights = {each.binding.ref: each.weight for each in self.traffic.arms}
        left = WHOLE - sum(each.share for each in self.plan.split.arms)
        own = ArmStatus(
            self.ref, weights.get(self.ref, 0), left, self.version, self.ready, self.failure
        )
        return (own, *(self._arm_status(each, weights) for each in self.plan.split.arms))

    def _arm_status(self, wished: ArmShare, weights: Mapping[ModelRef, int]) -> ArmStatus:
        ref = ModelRef(self.ref.name, wished.alias)
        slot, weight = self._slots.get(str(ref)), weights.get(ref, 0)
        if slot is None:
            return ArmStatus(ref, weight, wished.share, None, ready=False, failure=None)
        judged = self._judged(slot.version)
        failure = slot.failure if judged is None else Failure.of_bake(judged)
        return ArmStatus(ref, weight, wished.share, slot.version, slot.ready, failure)

    def aspire(self, version: VersionId | None, wish: Wish) -> None:
        """The alias points elsewhere from now on: what failed under the old wish is forgotten."""
        self.pursuit = Pursuit(version)
        self.fallback_pursuit = self.fallback_pursuit.reset()
        self.wish = wish
        self.failure = None
        self.lacking = None

    def lift(self) -> None:
        """What is aspired to is tried as if nothing had failed."""
        self.pursuit = self.pursuit.reset()
        self.fallback_pursuit = self.fallback_pursuit.reset()

    def succeeded(self, version: VersionId) -> None:
        """It serves this version: pauses begin anew, should that be lost or fail another time."""
        if version == self.aspired:
            self.pursuit = self.pursuit.reset()
        self.fallback_pursuit = self.fallback_pursuit.reset()
        self.has_no_fallback = False

    def wants(self, version: VersionId) -> bool:
        """Whether it would take that version: the aspired one, or for want of any its last good.

        Also what it serves, where that cannot answer any more by itself.
        """
        if version in self._slots.tombstones or version in self._slots.blocked:
            return False
        if self.verdict is not None and version == self.verdict.version:
            return False
        if version == self.aspired or (
            self._lacks_good and version == self.fallback_pursuit.version
        ):
            return True
        return self.irreplaceable and version == self.version

    def takes(self, version: VersionId) -> bool:
        """Whether it wants that version, and has not found it to be at fault."""
        if version == self.aspired:
            return version != self.quarantined and self.wants(version)
        return self.wants(version) and self.fallback_pursuit.fault is None

    @property
    def older(self) -> Binding | None:
        """What is kept warm for what it serves to give way to, while that bakes."""
        older = None if self.bake is None else self.bake.older
        warm = self.previous
        return older if warm is not None and warm.binding is older else None

    @property
    def _lacks_good(self) -> bool:
        """Whether it serves nothing, or what is blocked."""
        return self.binding is None or self.version in self._slots.blocked

    @property
    def binding(self) -> Binding | None:
        """Whom a request is bound to that begins now."""
        return self.traffic.binding

    @property
    def aspired(self) -> VersionId | None:
        """What the alias was last seen on."""
        return self.pursuit.version

    @property
    def quarantined(self) -> VersionId | None:
        """The aspired version, if it has failed by its own fault."""
        pursuit = self.pursuit
        return None if pursuit.fault is None else pursuit.version

    @property
    def fallback(self) -> VersionId | None:
        """The last known good that stands in, or is on its way."""
        return self.fallback_pursuit.version

    @property
    def ready(self) -> bool:
        """Whether a request for this slot would be taken."""
        binding = self.binding
        return binding is not None and binding.servable.predictor.ready

    @property
    def irreplaceable(self) -> bool:
        """Whether what it serves is to be loaded anew.

        It has lost a process and cannot be loaded from its files again, or its own environment is
        there by now.
        """
        binding = self.binding
        return binding is not None and binding.servable.irreplaceable

    @property
    def version(self) -> VersionId | None:
        """What serves now."""
        binding = self.binding
        return None if binding is None else binding.servable.version

    @property
    def pause_of_looks(self) -> float:
        """Seconds between two looks at the registry, while nobody asks for one."""
        return self._slots.poll_seconds

    @property
    def _blocked(self) -> VersionId | None:
        marked = self._slots.blocked
        alias_on = None if self.held is None else self.held.alias_on
        met = (self.version, self.aspired, alias_on, self.barred) if marked else ()
        return next((each for each in met if each in marked), None)

    def _coming(self, *wanted: VersionId | None) -> OnItsWay | None:
        for each in wanted:
            journey = None if each is None else self._slots.staging.get(each)
            if each is not None and journey is not None:
                return OnItsWay(each, journey.under_way, journey.building)
        return None

    @property
    def status(self) -> SlotStatus:
        """How it is now: the same snapshot as long as nothing changes."""
        traffic, slots = self.traffic, self._slots
        servable = None if traffic.binding is None else traffic.binding.servable
        pursuit, fallback = self.pursuit, self.fallback_pursuit
        seen = (
            None if servable is None else servable.version,
            traffic.since,
            traffic.epoch,
            servable is not None and servable.predictor.ready,
            servable is not None and servable.cold,
            self._coming(pursuit.version, fallback.version),
            pursuit,
            fallback,
            self.has_no_fallback,
            self.wish.at,
            self.absent,
            self.lacking,
            pursuit.version in slots.tombstones,
            self.prepared,
            self.held,
            self._blocked,
            self.bake,
            self.verdict,
            self.failure,
            self._arms,
            self.wrong_tags,
        )
        last = self._status
        if last is None or last[0] != seen:
            # Both at once: it is asked beside the loop, too.
            last = self._status = seen, SlotStatus(self.ref, self.standing, *seen)
        return last[1]


def _is_gone(ref: ModelRef, missing: Missing) -> str:
    return f"{ref.alias}: {missing.of(ref.alias)}."
