"""The last known good of an empty slot: what stands in for want of anything newer.

It does where the registry does not answer (P5), where it has no such alias or model (P4), unless
those are to leave the slot empty, where what the alias is on has failed (P2), and where that has
not become ready in `STAND_IN_SECONDS`: a load that hangs would leave the slot empty up to its
limit. A slot that serves is never given one.

A slot that has never served, on a new machine say, gets what the model's tag names for that, where
what its alias is on is refused or blocked (`service.fallback_tag`).

Where not every version stays loaded, one may be swapped in by its gates alone. It is its slot's
last known good once it has loaded; and where it cannot, it gives the slot back to what that was
(P2), or to nothing.
"""

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from service.background import Work, begin
from service.errors import FollowingError, Withdrawn
from service.following.coming_versions import ComingVersions
from service.following.history import History, ServedBefore
from service.following.observer import FollowingObserver
from service.following.open_versions import OpenVersions
from service.following.ports import Clock, FetchedVersion, Registry
from service.following.sentences import cut
from service.following.slot import Slot
from service.following.slot_status import Failure, Standing
from service.following.slots import Slots
from service.refs import ModelRef, VersionId

STAND_IN_SECONDS: Final = 10.0
"""For how long an empty slot waits for what its alias is on.

Longer than most versions take to be fetched and loaded: two are not to be loaded where one will do.
"""


@dataclass(eq=False, repr=False)
class Fallbacks:
    """Sees to it that an empty slot gets its last known good, where it has to, and what that is.

    Asks for it beside the loop, one question for each slot at a time: verifying may take minutes.
    `keeps_missing`: whether anything stands in where the registry has no such alias or model.
    """

    _slots: Slots
    _registry: Registry
    _history: History
    _observer: FollowingObserver
    _clock: Clock
    _open: OpenVersions
    _coming: ComingVersions
    _keeps_missing: bool
    _asking: dict[ModelRef, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _useless: dict[ModelRef, tuple[str, VersionId | None]] = field(default_factory=dict, init=False)

    @property
    def asking(self) -> Collection[asyncio.Task[None]]:
        """What has not been answered yet."""
        return self._asking.values()

    def see_to(self, slot: Slot) -> None:
        """The registry has said which version the slot is to serve."""
        if slot.binding is None and slot.vacant_since is None:
            slot.vacant_since = self._clock.monotonic()
        if slot.failure is not None or slot.status.on_last_known_good or self._is_late(slot):
            self.fall_back(slot)
        else:
            self.need_none(slot)

    def miss(self, slot: Slot) -> None:
        """The registry has said that the slot has nothing to serve."""
        slot.vacant_since = None
        if self.keeps(slot):
            self.fall_back(slot)
        else:
            self.need_none(slot)
            slot.has_no_fallback = True

    def fall_back(self, slot: Slot) -> None:
        """An empty slot gets what it served before the start, unless better is coming."""
        now = self._clock.monotonic()
        if slot.binding is not None or not slot.fallback_pursuit.is_due(now):
            return
        if not self.may_stand_in(slot):
            return
        if slot.fallback in self._slots.staging or self._is_aspired_coming(slot):
            return
        slot.fallback_pursuit = slot.fallback_pursuit.tried(now)
        if slot.ref not in self._asking:
            self._begin(slot, self._ask(slot))

    def _begin(self, slot: Slot, work: Coroutine[Any, Any, None]) -> None:
        task = begin(Work.FOLLOWING, work)
        self._asking[slot.ref] = task
        task.add_done_callback(partial(self._asked, slot.ref))

    def may_stand_in(self, slot: Slot) -> bool:
        """Whether the slot may serve anything that it has served before."""
        return slot.lacking is None and (self.keeps(slot) or not slot.status.gone)

    def keeps(self, slot: Slot) -> bool:
        """Whether it goes on where the registry has no such alias or model; no arm does (P4)."""
        keeps = self._keeps_missing and slot.standing is not Standing.ARM
        return keeps or slot.held is not None

    def need_none(self, slot: Slot) -> None:
        """The slot serves what it should, or soon will, or has nothing to serve."""
        slot.fallback_pursuit = slot.fallback_pursuit.of(None)
        self.give_up(slot)

    def give_up(self, slot: Slot) -> None:
        """Nobody wants to know any more; what was found by then is given back."""
        task = self._asking.pop(slot.ref, None)
        if task is not None:
            task.cancel()
            self._open.keep(task)

    def revive(self, slot: Slot) -> None:
        """Brings anew what serves beside its alias and cannot come back by itself (P2, P4)."""
        version, now = slot.version, self._clock.monotonic()
        if version is None or version == slot.aspired or not slot.irreplaceable:
            return
        if version in self._slots.blocked:
            return
        if version not in self._slots.staging and slot.fallback_pursuit.is_due(now):
            slot.fallback_pursuit = slot.fallback_pursuit.tried(now)
            self._coming.bring(slot, version)

    def prove(self, slot: Slot) -> None:
        """Notes what its version has shown; nothing where that was loaded from the start."""
        binding = slot.binding
        demanded = None if binding is None else binding.servable.demanded
        if binding is None or demanded is None:
            return
        version = binding.servable.version
        if demanded.failure is not None and slot.failure is None:
            error, at = demanded.failure, demanded.failed_at
            slot.failure = Failure(error.stage, error.reason, cut(error.message), at, version)
        if demanded.proven and slot.bake is None:
            key = binding.servable.runs_in.key
            self._note(slot, ServedBefore(binding.servable.fetched, self._clock.wall(), key))
        elif binding.servable.predictor.irreplaceable and self._is_decided(slot, version):
            self._open.give_up(slot)

    def _is_decided(self, slot: Slot, version: VersionId) -> bool:
        """Whether it has been tried anew and refused; or cannot be, for the registry is silent."""
        return version == slot.quarantined or self._slots.look.failure is not None

    def _note(self, slot: Slot, known: ServedBefore) -> None:
        before = self._history.baseline(slot.ref)
        is_noted = before is not None and before.version == known.fetched.version
        if not is_noted and not slot.status.on_last_known_good:
            self._history.note(slot.ref, known)

    def _is_aspired_coming(self, slot: Slot) -> bool:
        if slot.aspired not in self._slots.staging:
            return False
        known = self._history.baseline(slot.ref)
        return not self._is_late(slot) or known is None or known.version == slot.aspired

    def _is_late(self, slot: Slot) -> bool:
        if slot.binding is not None or slot.vacant_since is None:
            return False
        return self._clock.monotonic() - slot.vacant_since >= STAND_IN_SECONDS

    def _asked(self, ref: ModelRef, task: asyncio.Task[None]) -> None:
        if self._asking.get(ref) is task:
            del self._asking[ref]

    async def _ask(self, slot: Slot) -> None:
        try:
            known = await self._history.last_known_good(slot.ref)
            if known is None or self.is_named(slot):
                if known is not None:
                    known.fetched.lease.release()
                await self._bring_named(slot)
            else:
                self._found(slot, known.fetched)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end following
            self._observer.tick_failed(error)
        self._slots.changed()

    def is_named(self, slot: Slot) -> bool:
        """Whether the model's tag says what it is to serve.

        It has nothing that it has served and may serve again, and may not serve what its alias is
        on.
        """
        last, number = self._history.baseline(slot.ref), slot.plan.fallback
        has_good = last is not None and not self._is_marked(last.version)
        if number is None or has_good or (number, slot.aspired) == self._useless.get(slot.ref):
            return False
        return _is_refused(slot) or slot.version in self._slots.blocked

    def seek_named(self, slot: Slot) -> None:
        """It gets that, where it serves what is blocked, or nothing."""
        now = self._clock.monotonic()
        due = slot.fallback_pursuit.is_due(now) and slot.ref not in self._asking
        if due and slot.fallback not in self._slots.staging:
            slot.fallback_pursuit = slot.fallback_pursuit.tried(now)
            self._begin(slot, self._ask_named(slot))

    async def _ask_named(self, slot: Slot) -> None:
        try:
            await self._bring_named(slot)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end following
            self._observer.tick_failed(error)
        self._slots.changed()

    async def _bring_named(self, slot: Slot) -> None:
        number = slot.plan.fallback if self.is_named(slot) else None
        if number is None:
            slot.has_no_fallback = True
            return
        try:
            version = await self._registry.identify(slot.ref.name, number)
        except FollowingError:
            return  # it is asked again after a pause
        if version is None or version == slot.aspired:
            self._useless[slot.ref] = number, slot.aspired  # until the alias moves on
        if not self.is_named(slot):  # nor is it any more, should that have changed meanwhile
            slot.has_no_fallback = slot.binding is None
        elif version is not None and not self._is_marked(version):
            slot.has_no_fallback = False
            slot.fallback_pursuit = slot.fallback_pursuit.of(version)
            self._coming.bring(slot, version)
        else:
            slot.has_no_fallback = True

    def _is_marked(self, version: VersionId) -> bool:
        return version in self._slots.tombstones or version in self._slots.blocked

    def _found(self, slot: Slot, fetched: FetchedVersion) -> None:
        version = fetched.version
        is_coming = version == slot.aspired and version in self._slots.staging
        if slot.binding is not None or is_coming:
            fetched.lease.release()
        elif version == slot.quarantined or self._is_marked(version):
            fault = slot.pursuit.fault or Withdrawn.code
            slot.fallback_pursuit = slot.fallback_pursuit.refused(fault)
            slot.has_no_fallback = True
            fetched.lease.release()
        else:
            slot.fallback_pursuit = slot.fallback_pursuit.of(version)
            slot.has_no_fallback = False
            self._coming.bring(slot, version, fetched)


def _is_refused(slot: Slot) -> bool:
    return slot.aspired is not None and slot.quarantined == slot.aspired
