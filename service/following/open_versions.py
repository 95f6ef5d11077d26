"""Which versions are open and which slots hold them: the swap, the warm one, the end."""

import asyncio
import math
from collections.abc import Callable

from service.background import Work, begin
from service.errors import ServiceError
from service.following.observer import FollowingObserver
from service.following.ports import Clock
from service.following.servable import Binding, KeptWarm, Servable, close
from service.following.slot import Slot
from service.following.slots import Slots
from service.refs import VersionId
from service.rollout.outcomes import Outcomes


class OpenVersions:
    """The servables that slots hold, from their first hold to the end of their processes.

    `ready_changed` is called with one whose processes cannot answer any more, or can again.
    """

    def __init__(
        self,
        slots: Slots,
        observer: FollowingObserver,
        clock: Clock,
        keep_warm_seconds: float,
    ) -> None:
        self._slots = slots
        self._observer = observer
        self._clock = clock
        self._keep_warm_seconds = keep_warm_seconds
        self._open: dict[VersionId, Servable] = {}
        self._alive: set[Servable] = set()
        self.ending: set[asyncio.Task[None]] = set()
        self.ready_changed: Callable[[Servable], None] = lambda _: None

    def ready(self, version: VersionId) -> Servable | None:
        """The version, if it is open, can answer, and can replace each process that dies."""
        there = self._open.get(version)
        if there is None or there.irreplaceable or not there.predictor.ready:
            return None
        return there

    def opened(self, servable: Servable) -> None:
        """It has been made."""
        self._open[servable.version] = servable
        self._alive.add(servable)
        servable.predictor.when_ready_changes(lambda: self.ready_changed(servable))

    def opened_beside(self, servable: Servable) -> None:
        """It has been made for whoever hears of requests: no slot is to be given it."""
        self._alive.add(servable)

    @property
    def versions(self) -> frozenset[VersionId]:
        """Every one that has processes, if only for requests in flight."""
        return frozenset(each.version for each in self._alive)

    def withdraw(self, slot: Slot, version: VersionId, refusal: ServiceError) -> None:
        """The slot does not hold the version any more; its processes end now, whoever waits."""
        if slot.previous is not None and slot.previous.binding.servable.version == version:
            self.drop_previous(slot)
        if slot.version == version:
            self.give_up(slot)
        self.end(version, refusal)

    def end(self, version: VersionId, refusal: ServiceError) -> None:
        """Its processes end now, whoever waits: each request in flight comes to the refusal."""
        for servable in [each for each in self._alive if each.version == version]:
            if servable.refusal is None:
                servable.refusal = refusal
                self.keep(begin(Work.RETIRING, close(servable)))
        self._open.pop(version, None)

    def renew(self, slot: Slot, servable: Servable) -> bool:
        """Gives the slot other processes of the version that it serves; False if it is another."""
        old = slot.binding
        if old is None or old.servable.version != servable.version:
            return False
        servable.hold()
        slot.serve(Binding(slot.ref, servable, old.outcomes), slot.traffic.since)
        old.servable.release()
        return True

    def swap(self, slot: Slot, servable: Servable, *, bakes: bool = False) -> VersionId | None:
        """The slot serves it from now on, and keeps what it served warm; which that was.

        Where it `bakes`, what was proven before is kept until that is over, and nothing else.
        """
        servable.hold()
        old = slot.binding
        outcomes = Outcomes() if bakes else _counted_before(slot, servable)
        slot.serve(Binding(slot.ref, servable, outcomes), self._clock.wall())
        if _is_put_right(slot, servable.version):
            slot.failure = None
        if old is None:
            if not bakes or slot.older is None:
                self.drop_previous(slot)
            return None
        if not bakes:
            self._keep_warm(slot, old)
        elif slot.older is not None:
            old.servable.release()
        else:
            # What has not passed its own bake is nothing to go back to.
            self._keep_warm(slot, old, math.inf if slot.bake is None else None)
        return old.servable.version

    def keep_beside(self, slot: Slot, servable: Servable) -> Binding:
        """Keeps it warm for what bakes there to give way to, and nothing else."""
        servable.hold()
        older = Binding(slot.ref, servable)
        self._keep_warm(slot, older, math.inf)
        return older

    def cool(self, slot: Slot) -> None:
        """What was kept warm for a bake is for as long as any other version that was before."""
        if slot.previous is not None and slot.previous.is_proven:
            until = self._clock.monotonic() + self._keep_warm_seconds
            slot.previous = KeptWarm(slot.previous.binding, until)
            self.retire_the_cold(slot)

    def empty(self, slot: Slot) -> VersionId | None:
        """The slot serves nothing any more, and keeps what it served warm; which that was."""
        old = slot.binding
        if old is None:
            return None
        slot.serve(None)
        self._keep_warm(slot, old)
        return old.servable.version

    @staticmethod
    def give_up(slot: Slot) -> None:
        """The slot serves nothing any more; what it has kept warm stays so."""
        binding = slot.binding
        if binding is not None:
            slot.serve(None)
            binding.servable.release()

    def drop(self, slot: Slot) -> None:
        """There is no such slot any more: it holds nothing."""
        self.drop_previous(slot)
        self.give_up(slot)

    def retire_the_cold(self, slot: Slot) -> None:
        """Lets go of what the slot has kept warm for long enough."""
        if slot.previous is not None and slot.previous.until <= self._clock.monotonic():
            self.drop_previous(slot)

    def let_go(self) -> None:
        """No slot holds anything any more."""
        for slot in self._slots.values():
            self.drop(slot)

    async def close(self) -> None:
        """Ends the processes of what is held by requests still; returns when they are gone."""
        await asyncio.gather(*(close(each) for each in list(self._alive)))

    def unheld(self, servable: Servable) -> None:
        """Nobody holds it any more: its processes are ended."""
        if self._open.get(servable.version) is servable:
            del self._open[servable.version]
        self._alive.discard(servable)
        self.keep(begin(Work.RETIRING, close(servable)))
        self._observer.retired(servable.version)

    def keep(self, task: asyncio.Task[None]) -> None:
        """Holds on to work that ends something, until it is done."""
        self.ending.add(task)
        task.add_done_callback(self.ending.discard)

    def _keep_warm(self, slot: Slot, old: Binding, seconds: float | None = None) -> None:
        seconds = self._keep_warm_seconds if seconds is None else seconds
        self.drop_previous(slot)
        slot.previous = KeptWarm(old, self._clock.monotonic() + seconds)
        if seconds <= 0:
            self.drop_previous(slot)

    @staticmethod
    def drop_previous(slot: Slot) -> None:
        """The slot keeps nothing warm any more."""
        previous, slot.previous = slot.previous, None
        if previous is not None:
            previous.binding.servable.release()


def _counted_before(slot: Slot, servable: Servable) -> Outcomes:
    """What requests of it have come to lately, where it comes back from being kept warm."""
    warm = slot.previous
    came_back = warm is not None and warm.binding.servable is servable
    return warm.binding.outcomes if warm is not None and came_back else Outcomes()


def _is_put_right(slot: Slot, version: VersionId) -> bool:
    """Whether what failed last is no more, now that the slot serves this version.

    Where it serves for want of another version, why that one fails is still to be told; and what a
    look has found is the next look's to take back.
    """
    failure = slot.failure
    if failure is None or version == slot.aspired:
        return True
    return not failure.of_look and failure.version in {None, version}
