"""Versions on their way: fetched, past their gates, loaded, offered to the slots that want them.

Each is brought once for all slots, by a task of its own. One that arrives is swapped in wherever it
is aspired to still and gates let it pass. What nobody aspires to any more is ended at once (P6).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from service.background import Work, begin
from service.environments.environment import STAGE as ENVIRONMENT
from service.errors import FollowingError, PassingFault, VersionFault
from service.following.askers import Askers
from service.following.baking import Baking
from service.following.dry_runs import candidacy
from service.following.gates.gate import Candidacy, GateFinding, Gates
from service.following.journey import Journey
from service.following.observer import FollowingObserver
from service.following.open_versions import OpenVersions
from service.following.ports import Clock, FetchedVersion
from service.following.pursuit import LONGEST_PAUSE
from service.following.readying import Readying, ReadyVersion
from service.following.recording import Recorder, defect
from service.following.servable import Servable
from service.following.slot import Slot
from service.following.slots import Slots
from service.following.turns import Turn
from service.processes.exhausted import is_want_of_processes, processes_exhausted
from service.refs import VersionId

_LOADS_AT_ONCE: Final = 2
_STAND_INS_AT_ONCE: Final = 2


@dataclass(eq=False, repr=False)
class ComingVersions:
    """Brings versions into service, at most two at a time, each with all of its hosts at once.

    What is known already stands in for something newer, and has turns of its own: versions that
    hang in their load must not keep it waiting.
    """

    _slots: Slots
    _readying: Readying
    _gates: Gates
    _open: OpenVersions
    _baking: Baking
    _recorder: Recorder
    _observer: FollowingObserver
    _clock: Clock
    _tasks: dict[VersionId, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _journeys: dict[VersionId, Journey] = field(default_factory=dict, init=False)
    beside: Askers | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Makes known what is on its way."""
        self._turns = asyncio.Semaphore(_LOADS_AT_ONCE)
        self._turns_of_stand_ins = asyncio.Semaphore(_STAND_INS_AT_ONCE)
        self._slots.staging = self._journeys

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """What is under way."""
        return self._tasks.values()

    def bring(self, slot: Slot, version: VersionId, known: FetchedVersion | None = None) -> None:
        """The slot gets the version, at once or in a while; `known` is fetched already.

        Owns the lease of what is known. A fault is the slots' to tell, and nobody is waited for.
        """
        there = self._open.ready(version)
        if there is not None and self._gates.are_prepared(candidacy(slot, there.fetched)):
            self._offer(slot, there, Journey())
        elif version not in self._tasks:
            turns = self._turns if known is None else self._turns_of_stand_ins
            self._begin(version, known, there, turns)
            known = known if there is not None else None
        if known is not None:
            known.lease.release()

    def prepare(self, version: VersionId) -> Journey:
        """Begins to make it ready for who is `beside`, or is at it already; its journey."""
        if version not in self._tasks:
            # Its own bound holds: it keeps nothing from its turn that an alias is on.
            self._begin(version)
        return self._journeys[version]

    def abandon_the_unwanted(self) -> None:
        """Ends the work on what nobody wants any more."""
        if self.beside is not None:
            self.beside.let_go()
        for version in list(self._tasks):
            if self._is_wanted_still(version):
                continue
            # Forgotten at once: should the alias come back, the work starts anew.
            task, _ = self._tasks.pop(version), self._journeys.pop(version)
            task.cancel()
            self._open.keep(task)
            self._observer.abandoned(version)

    def _is_wanted_still(self, version: VersionId) -> bool:
        aspired = any(slot.wants(version) for slot in self._slots.values())
        return aspired or (self.beside is not None and self.beside.wants(version))

    def _begin(
        self,
        version: VersionId,
        known: FetchedVersion | None = None,
        there: Servable | None = None,
        turns: asyncio.Semaphore | None = None,
    ) -> None:
        # One that is open has only to be compared with what the slot serves, which takes a while
        # where it is wide.
        journey = self._journeys[version] = Journey()
        work = (
            partial(self._bring, version, known, journey, turns)
            if there is None
            else partial(self._compare, there, journey)
        )
        task = self._tasks[version] = begin(
            Work.FOLLOWING, self._to_its_end(version, journey, work)
        )
        task.add_done_callback(partial(self._ended, version, known))
        if there is None:
            self._observer.staging(version)

    async def _compare(self, there: Servable, journey: Journey) -> None:
        # It may have been let go since this was begun.
        if self._open.ready(there.version) is there:
            there.hold()
            await self._receive(there, journey)

    def _ended(
        self, version: VersionId, known: FetchedVersion | None, task: asyncio.Task[None]
    ) -> None:
        if task.cancelled() and known is not None:
            known.lease.release()
        if self._tasks.get(version) is task:
            del self._tasks[version]
            del self._journeys[version]
            if self.beside is not None:
                self.beside.over(version)
        self._slots.changed()

    async def _bring(
        self,
        version: VersionId,
        known: FetchedVersion | None,
        journey: Journey,
        turns: asyncio.Semaphore | None,
    ) -> None:
        async with Turn(turns, journey, self._clock.monotonic) as turn:
            servable = await self._made(version, known, journey, turn)
        if servable is not None:
            await self._receive(servable, journey)

    async def _made(
        self, version: VersionId, known: FetchedVersion | None, journey: Journey, turn: Turn
    ) -> Servable | None:
        """The version, with one hold; None if nobody wants it once it is fetched."""

        async def asked_for(fetched: FetchedVersion) -> FetchedVersion | None:
            return fetched if await self._is_wanted(fetched, journey) else None

        made = await self._readying.ready(version, journey, asked_for, known, turn)
        if made is None:
            return None
        if ENVIRONMENT in journey.seconds:
            seconds = journey.seconds[ENVIRONMENT]
            self._observer.found_environment(version, made.runs_in, seconds)
        await self._load_for_askers(made, journey)
        return Servable(made.fetched, made.staged, self._open.unheld, made.runs_in)

    async def _load_for_askers(self, made: ReadyVersion, journey: Journey) -> None:
        # What is to be ready has shown that it can be loaded, also where that is done on demand.
        demanded, beside = made.staged.demanded, self.beside
        asked = beside is not None and beside.wants(made.fetched.version)
        if demanded is None or not demanded.cold or not asked:
            return
        try:
            with journey.timed("load", self._clock.monotonic):
                await demanded.load()
        except BaseException:
            await asyncio.shield(made.close())
            raise

    async def _to_its_end(
        self, version: VersionId, journey: Journey, work: Callable[[], Awaitable[None]]
    ) -> None:
        """Whatever the work raises holds the version back: it is not done anew with each look."""
        try:
            await work()
        except FollowingError as error:
            self._failed(version, error, journey)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end following
            wanting = is_want_of_processes(error)
            fault = processes_exhausted("stage", repr(error)) if wanting else defect("stage", error)
            self._failed(version, fault, journey)

    async def _prepare(self, fetched: FetchedVersion) -> None:
        """Returns in a turn in which gates tell at once, whatever the slots have come to serve."""
        with contextlib.suppress(VersionFault):  # raised again by the check itself
            while waiting := self._unprepared(fetched):
                await self._gates.prepare(waiting[0])

    def _unprepared(self, fetched: FetchedVersion) -> list[Candidacy]:
        takers = [slot for slot in self._slots.values() if slot.takes(fetched.version)]
        others = () if self.beside is None else self.beside.slots(fetched.version)
        asked = [candidacy(slot, fetched) for slot in (*takers, *others)]
        return [candidacy for candidacy in asked if not self._gates.are_prepared(candidacy)]

    async def _is_wanted(self, fetched: FetchedVersion, journey: Journey) -> bool:
        await self._prepare(fetched)
        # Each slot is asked: those that cannot take the version learn so now.
        wanted = False

        def ask(slot: Slot) -> None:
            nonlocal wanted
            wanted = self._passes(slot, fetched, journey) is not None or wanted

        self._each_taker(fetched.version, ask)
        asked = self.beside is not None and self.beside.judge(fetched, journey)
        return wanted or asked

    def _each_taker(self, version: VersionId, step: Callable[[Slot], None]) -> None:
        def taken(slot: Slot) -> None:
            if slot.takes(version):
                step(slot)

        self._recorder.each(self._slots.values(), taken)

    def _passes(
        self, slot: Slot, fetched: FetchedVersion, journey: Journey
    ) -> tuple[GateFinding, ...] | None:
        try:
            return self._gates.check_slot(candidacy(slot, fetched))
        except FollowingError as error:
            self._refuse(slot, fetched.version, error, journey)
        except Exception as error:  # noqa: BLE001 - a defect of ours, over this slot alone
            self._refuse(slot, fetched.version, defect("gates", error), journey)
        return None

    async def _receive(self, servable: Servable, journey: Journey) -> None:
        def offer(slot: Slot) -> None:
            try:
                self._offer(slot, servable, journey)
            except Exception as error:
                if slot.version != servable.version:
                    self._refuse(slot, servable.version, defect("swap", error), journey)
                raise

        try:
            self._open.opened(servable)
            await self._prepare(servable.fetched)
            self._each_taker(servable.version, offer)
            if self.beside is not None:
                self.beside.received(servable, journey)
        finally:
            servable.release()

    def _offer(self, slot: Slot, servable: Servable, journey: Journey) -> None:
        # The same version with other processes, for want of the first ones, is no swap.
        if self._open.renew(slot, servable):
            slot.succeeded(servable.version)
            self._recorder.renewed(slot, servable)
            return
        findings = self._passes(slot, servable.fetched, journey)
        if findings is not None:
            bakes = self._baking.bakes(slot, servable)
            before = self._open.swap(slot, servable, bakes=bakes)
            found = (*journey.findings, *findings)
            if bakes:
                self._baking.begin(slot, found)
            else:
                self._baking.stop(slot)
            slot.succeeded(servable.version)
            self._recorder.swapped(slot, before, servable, journey.seconds, found)

    def _failed(self, version: VersionId, error: FollowingError, journey: Journey) -> None:
        def refuse(slot: Slot) -> None:
            # Whoever has got it already goes on with it.
            if slot.version != version or slot.irreplaceable:
                self._refuse(slot, version, error, journey)

        self._each_taker(version, refuse)
        if self.beside is not None:
            self.beside.failed(version, error, journey)

    def _refuse(
        self, slot: Slot, version: VersionId, error: FollowingError, journey: Journey
    ) -> None:
        attempts = self._hold_back(slot, version, error)
        seconds, findings = journey.seconds, journey.findings
        self._recorder.refused(slot, version, error, seconds, attempts, findings)

    def _hold_back(self, slot: Slot, version: VersionId, error: FollowingError) -> int:
        """The version is not tried again, or after a pause; how often it has been tried."""
        now = self._clock.monotonic()
        longest = error.longest_pause if isinstance(error, PassingFault) else LONGEST_PAUSE
        # What stands in, or is brought anew, beside what the alias is on: with pauses of its own.
        if version != slot.aspired:
            if isinstance(error, VersionFault):
                slot.fallback_pursuit = slot.fallback_pursuit.refused(error.reason)
                slot.has_no_fallback = True
            else:
                slot.fallback_pursuit = slot.fallback_pursuit.failed(now, longest)
            return slot.fallback_pursuit.attempts
        slot.pursuit = slot.pursuit.tried(now, longest)
        if isinstance(error, VersionFault):
            slot.pursuit = slot.pursuit.refused(error.reason)
        return slot.pursuit.attempts
