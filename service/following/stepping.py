"""One step for each slot: what goes wrong with one is told, and keeps no other from its own."""

from collections.abc import Callable, Iterable

from service.following.observer import FollowingObserver
from service.following.ports import Clock
from service.following.slot_status import LOOK, Failure
from service.following.slots import Slot, Slots


class Steps:
    """Takes steps. One that raises by a defect of Podium's is told with its slot's name."""

    def __init__(self, slots: Slots, observer: FollowingObserver, clock: Clock) -> None:
        self._slots = slots
        self._observer = observer
        self._clock = clock

    def each(self, slots: Iterable[Slot], step: Callable[[Slot], None]) -> None:
        """The step for each of the slots, in order; raises nothing."""
        for slot in slots:
            try:
                step(slot)
            except Exception as error:  # noqa: BLE001 - the other slots must be followed
                self.failed(slot, error)
        self._slots.changed()

    def failed(self, slot: Slot, error: Exception) -> None:
        """The slot says so, until a look goes well, unless it has something better to say."""
        if slot.failure is None:
            slot.failure = internal(self._clock)
        self._observer.slot_failed(slot.ref, error)


def internal(clock: Clock) -> Failure:
    """A defect of Podium's."""
    return Failure(LOOK, "internal", "Podium failed.", clock.wall())
