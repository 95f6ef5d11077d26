"""Gives slots the shadows that their tags name: followed, gated and loaded, each in its own hosts.

A shadow's version is loaded for that slot alone, even where it serves elsewhere: what it is asked
must be in nobody's way. What goes wrong with it is told as its own, and concerns no answer.
"""

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from service.background import Work, begin
from service.errors import FollowingError, VersionFault
from service.following.journey import Journey
from service.following.observer import FollowingObserver
from service.following.open_versions import OpenVersions
from service.following.ports import Clock, FetchedVersion, Missing, Resolution, Unanswered
from service.following.pursuit import Action, Pursuit, SlotView, decide
from service.following.readying import Readying, ReadyVersion
from service.following.recording import Recorder, defect, failure_of
from service.following.servable import SHADOW_TAG, Binding, Listener, Servable, may_hear
from service.following.shadow_status import NO_SHADOW, ShadowState, ShadowStatus
from service.following.slot import Slot
from service.following.slot_status import LOOK, Failure
from service.following.slots import Slots
from service.refs import ModelRef, VersionId
from service.retry_tag import RETRY_TAG
from service.shadow_tag import ShadowTag

NOT_ALLOWED: Final = "shadow_not_allowed"


@dataclass(eq=False, slots=True)
class _WantedShadow:
    """The shadow that one slot is to have, and how far that is."""

    ref: ModelRef
    share: int
    pursuit: Pursuit = field(default_factory=Pursuit)
    servable: Servable | None = None
    staging: VersionId | None = None
    task: asyncio.Task[None] | None = None
    failure: Failure | None = None
    same: bool = False
    # What the slot served when this was asked whether it may hear of its requests.
    beside: VersionId | None = None


@dataclass(eq=False, repr=False)
class Shadows:
    """Every slot's shadow. `readying` makes versions ready as shadows are: last of all processes.

    One is loaded at a time, and takes no turn of a version that is to answer.
    """

    _slots: Slots
    _readying: Readying
    _open: OpenVersions
    _recorder: Recorder
    _observer: FollowingObserver
    _clock: Clock
    _of: dict[ModelRef, _WantedShadow] = field(default_factory=dict, init=False)
    _turn: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, 1), init=False)

    def __post_init__(self) -> None:
        """Slots that go take their shadows along."""
        self._slots.watch(lambda _: None, self._drop)
        self._slots.shadow_of = self.status

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """What is under way."""
        return {each.task for each in self._of.values() if each.task is not None}

    def see_to(self, slot: Slot, wish: ShadowTag | None, found: Resolution | None) -> None:
        """The slot is to have that shadow, which the registry has found there; None: no look yet.

        Without a wish it is to have none.
        """
        wanted = self._wanted(slot, wish)
        if wanted is None:
            return
        target = self._target(wanted, found)
        wanted.same = target is not None and target == slot.version
        if target is None or wanted.same:
            self._let_go(slot, wanted)
        else:
            self._follow(slot, wanted, target)

    def status(self, slot: Slot) -> ShadowStatus:
        """How the slot's shadow is."""
        wanted = self._of.get(slot.ref)
        if wanted is None:
            return NO_SHADOW
        servable = wanted.servable
        version = wanted.pursuit.version if servable is None else servable.version
        hosts = None if servable is None else servable.predictor.status
        state = _state(slot, wanted)
        return ShadowStatus(wanted.ref, wanted.share, state, version, wanted.failure, hosts)

    def lift(self, ref: ModelRef) -> None:
        """What has failed is tried as if it had not: an operator asks."""
        if ref in self._of:
            self._of[ref].pursuit = self._of[ref].pursuit.reset()

    def close(self) -> None:
        """No slot has one any more."""
        for slot in self._slots.values():
            self._drop(slot)

    def _wanted(self, slot: Slot, wish: ShadowTag | None) -> _WantedShadow | None:
        ref = None if wish is None else ModelRef(slot.ref.name, wish.alias)
        before = self._of.get(slot.ref)
        if before is not None and before.ref != ref:
            self._drop(slot)
        if wish is None or ref is None:
            return None
        wanted = self._of.setdefault(slot.ref, _WantedShadow(ref, wish.share))
        if wanted.share != wish.share:
            wanted.share = wish.share
            self._let_hear(slot, wanted)
        return wanted

    def _target(self, wanted: _WantedShadow, found: Resolution | None) -> VersionId | None:
        if found is None or isinstance(found, Unanswered):
            return wanted.pursuit.version
        now = self._clock.wall()
        if isinstance(found, Missing):
            message = f"Looking for {wanted.ref}, {found.of(wanted.ref.alias)}."
            self._note(wanted, Failure(LOOK, f"{found.name.lower()}_missing", message, now))
            return None
        for marked, code in (
            (self._slots.tombstones, "withdrawn"),
            (self._slots.blocked, "blocked"),
        ):
            if found in marked:
                message = f"Version {found.version} is {code}: it hears of nothing."
                self._note(wanted, Failure(LOOK, code, message, now, found))
                return None
        return found

    @staticmethod
    def _note(wanted: _WantedShadow, failure: Failure) -> None:
        # Since when it is so is told, not when it was looked at last.
        before = wanted.failure
        if before is None or replace(before, at=failure.at) != failure:
            wanted.failure = failure

    def _follow(self, slot: Slot, wanted: _WantedShadow, target: VersionId) -> None:
        if _is_not_allowed(wanted) and wanted.beside != slot.version:
            # It was the other one's tag, maybe.
            wanted.pursuit, wanted.failure = wanted.pursuit.reset(), None
        there = wanted.servable
        serving = None if there is None or there.irreplaceable else there.version
        view = SlotView(serving, wanted.staging, wanted.pursuit)
        decision = decide(view, target, self._clock.monotonic())
        if target != wanted.pursuit.version:
            wanted.pursuit, wanted.failure = Pursuit(target), None
        if wanted.failure is not None and wanted.failure.of_look:
            wanted.failure = None
        if wanted.staging not in {None, target}:
            self._stop(wanted)
        if decision.action is Action.STAGE:
            wanted.staging = target
            wanted.task = begin(Work.FOLLOWING, self._bring(slot, wanted, target))

    def _stop(self, wanted: _WantedShadow) -> None:
        task, wanted.task, wanted.staging = wanted.task, None, None
        if task is not None:
            task.cancel()
            self._open.keep(task)

    async def _bring(self, slot: Slot, wanted: _WantedShadow, version: VersionId) -> None:
        made = failed = None
        try:
            async with self._turn:
                asked_for = partial(self._asked_for, slot, wanted)
                made = await self._readying.ready(version, Journey(), asked_for)
        except FollowingError as error:
            failed = error
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end following
            failed = defect("shadow", error)
        if wanted.task is not asyncio.current_task():
            # It was cancelled, and comes to an end of another kind: it concerns nobody any more.
            if made is not None:
                self._servable(made).release()
            return
        wanted.task = wanted.staging = None
        if failed is not None:
            self._failed(slot, wanted, version, failed)
        elif made is not None:
            self._arrived(slot, wanted, self._servable(made))
        self._slots.changed()

    def _servable(self, made: ReadyVersion) -> Servable:
        return Servable(made.fetched, made.staged, self._open.unheld, made.runs_in)

    @staticmethod
    async def _asked_for(
        slot: Slot, wanted: _WantedShadow, fetched: FetchedVersion
    ) -> FetchedVersion:
        binding, wanted.beside = slot.binding, slot.version
        if binding is not None and not may_hear(binding.servable.fetched.tags, fetched.tags):
            message = (
                f"The tag {RETRY_TAG}=false of one of the two versions says that no request is "
                f"predicted twice; where that may be, tag this one {SHADOW_TAG}=true."
            )
            raise VersionFault("gate", NOT_ALLOWED, message)
        return fetched

    def _arrived(self, slot: Slot, wanted: _WantedShadow, servable: Servable) -> None:
        self._open.opened_beside(servable)
        wanted.pursuit, wanted.failure = wanted.pursuit.reset(), None
        before, wanted.servable = wanted.servable, servable
        self._let_hear(slot, wanted)
        if before is not None:
            before.release()

    def _failed(
        self, slot: Slot, wanted: _WantedShadow, version: VersionId, error: FollowingError
    ) -> None:
        wanted.pursuit = wanted.pursuit.tried(self._clock.monotonic())
        if isinstance(error, VersionFault):
            wanted.pursuit = wanted.pursuit.refused(error.reason)
        wanted.failure = failure_of(error, version, self._clock)
        self._observer.shadow_failed(slot.ref, version, wanted.failure, error.detail)

    def _let_hear(self, slot: Slot, wanted: _WantedShadow) -> None:
        servable = wanted.servable
        if servable is not None:
            slot.hear(Listener(Binding(wanted.ref, servable), wanted.share))
            self._recorder.shadowed(slot, servable.version, wanted.ref.alias, wanted.share)

    def _let_go(self, slot: Slot, wanted: _WantedShadow) -> None:
        self._stop(wanted)
        servable, wanted.servable = wanted.servable, None
        if servable is not None:
            slot.hear(None)
            self._recorder.unshadowed(slot, servable.version, wanted.ref.alias)
            servable.release()

    def _drop(self, slot: Slot) -> None:
        wanted = self._of.pop(slot.ref, None)
        if wanted is not None:
            self._let_go(slot, wanted)


def _state(slot: Slot, wanted: _WantedShadow) -> ShadowState:
    if wanted.same:
        return ShadowState.SAME
    servable = wanted.servable
    # First of all: one that hears goes on while what is to take its place is refused.
    if servable is not None and slot.traffic.shadow is not None:
        crashes = servable.predictor.status.crashing
        return ShadowState.CRASHING if crashes else ShadowState.LISTENING
    if _is_not_allowed(wanted):
        return ShadowState.NOT_ALLOWED
    if servable is not None:
        return ShadowState.WAITING if slot.binding is None else ShadowState.NOT_ALLOWED
    if wanted.staging is not None:
        return ShadowState.LOADING
    return ShadowState.WAITING if wanted.failure is None else ShadowState.FAILED


def _is_not_allowed(wanted: _WantedShadow) -> bool:
    return wanted.failure is not None and wanted.failure.code == NOT_ALLOWED
