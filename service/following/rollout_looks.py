"""What model tags say of how slots are rolled out, as the last look that was answered has it.

Kept with the slots' history: a service that starts without its registry goes on as it was (P5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.following.history import History
from service.following.ports import LookAnswer
from service.following.slots import Slot, Slots
from service.refs import ModelRef
from service.rollout_tags import RolloutTags


@dataclass(eq=False, repr=False)
class RolloutLooks:
    """Gives each slot what tags say of it, whenever a look brings something else."""

    _slots: Slots
    _history: History
    _said: Mapping[ModelRef, RolloutTags] = field(default_factory=dict, init=False)
    unknown_tags: Mapping[str, Sequence[str]] = field(default_factory=dict, init=False)
    """Of each model that has any: names that begin as Podium's tags do, and mean nothing."""

    def looked(self, answer: LookAnswer) -> None:
        """A look has been answered; of models that gave no answer nothing changes."""
        self._said = answer.rollout
        self.unknown_tags = answer.unknown_tags

    def apply(self, slot: Slot) -> None:
        """What is known of the slot stands there: told by a look, else kept from before."""
        said = self._said.get(slot.ref)
        kept = self._history.rollout(slot.ref)
        slot.rollout = kept if said is None else said
        if slot.rollout != kept:
            self._history.note_rollout(slot.ref, slot.rollout)
