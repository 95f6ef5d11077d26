"""Slots that patterns find: they come with the registry's models, and go where nothing is left.

One that serves is governed by the promises of every slot: its alias or model may go, and it serves
on (P4). It goes itself once the registry says that there is no such alias or model, nothing that
it has served stands in, as for what is withdrawn nothing does, and nothing is kept warm.
"""

from collections.abc import Mapping

from service.following.history import History
from service.following.observer import FollowingObserver
from service.following.ports import Resolution
from service.following.slot_status import Standing
from service.following.slots import Slot, Slots
from service.refs import ModelRef


class Population:
    """Makes slots of what patterns find, and ends those that have nothing to serve."""

    def __init__(self, slots: Slots, history: History, observer: FollowingObserver) -> None:
        self._slots = slots
        self._history = history
        self._observer = observer
        self._looked = False
        self._unmatched: list[str] = []

    def admit(self, found: Mapping[ModelRef, Resolution]) -> None:
        """A look has found these: those that are new get slots."""
        came = [ref for ref in found if str(ref) not in self._slots]
        if came:
            self._slots.add(came, Standing.LATER if self._looked else Standing.FIRST)
            for ref in came:
                self._observer.slot_came(ref)
        # One that could not list the registry's models has not found what is there at the start.
        self._looked = self._looked or self._slots.look.failure is None
        unmatched = self._slots.unmatched
        if self._looked and unmatched != self._unmatched:
            self._unmatched = unmatched
            self._observer.unmatched(unmatched)

    def dismiss(self) -> None:
        """Ends slots of patterns that have nothing to serve."""
        went = [slot for slot in self._slots.values() if _has_nothing(slot)]
        self._slots.drop(went)
        for slot in went:
            self._history.forget(slot.ref)
            self._observer.slot_went(slot.ref)


def _has_nothing(slot: Slot) -> bool:
    if slot.standing is Standing.CONFIGURED or slot.previous is not None:
        return False
    return slot.missing or (slot.gone and slot.lacking is not None)
