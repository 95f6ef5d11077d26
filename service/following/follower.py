"""The loop that makes slots agree with the registry.

`tick` is one look and what follows from it. Versions are brought into service by tasks of their
own, at most two at a time; when one arrives it is swapped in wherever it is still aspired to, by
one assignment. What nobody aspires to any more is ended at once (P6).
"""

import asyncio
import random
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, Final

from service.errors import FollowingError, PassingFault, VersionFault
from service.following.clock import Clock
from service.following.observer import FollowingObserver
from service.following.policy import Action, SlotView, decide, pause_after
from service.following.ports import Missing, Registry, Resolution, Stager, Unanswered
from service.following.refs import VersionId
from service.following.servable import Binding, Servable, close
from service.following.slots import LOOK, Failure, LookStatus, Slot, Slots

_LOADS_AT_ONCE: Final = 2
# Looking takes at most a twentieth of the time, however slow the registry is.
_LOOK_SHARE: Final = 20


class Follower:
    """Follows every slot's alias until it is closed. Owns the servables that the slots hold."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        slots: Slots,
        registry: Registry,
        stager: Stager,
        observer: FollowingObserver,
        clock: Clock,
        *,
        poll_seconds: float,
        keep_warm_seconds: float,
    ) -> None:
        self._slots = slots
        self._registry = registry
        self._stager = stager
        self._observer = observer
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._keep_warm_seconds = keep_warm_seconds
        self._open: dict[VersionId, Servable] = {}
        self._staging: dict[VersionId, asyncio.Task[None]] = {}
        slots.staging = self._staging.keys()
        self._closing: set[asyncio.Task[None]] = set()
        self._loads = asyncio.Semaphore(_LOADS_AT_ONCE)
        self._look_now = asyncio.Event()
        self._look_seconds = (0.0, 0.0)

    async def run(self) -> None:
        """Ticks until cancelled. The pause is the poll interval, longer after slow looks."""
        while True:
            try:
                await self.tick()
            except Exception as error:  # noqa: BLE001 - the loop must outlive whatever a tick meets
                self._note_defect(error)
            await self._pause()

    async def tick(self) -> None:
        """One look, and what follows from it; returns without waiting for versions to arrive."""
        self._look_now.clear()
        found = await self._look()
        if found is not None:
            for slot in self._slots.values():
                self._follow(slot, found[slot.ref])
            self._abandon_the_unwanted()
        self._retire_the_cold()

    async def settled(self) -> None:
        """Returns when nothing is being staged and nothing retired is still running."""
        while pending := {*self._staging.values(), *self._closing}:
            await asyncio.wait(pending)

    async def close(self) -> None:
        """Ends every version's processes; returns when they are gone."""
        for task in self._staging.values():
            task.cancel()
        for slot in self._slots.values():
            self._drop_previous(slot)
            binding, slot.binding = slot.binding, None
            if binding is not None:
                binding.servable.release()
        await self.settled()
        await asyncio.gather(*(close(each) for each in self._open.values()))

    def _note_defect(self, error: Exception) -> None:
        failure = Failure(LOOK, "internal", "Podium failed.", self._clock.wall())
        self._slots.look = replace(self._slots.look, failure=failure)
        self._observer.tick_failed(error)

    async def _look(self) -> Mapping[Any, Resolution] | None:
        started = self._clock.monotonic()
        refs = [slot.ref for slot in self._slots.values()]
        failure, detail, found = None, "", None
        try:
            await self._registry.prepare()
            started = self._clock.monotonic()
            found = await self._registry.resolve(refs)
        except FollowingError as error:
            failure, detail = self._failure(error, None), error.detail
        seconds = self._clock.monotonic() - started
        self._look_seconds = (self._look_seconds[1], 0.0 if found is None else seconds)
        before = self._slots.look.succeeded_at
        succeeded = self._clock.wall() if failure is None else before
        self._slots.look = LookStatus(succeeded, seconds, failure)
        self._observer.looked(seconds, failure, detail)
        return found

    def _follow(self, slot: Slot, found: Resolution) -> None:
        decision = decide(self._view(slot), found, self._clock.monotonic())
        if decision.aspired != slot.aspired:
            slot.aspire(decision.aspired, self._clock.wall())
        if isinstance(found, Missing):
            message = f"Looking for {slot.ref}, {found.value}."
            self._note_look(slot, f"{found.name.lower()}_missing", message, "")
        elif isinstance(found, Unanswered):
            self._note_look(slot, found.code, found.message, found.detail)
        else:
            if decision.action is Action.KEEP or _is_of_look(slot.failure):
                slot.failure = None
            if decision.action is Action.STAGE:
                self._stage(slot, found)

    def _view(self, slot: Slot) -> SlotView:
        staging = slot.aspired if slot.aspired in self._staging else None
        return SlotView(slot.version, staging, slot.aspired, slot.quarantined, slot.retry_at)

    def _note_look(self, slot: Slot, code: str, message: str, detail: str) -> None:
        # What is wrong with the aspired version says more than one look without an answer.
        if slot.failure is None or (_is_of_look(slot.failure) and slot.failure.code != code):
            slot.failure = Failure(LOOK, code, message, self._clock.wall())
            self._observer.missing(slot.ref, slot.failure, detail)

    def _stage(self, slot: Slot, version: VersionId) -> None:
        there = self._open.get(version)
        if there is not None and there.predictor.ready:
            self._swap(slot, there, {})
        elif version not in self._staging:
            self._observer.staging(version)
            task = asyncio.get_running_loop().create_task(self._bring(version))
            self._staging[version] = task
            task.add_done_callback(lambda _: self._staging_ended(version, task))

    def _staging_ended(self, version: VersionId, task: asyncio.Task[None]) -> None:
        if self._staging.get(version) is task:
            del self._staging[version]

    async def _bring(self, version: VersionId) -> None:
        stages: dict[str, float] = {}
        try:
            async with self._loads:
                servable = await self._made(version, stages)
        except FollowingError as error:
            self._failed(version, error)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end following
            self._failed(version, PassingFault("stage", "internal", "Podium failed.", repr(error)))
        else:
            self._receive(version, servable, stages)

    async def _made(self, version: VersionId, stages: dict[str, float]) -> Servable:
        started = self._clock.monotonic()
        fetched = await self._registry.fetch(version)
        stages["fetch"] = self._clock.monotonic() - started
        started = self._clock.monotonic()
        try:
            staged = await self._stager.stage(fetched)
        except BaseException:
            fetched.lease.release()
            raise
        stages["load"] = self._clock.monotonic() - started
        return Servable(fetched, staged, self._unheld)

    def _receive(self, version: VersionId, servable: Servable, stages: Mapping[str, float]) -> None:
        try:
            self._arrived(version, servable, stages)
        except Exception as error:  # noqa: BLE001 - an observer's defect must not end following
            self._observer.tick_failed(error)
        finally:
            servable.release()

    def _arrived(self, version: VersionId, servable: Servable, stages: Mapping[str, float]) -> None:
        self._open[version] = servable
        for slot in self._slots.values():
            if slot.aspired == version:
                self._swap(slot, servable, stages)

    def _failed(self, version: VersionId, error: FollowingError) -> None:
        for slot in self._slots.values():
            if slot.aspired == version:
                slot.failure = self._failure(error, version)
                slot.attempts += 1
                if isinstance(error, VersionFault):
                    slot.quarantined = version
                else:
                    slot.retry_at = self._clock.monotonic() + pause_after(slot.attempts)
                self._observer.refused(slot.ref, version, slot.failure, error.detail)

    def _swap(self, slot: Slot, servable: Servable, stages: Mapping[str, float]) -> None:
        servable.hold()
        old = slot.binding
        if old is not None and old.servable.version == servable.version:
            # The same version with other processes, for want of the first ones.
            slot.binding = Binding(slot.ref, servable)
            old.servable.release()
            return
        slot.binding = Binding(slot.ref, servable)
        slot.since = self._clock.wall()
        slot.failure = None
        self._drop_previous(slot)
        if old is not None:
            slot.previous = old
            slot.previous_until = self._clock.monotonic() + self._keep_warm_seconds
        before = None if old is None else old.servable.version
        self._observer.swapped(slot.ref, before, servable.version, stages)
        if self._keep_warm_seconds <= 0:
            self._drop_previous(slot)

    def _drop_previous(self, slot: Slot) -> None:
        previous, slot.previous = slot.previous, None
        if previous is not None:
            previous.servable.release()

    def _retire_the_cold(self) -> None:
        now = self._clock.monotonic()
        for slot in self._slots.values():
            if slot.previous is not None and slot.previous_until <= now:
                self._drop_previous(slot)

    def _abandon_the_unwanted(self) -> None:
        wanted = {slot.aspired for slot in self._slots.values()}
        for version, task in list(self._staging.items()):
            if version not in wanted:
                # Forgotten at once: should the alias come back, the work starts anew.
                del self._staging[version]
                task.cancel()
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
                self._observer.abandoned(version)

    def _unheld(self, servable: Servable) -> None:
        if self._open.get(servable.version) is servable:
            del self._open[servable.version]
        self._observer.retired(servable.version)
        self._keep(close(servable))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _failure(self, error: FollowingError, version: VersionId | None) -> Failure:
        return Failure(error.stage, error.reason, error.message, self._clock.wall(), version)

    def look_now(self) -> None:
        """The next look comes at once."""
        self._look_now.set()

    async def _pause(self) -> None:
        # One slow look may be a hiccup, and a failed one says nothing; two in a row are a load.
        slow = min(self._look_seconds) * _LOOK_SHARE
        # A little less than asked for, at random: replicas should not look all at once.
        seconds = max(self._poll_seconds * random.uniform(0.9, 1.0), slow)  # noqa: S311 - no secret
        try:
            async with asyncio.timeout(seconds):
                await self._look_now.wait()
        except TimeoutError:
            return


def _is_of_look(failure: Failure | None) -> bool:
    return failure is not None and failure.stage == LOOK
