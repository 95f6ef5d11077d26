"""What becomes known of a version that serves before it was ever loaded, and once it is.

Where not every version stays loaded, one may be swapped in by its gates alone. It is its slot's
last known good once it has loaded; and where it cannot, it gives the slot back to what that was
(P2), or to nothing.
"""

from service.following.history import History, ServedBefore
from service.following.holding import OpenVersions
from service.following.ports import Clock
from service.following.sentences import cut
from service.following.slot_status import Failure
from service.following.slots import Slot, Slots
from service.refs import VersionId


class Prover:
    """Looks at each slot after each look."""

    def __init__(self, slots: Slots, history: History, holding: OpenVersions, clock: Clock) -> None:
        self._slots = slots
        self._history = history
        self._holding = holding
        self._clock = clock

    def see_to(self, slot: Slot) -> None:
        """Notes what its version has shown since; nothing where that was loaded from the start."""
        binding = slot.binding
        demanded = None if binding is None else binding.servable.demanded
        if binding is None or demanded is None:
            return
        version = binding.servable.version
        if demanded.failure is not None and slot.failure is None:
            error, at = demanded.failure, demanded.failed_at
            slot.failure = Failure(error.stage, error.reason, cut(error.message), at, version)
        if demanded.proven:
            self._note(slot, ServedBefore(binding.servable.fetched, self._clock.wall()))
        elif slot.irreplaceable and self._is_decided(slot, version):
            self._holding.give_up(slot)

    def _is_decided(self, slot: Slot, version: VersionId) -> bool:
        """Whether it has been tried anew and refused; or cannot be, for the registry is silent."""
        return version == slot.quarantined or self._slots.look.failure is not None

    def _note(self, slot: Slot, known: ServedBefore) -> None:
        before = self._history.baseline(slot.ref)
        is_noted = before is not None and before.version == known.fetched.version
        if not is_noted and not slot.on_last_known_good:
            self._history.note(slot.ref, known)
