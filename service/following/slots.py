"""What is served under each reference, and what one may know about it at a glance."""

import asyncio
import math
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
    ValuesView,
)
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from service.errors import NotThereYet, UnknownModel
from service.following.bake import Bake, BakeVerdict
from service.following.journey import Journey
from service.following.pace import Trigger
from service.following.ports import Missing, Resolution
from service.following.pursuit import Pursuit
from service.following.servable import Arm, Binding, Listener, Sharing, Traffic
from service.following.shadow_status import NO_SHADOW, ShadowStatus
from service.following.slot_status import (
    ArmStatus,
    Failure,
    HeldAlias,
    LookStatus,
    OnItsWay,
    ServiceStatus,
    SlotStatus,
    Standing,
)
from service.patterns import MOST_FOUND, RefPattern
from service.refs import ModelRef, VersionId
from service.rollout.buckets import key_of
from service.rollout.rollout_plan import NO_PLAN
from service.rollout_tags import NO_TAGS, RolloutTags
from service.split_tag import WHOLE, ArmShare
from service.tombstones import Tombstones

_LABEL_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Wish:
    """How the slot came to aspire to what it does: who asked, the look's seconds, and when.

    `at` is in seconds since 1970; None before the first look.
    """

    trigger: Trigger
    look_seconds: float
    at: float | None = None


@dataclass(frozen=True, slots=True)
class KeptWarm:
    """What a slot has served before, ready for an alias that moves back; `until` is monotonic.

    `inf`: for as long as what serves bakes.
    """

    binding: Binding
    until: float

    @property
    def is_proven(self) -> bool:
        """Whether it is what a version that bakes gives way to."""
        return self.until == math.inf


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
        self, ref: ModelRef, slots: "Slots", standing: Standing = Standing.CONFIGURED
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


class Slots(Mapping[str, Slot]):
    """Every slot of the service by `name@alias`: as configured, then those that patterns find.

    The latter are at most `most`, in order of their names. `staging` is a live view of the versions
    on their way, given by the follower, and `tombstones` of those that nobody may be answered by;
    `blocked` are those that no slot is to take, and why; `shadow_of` says how a slot's shadow is;
    `left_out` how many more patterns mean than may be found, `unmatched` those that find nothing.
    Behind all these come arms: what tags name for others, which have no route, and of which nobody
    who watches is told. `named` is where the last look found what tags name, shadows too;
    `traffic_changed` is told, in the same turn, of a slot that shares its requests otherwise.
    May be read beside the loop: which slots there are is replaced, never edited.
    """

    def __init__(
        self,
        refs: Sequence[ModelRef],
        patterns: Sequence[RefPattern] = (),
        most: int = MOST_FOUND,
    ) -> None:
        self._slots = {str(ref): Slot(ref, self) for ref in refs}
        self._configured = tuple(self._slots)
        self._most = most
        self.named: Mapping[ModelRef, Resolution] = {}
        self.traffic_changed: Callable[[Slot], None] = lambda _: None
        self._watching: list[tuple[Callable[[Slot], None], Callable[[Slot], None]]] = []
        self.patterns = tuple(patterns)
        self.staging: Mapping[VersionId, Journey] = {}
        self.shadow_of: Callable[[Slot], ShadowStatus] = lambda _: NO_SHADOW
        self.tombstones = Tombstones()
        self.blocked: Mapping[VersionId, str] = {}
        self.look = LookStatus(None, None, None)
        self.poll_seconds = 1.0
        self.left_out = 0
        self.unmatched = self._unmatched()
        self._status = ServiceStatus({}, self.look, (), 0)
        self._changed = asyncio.Event()

    def __getitem__(self, key: str) -> Slot:
        return self._slots[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    def values(self) -> ValuesView[Slot]:
        """Those that there are now."""
        return self._slots.values()

    @property
    def room(self) -> int:
        """How many more may be found."""
        return max(0, self._most - (len(self.routed) - len(self._configured)))

    @property
    def routed(self) -> Sequence[Slot]:
        """Those that requests may name: all but arms."""
        return [slot for slot in self._slots.values() if slot.standing is not Standing.ARM]

    @property
    def arms(self) -> Sequence[Slot]:
        """Those that stand for nothing but what tags name."""
        return [slot for slot in self._slots.values() if slot.standing is Standing.ARM]

    def parents(self, arm: Slot) -> Sequence[Slot]:
        """Those that share their requests with that one, or are to."""
        return [
            slot
            for slot in self._slots.values()
            if slot.ref.name == arm.ref.name
            and arm.ref.alias in slot.plan.arms
            and slot.standing is not Standing.ARM
        ]

    def add_arms(self, refs: Collection[ModelRef]) -> None:
        """Tags name these; no route leads there."""
        came = {str(ref): Slot(ref, self, Standing.ARM) for ref in refs}
        self._replace({**came, **self._slots})

    def adopt(self, slot: Slot, standing: Standing) -> None:
        """A pattern has found what is an arm already; whoever watches is told."""
        if self.room:
            slot.standing = standing
            self._replace(self._slots)
            for tell, _ in self._watching:
                tell(slot)

    def add(self, refs: Collection[ModelRef], standing: Standing) -> None:
        """Patterns have found these; whoever watches is told. Beyond the room they are left out."""
        came = {str(ref): Slot(ref, self, standing) for ref in list(refs)[: self.room]}
        came = {key: slot for key, slot in came.items() if key not in self._slots}
        self._replace({**self._slots, **came})
        for slot in came.values():
            for tell, _ in self._watching:
                tell(slot)

    def drop(self, slots: Collection[Slot]) -> None:
        """There are none of these any more; whoever watches is told."""
        went = {str(slot.ref) for slot in slots}
        if went:
            self._replace({key: slot for key, slot in self._slots.items() if key not in went})
        for slot in slots:
            for _, tell in self._watching if slot.standing is not Standing.ARM else ():
                tell(slot)

    def _replace(self, slots: Mapping[str, Slot]) -> None:
        def place(key: str) -> tuple[bool, str]:
            return slots[key].standing is Standing.ARM, key

        found = sorted(slots.keys() - set(self._configured), key=place)
        self._slots = {key: slots[key] for key in (*self._configured, *found)}
        self.unmatched = self._unmatched()

    def watch(self, came: Callable[[Slot], None], went: Callable[[Slot], None]) -> None:
        """`came` is called with every slot, now or once it is there, `went` when it is no more."""
        self._watching.append((came, went))
        for slot in self.routed:
            came(slot)

    def find(self, key: str) -> Slot:
        """The slot of that `name@alias`; raises `UnknownModel`, or `NotThereYet`."""
        try:
            return self._slots[key]
        except KeyError:
            name, _, alias = key.rpartition("@")
            if any(pattern.matches(name, alias) for pattern in self.patterns):
                raise NotThereYet(
                    "The registry has had no model and alias of that name yet; this service "
                    "follows it as soon as there is one."
                ) from None
            raise UnknownModel("This service follows no model and alias of that name.") from None

    def _unmatched(self) -> list[str]:
        refs = [slot.ref for slot in self.routed]
        return [
            str(pattern)
            for pattern in self.patterns
            if not any(pattern.matches(ref.name, ref.alias) for ref in refs)
        ]

    def label(self, key: str) -> str:
        """A slot's name for programs: by its place in the settings, else by what it is called."""
        if key in self._configured:
            return f"model_{self._configured.index(key) + 1}"
        return f"model_{sha256(key.encode()).hexdigest()[:_LABEL_DIGITS]}"

    @property
    def has_default(self) -> bool:
        """Whether there is a default slot: what patterns find is none, for it comes and goes."""
        return bool(self._configured)

    @property
    def default(self) -> Slot:
        """The first one configured: what `/predict` and `/invocations` serve.

        Raises `UnknownModel` where there are patterns alone.
        """
        if not self._configured:
            raise UnknownModel(
                "This service has no default model; ask for one by its name, as in "
                "/models/NAME@ALIAS/predict."
            )
        return self._slots[self._configured[0]]

    @property
    def status(self) -> ServiceStatus:
        """How all of them are now: the same snapshot as long as nothing changes."""
        slots = {key: slot.status for key, slot in self._slots.items()}
        now = ServiceStatus(slots, self.look, self.unmatched, self.left_out)
        last = self._status
        if now != last:
            last = self._status = now
        return last

    def changed(self) -> None:
        """Whoever follows the statuses looks whether theirs is the newest; called on the loop."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def statuses(self) -> AsyncIterator[ServiceStatus]:
        """The status now, then the newest one whenever it is another than the one before.

        Whoever is slow to ask for the next gets the newest by then: nobody waits for them, and
        nothing is kept for them. Each look is a change. What no slot is told of, the end of a
        process and a load on demand, is seen at the next look.
        """
        seen = None
        while True:
            changed, now = self._changed, self.status
            if now is seen:
                await changed.wait()
            else:
                seen = now
                yield now

    @property
    def ready(self) -> bool:
        """Whether whatever is waited for serves, and something does."""
        return self.status.readiness.ready
