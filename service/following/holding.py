"""What an operator holds stays on what it serves, wherever its alias is moved meanwhile.

A look brings holds, by tags of the model. For a held slot the alias is as if it were on the version
that the slot serves, or has served last, before this start too; so all that is promised of a slot
whose alias stands still is promised of a held one. One that never served takes what its alias is
on, once. A hold moves nothing: what is withdrawn or blocked is taken from a held slot as well, and
what bakes when it comes may still give way. From then on the slot stays on what that gave way to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from service.following.history import History
from service.following.ports import Clock, LookAnswer, Resolution, Unanswered
from service.following.recording import Recorder
from service.following.slot import Slot
from service.following.slot_status import HeldAlias
from service.following.slots import Slots
from service.hold_tag import Hold
from service.refs import ModelRef, VersionId


@dataclass(eq=False, repr=False)
class Holding:
    """Tells slots that they are held, and looks what they stay on."""

    _slots: Slots
    _history: History
    _recorder: Recorder
    _clock: Clock

    def kept(self, answer: LookAnswer) -> Mapping[ModelRef, Resolution]:
        """What was found, with what held slots stay on in the place of where aliases point."""
        return {ref: self._kept(ref, found, answer) for ref, found in answer.found.items()}

    def _kept(self, ref: ModelRef, found: Resolution, answer: LookAnswer) -> Resolution:
        slot = self._slots.get(str(ref))
        if isinstance(found, Unanswered):
            return found
        hold = answer.holds.get(ref)
        if hold is not None and hold.is_over(datetime.fromtimestamp(self._clock.wall(), UTC)):
            hold = None
        stays_on = self._stays_on(ref, found, slot) if hold is not None else found
        if slot is not None:
            self._note(slot, hold, found, stays_on)
        return stays_on

    def _note(self, slot: Slot, hold: Hold | None, found: Resolution, stays_on: Resolution) -> None:
        before = slot.held
        alias_on = found if isinstance(found, VersionId) else None
        slot.held = None if hold is None else HeldAlias(hold, alias_on)
        if hold is not None and (before is None or before.hold != hold):
            on = stays_on if isinstance(stays_on, VersionId) else None
            self._recorder.held(slot, hold, on)
        elif hold is None and before is not None:
            self._recorder.released(slot)

    def _stays_on(self, ref: ModelRef, found: Resolution, slot: Slot | None) -> Resolution:
        if not isinstance(found, VersionId):
            return found
        if slot is not None and slot.version is not None:
            return slot.version
        last = self._history.baseline(ref)
        return found if last is None else last.version
