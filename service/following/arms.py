"""Arms: what tags name to share an alias's requests, each followed and loaded like any slot (P18).

A look brings the tags; what they say is kept with the slots' history, so that a service that starts
without its registry goes on as it was (P5). An arm is a slot of its own while any plan names it,
and no route leads there. It has its share from the turn in which it can answer, and gives it back
in the turn in which it cannot: what it cannot serve its slot does (P2).
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from service.following.fallback import Fallbacks
from service.following.history import History
from service.following.observer import FollowingObserver
from service.following.open_versions import OpenVersions
from service.following.ports import Clock, LookAnswer, Resolution, Unanswered
from service.following.recording import Recorder
from service.following.servable import Servable
from service.following.slot import Slot
from service.following.slots import Slots
from service.refs import ModelRef
from service.rollout.rollout_plan import planned
from service.rollout_tags import NO_TAGS, RolloutTags, tag_name

_NOT_ASKED: Final = Unanswered(
    "arm_unanswered", "The registry has not been asked about this arm yet; it is soon.", ""
)
# Whoever changes a tag on MLflow's page expects to see something of it.
_SOON_SECONDS: Final = 5.0


@dataclass(eq=False, repr=False)
class Arms:
    """Gives each slot what tags wish for it, and has the arms that these name.

    `takes_any`: whether tags may bring any.
    """

    _slots: Slots
    _history: History
    _open: OpenVersions
    _fallbacks: Fallbacks
    _recorder: Recorder
    _observer: FollowingObserver
    _clock: Clock
    _takes_any: bool
    _said: Mapping[ModelRef, RolloutTags] = field(default_factory=dict, init=False)
    _told: dict[ModelRef, Mapping[str, str]] = field(default_factory=dict, init=False)
    _late: set[ModelRef] = field(default_factory=set, init=False)
    _unknown: Mapping[str, Sequence[str]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """What was wished before this start is so still."""
        self._open.ready_changed = self._ready_changed
        self.see_to_all()

    def looked(self, answer: LookAnswer) -> Mapping[ModelRef, Resolution]:
        """A look has been answered; what it says of every slot, of new arms too.

        Of models that gave no answer nothing changes.
        """
        self._said = answer.rollout
        self._slots.named = answer.named
        self._tell_unknown(answer.unknown_tags)
        asked = {slot.ref for slot in self._slots.arms}
        self.see_to_all()
        arms = {slot.ref for slot in self._slots.arms}
        found = {ref: each for ref, each in answer.found.items() if ref not in asked - arms}
        return {**{ref: answer.named.get(ref, _NOT_ASKED) for ref in arms}, **found}

    def see_to_all(self) -> None:
        """Plans are made anew, since some end by themselves, and there are arms for them."""
        self._recorder.each(self._slots.values(), self._plan)
        wanted = self._wanted()
        self._add(wanted)
        # Before any goes: nobody is bound to what closes, whatever else may fail.
        self.compose_all()
        self._drop_others(wanted)

    def end_what_is_over(self) -> float:
        """Splits whose time has come end, no look needed; seconds until the next one's does."""
        left = self._seconds_left()
        if left <= 0:
            self.see_to_all()
            # What could not be planned is not tried without a pause.
            left = max(1.0, self._seconds_left())
        return left

    def _seconds_left(self) -> float:
        ends = [slot.plan.split.until for slot in self._slots.values()]
        times = [each.timestamp() for each in ends if each is not None]
        return min(times, default=math.inf) - self._clock.wall()

    def compose_all(self) -> None:
        """Arms that can answer have their shares, and no others."""
        self._recorder.each(self._slots.routed, self._compose)
        self._told = {slot.ref: self._told.get(slot.ref, {}) for slot in self._slots.routed}

    def _ready_changed(self, servable: Servable) -> None:
        """In the same turn: nobody more is bound to what cannot answer."""
        parents = {
            parent
            for slot in self._slots.values()
            if slot.binding is not None and slot.binding.servable is servable
            for parent in self._slots.parents(slot)
        }
        if parents:
            self._recorder.each(parents, self._compose)

    def _compose(self, slot: Slot) -> None:
        slot.compose()
        self._tell_wrong(slot)

    def _wanted(self) -> set[ModelRef]:
        return {
            ModelRef(slot.ref.name, alias)
            for slot in self._slots.routed
            for alias in slot.plan.arms
        }

    def _plan(self, slot: Slot) -> None:
        in_force = self._history.rollout(slot.ref)
        last = in_force if slot.rollout == NO_TAGS else slot.rollout
        slot.rollout = said = self._said.get(slot.ref, last)
        alias, now, takes_any = slot.ref.alias, self._clock.wall(), self._takes_any
        slot.plan = planned(said, in_force, alias, now, takes_arms=takes_any)
        if slot.plan.tags != in_force:
            self._history.note_rollout(slot.ref, slot.plan.tags)

    def _add(self, wanted: Collection[ModelRef]) -> None:
        came = [ref for ref in wanted if str(ref) not in self._slots]
        self._slots.add_arms(sorted(came, key=str))
        for ref in came:
            self._observer.arm_came(ref)

    def _drop_others(self, wanted: Collection[ModelRef]) -> None:
        went = [slot for slot in self._slots.arms if slot.ref not in wanted]
        for slot in went:
            self._fallbacks.give_up(slot)
            self._open.drop(slot)
            self._history.forget(slot.ref)
            self._observer.arm_went(slot.ref)
        self._slots.drop(went)

    def _tell_wrong(self, slot: Slot) -> None:
        wrong, told = slot.wrong_tags, self._told.get(slot.ref, {})
        for kind, sentence in wrong.items():
            if told.get(kind) != sentence:
                self._observer.tag_wrong(slot.ref, tag_name(kind, slot.ref.alias), sentence)
        late = slot.plan.tags.is_steered and slot.pause_of_looks > _SOON_SECONDS
        if late and slot.ref not in self._late:
            self._late.add(slot.ref)
            self._observer.tags_late(slot.ref, slot.pause_of_looks)
        self._told[slot.ref] = wrong

    def _tell_unknown(self, unknown: Mapping[str, Sequence[str]]) -> None:
        for name, tags in unknown.items():
            if tags != self._unknown.get(name):
                self._observer.tags_unknown(name, tags)
        self._unknown = unknown
