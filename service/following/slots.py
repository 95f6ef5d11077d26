"""Which slots there are, and what one may know about all of them at a glance."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
    ValuesView,
)
from hashlib import sha256
from typing import Final

from service.errors import NotThereYet, UnknownModel
from service.following.journey import Journey
from service.following.ports import Resolution
from service.following.shadow_status import NO_SHADOW, ShadowStatus
from service.following.slot import Slot
from service.following.slot_status import LookStatus, ServiceStatus, Standing
from service.patterns import MOST_FOUND, RefPattern
from service.refs import ModelRef, VersionId
from service.tombstones import Tombstones

_LABEL_DIGITS: Final = 12


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
