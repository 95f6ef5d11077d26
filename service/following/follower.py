"""The loop that makes slots agree with the registry.

`tick` is one look and what follows from it. Tasks of their own bring versions into service; one
that arrives is swapped in wherever it is aspired to still and gates let it pass, by one assignment.
What nobody aspires to any more is ended at once (P6).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from service.background import Work, begin
from service.errors import FollowingError, PassingFault, VersionFault
from service.following.fallback import Recaller
from service.following.gates.gate import Candidacy, GateFinding, Gates
from service.following.history import History, NoHistory
from service.following.holding import OpenVersions
from service.following.ledger import Ledger
from service.following.looking import Looker
from service.following.making import Journey, Maker
from service.following.observer import FollowingObserver, careful
from service.following.pace import Pace, Trigger
from service.following.policy import Action, SlotView, decide
from service.following.population import Population
from service.following.ports import (
    Clock,
    FetchedVersion,
    Missing,
    Registry,
    Resolution,
    Stager,
    Unanswered,
)
from service.following.proving import Prover
from service.following.recording import Recorder
from service.following.servable import Servable
from service.following.slot_status import LOOK, Failure
from service.following.slots import Slot, Slots, Wish
from service.following.stepping import Steps, internal
from service.following.tombstone_sync import TombstoneSync
from service.following.withdrawing import Withdrawing
from service.processes.exhausted import is_want_of_processes, processes_exhausted
from service.refs import ModelRef, VersionId
from service.tombstones import NoTombstones, Tombstone, TombstoneStore

_ADVICE: Final = {
    Missing.MODEL: "register it, or follow another name",
    Missing.ALIAS: "set it on the version that is to be served",
}


class Follower:
    """Follows every slot's alias until it is closed. Owns the servables that the slots hold.

    `keeps_missing`: whether a slot whose alias or model is gone keeps what it serves, and gets what
    it served last after a start (P4); else it is emptied. `withdrawn` are the tombstones that the
    store has kept.
    """

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
        gates: Gates | None = None,
        history: History | None = None,
        ledger: Ledger | None = None,
        keeps_missing: bool = True,
        tombstones: TombstoneStore | None = None,
        withdrawn: Collection[Tombstone] = (),
    ) -> None:
        observer = careful(observer)
        self._slots = slots
        slots.poll_seconds = poll_seconds
        self._observer = observer
        self._steps = Steps(slots, observer, clock)
        self._keeps_missing = keeps_missing
        self._clock = clock
        self._gates = gates or Gates()
        history = history or NoHistory()
        self._recorder = Recorder(ledger or Ledger(), history, observer, clock)
        self._pace = Pace(poll_seconds, clock.monotonic)
        self._holding = OpenVersions(slots, observer, clock, keep_warm_seconds)
        self._sync = TombstoneSync(tombstones or NoTombstones(), self._holding.ending, withdrawn)
        self.withdrawing = Withdrawing(
            slots,
            registry,
            self._sync,
            history,
            self._holding,
            self._recorder,
            clock,
            self._steps,
            self._abandon_the_unwanted,
        )
        self._looker = Looker(
            slots, registry, self._gates, observer, clock, self._pace, self.withdrawing.look
        )
        self._population = Population(slots, history, observer)
        self._prover = Prover(slots, history, self._holding, clock)
        self._recaller = Recaller(
            slots,
            history,
            observer,
            clock,
            self._stage,
            self._holding.keep,
            keeps_missing=keeps_missing,
        )
        self._maker = Maker(registry, stager, self._gates, clock, self._holding.unheld)
        self._staging: dict[VersionId, asyncio.Task[None]] = {}
        slots.staging = self._staging.keys()
        self._each(self.withdrawing.apply)

    async def run(self) -> None:
        """Ticks until cancelled. The pause is the poll interval, longer after slow looks."""
        while True:
            try:
                await self.tick()
            except Exception as error:  # noqa: BLE001 - the loop must outlive whatever a tick meets
                self._note_defect(error)
            await self._pace.pause()

    def look_now(self, trigger: Trigger) -> None:
        """The next look comes early; as `service.following.pace.Pace` has it."""
        self._pace.hint(trigger)

    def reload(self, ref: ModelRef) -> None:
        """An operator asks: the slot's quarantine and pause are lifted, and the next look comes.

        Raises `UnknownModel`; one that patterns have not found yet is looked for all the same.
        """
        self._pace.hint(Trigger.OPERATOR)
        slot = self._slots.find(str(ref))
        if slot.pursuit.attempts:
            slot.wish = replace(slot.wish, trigger=Trigger.OPERATOR)
        slot.lift()
        self._slots.changed()

    async def tick(self) -> None:
        """One look, and what follows from it; returns without waiting for versions to arrive."""
        trigger = self._pace.begin()
        await self._sync.recall()
        self.withdrawing.apply_all()
        found = await self._looker.look()
        self.withdrawing.apply_all()
        if found is None:
            self._each(self._recaller.fall_back)
        else:
            wish = Wish(trigger, self._slots.look.seconds or 0.0, self._clock.wall())
            self._population.admit(found)
            self._each(partial(self._follow, self.withdrawing.vetted(found), wish))
            self._abandon_the_unwanted()
        self._each(self._revive)
        self._each(self._prover.see_to)
        self._each(self._holding.retire_the_cold)
        self._each(self.withdrawing.apply)
        self._population.dismiss()
        self._slots.changed()

    async def settled(self) -> None:
        """Returns when nothing is being staged and nothing retired is still running."""
        while pending := {
            *self._staging.values(),
            *self._recaller.asking,
            *self._holding.ending,
            *self._sync.tasks,
        }:
            await asyncio.wait(pending)

    async def close(self) -> None:
        """Ends every version's processes; returns when they are gone."""
        self._each(self._prover.see_to)
        self._each(self._recaller.give_up)
        self._sync.stop()
        for task in self._staging.values():
            task.cancel()
        self._holding.let_go()
        await self.settled()
        await self._holding.close()

    def _each(self, step: Callable[[Slot], None]) -> None:
        self._steps.each(self._slots.values(), step)

    def _note_defect(self, error: Exception) -> None:
        self._slots.look = replace(self._slots.look, failure=internal(self._clock))
        self._observer.tick_failed(error)

    def _follow(self, looked: Mapping[ModelRef, Resolution], wish: Wish, slot: Slot) -> None:
        found = looked[slot.ref]
        decision = decide(self._view(slot), found, self._clock.monotonic())
        if decision.aspired != slot.aspired:
            slot.aspire(decision.aspired, wish)
        if isinstance(found, Unanswered):
            silent = replace(self._look_failure(found.code, found.message), detail=found.detail)
            self._note_look(slot, silent, found.detail, self._observer.unanswered)
            self._recaller.fall_back(slot)
            return
        slot.absent = found if isinstance(found, Missing) else None
        if isinstance(found, Missing):
            message = f"Looking for {slot.ref}, {found.value}; {_ADVICE[found]}."
            gone = self._look_failure(f"{found.name.lower()}_missing", message)
            self._note_look(slot, gone, "", self._observer.missing)
            self._miss(slot)
            return
        if found in self._slots.tombstones:
            self.withdrawing.apply(slot)
            self._recaller.fall_back(slot)
            return
        if decision.action is Action.KEEP or (slot.failure and slot.failure.of_look):
            slot.failure = None
        if decision.action is Action.STAGE:
            self._stage(slot, found)
        self._recaller.see_to(slot)

    def _miss(self, slot: Slot) -> None:
        self._recaller.miss(slot)
        if self._keeps_missing:
            return
        before = self._holding.empty(slot)
        if before is not None and slot.failure is not None:
            self._recorder.emptied(slot, before, slot.failure)

    def _revive(self, slot: Slot) -> None:
        """Brings anew what serves beside its alias and cannot come back by itself (P2, P4)."""
        version, now = slot.version, self._clock.monotonic()
        if version is None or version == slot.aspired or not slot.irreplaceable:
            return
        if version not in self._staging and slot.fallback_pursuit.is_due(now):
            slot.fallback_pursuit = slot.fallback_pursuit.tried(now)
            self._stage(slot, version)

    def _view(self, slot: Slot) -> SlotView:
        staging = slot.aspired if slot.aspired in self._staging else None
        # What cannot come back by itself is fetched and loaded as if it did not serve.
        serving = None if slot.irreplaceable else slot.version
        return SlotView(serving, staging, slot.pursuit)

    def _look_failure(self, code: str, message: str) -> Failure:
        return Failure(LOOK, code, message, self._clock.wall())

    @staticmethod
    def _note_look(
        slot: Slot, failure: Failure, detail: str, tell: Callable[[ModelRef, Failure, str], None]
    ) -> None:
        # What is wrong with the aspired version says more than one look without an answer.
        if slot.failure is None or (slot.failure.of_look and slot.failure.code != failure.code):
            slot.failure = failure
            tell(slot.ref, failure, detail)

    def _stage(self, slot: Slot, version: VersionId, known: FetchedVersion | None = None) -> None:
        there = self._holding.ready(version)
        if there is not None and self._gates.are_prepared(_candidacy(slot, there.fetched)):
            self._offer(slot, there, Journey())
        elif version not in self._staging:
            self._begin(version, known, there)
            known = known if there is not None else None
        if known is not None:
            known.lease.release()

    def _begin(
        self, version: VersionId, known: FetchedVersion | None, there: Servable | None
    ) -> None:
        # One that is open has only to be compared with what the slot serves, which takes a while
        # where it is wide.
        journey = Journey()
        work = (
            partial(self._bring, version, known, journey)
            if there is None
            else partial(self._compare, there, journey)
        )
        task = self._staging[version] = begin(
            Work.FOLLOWING, self._to_its_end(version, journey, work)
        )
        task.add_done_callback(partial(self._staging_ended, version, known))
        if there is None:
            self._observer.staging(version)

    async def _compare(self, there: Servable, journey: Journey) -> None:
        # It may have been let go since this was begun.
        if self._holding.ready(there.version) is there:
            there.hold()
            await self._receive(there, journey)

    def _staging_ended(
        self, version: VersionId, known: FetchedVersion | None, task: asyncio.Task[None]
    ) -> None:
        if task.cancelled() and known is not None:
            known.lease.release()
        if self._staging.get(version) is task:
            del self._staging[version]
        self._slots.changed()

    async def _bring(
        self, version: VersionId, known: FetchedVersion | None, journey: Journey
    ) -> None:
        is_wanted = partial(self._is_wanted, journey)
        servable = await self._maker.make(version, known, journey, is_wanted)
        if servable is not None:
            await self._receive(servable, journey)

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
            fault = (
                processes_exhausted("stage", repr(error)) if wanting else _defect("stage", error)
            )
            self._failed(version, fault, journey)

    async def _prepare(self, fetched: FetchedVersion) -> None:
        """Returns in a turn in which gates tell at once, whatever the slots have come to serve."""
        with contextlib.suppress(VersionFault):  # raised again by the check itself
            while waiting := self._unprepared(fetched):
                await self._gates.prepare(waiting[0])

    def _unprepared(self, fetched: FetchedVersion) -> list[Candidacy]:
        takers = [slot for slot in self._slots.values() if slot.takes(fetched.version)]
        asked = [_candidacy(slot, fetched) for slot in takers]
        return [candidacy for candidacy in asked if not self._gates.are_prepared(candidacy)]

    async def _is_wanted(self, journey: Journey, fetched: FetchedVersion) -> bool:
        await self._prepare(fetched)
        # Each slot is asked: those that cannot take the version learn so now.
        wanted = False

        def ask(slot: Slot) -> None:
            nonlocal wanted
            wanted = self._passes(slot, fetched, journey) is not None or wanted

        self._each_taker(fetched.version, ask)
        return wanted

    def _each_taker(self, version: VersionId, step: Callable[[Slot], None]) -> None:
        def taken(slot: Slot) -> None:
            if slot.takes(version):
                step(slot)

        self._each(taken)

    def _passes(
        self, slot: Slot, fetched: FetchedVersion, journey: Journey
    ) -> tuple[GateFinding, ...] | None:
        try:
            return self._gates.check_slot(_candidacy(slot, fetched))
        except FollowingError as error:
            self._refuse(slot, fetched.version, error, journey)
        except Exception as error:  # noqa: BLE001 - a defect of ours, over this slot alone
            self._refuse(slot, fetched.version, _defect("gates", error), journey)
        return None

    async def _receive(self, servable: Servable, journey: Journey) -> None:
        def offer(slot: Slot) -> None:
            try:
                self._offer(slot, servable, journey)
            except Exception as error:
                if slot.version != servable.version:
                    self._refuse(slot, servable.version, _defect("swap", error), journey)
                raise

        try:
            self._holding.opened(servable)
            await self._prepare(servable.fetched)
            self._each_taker(servable.version, offer)
        finally:
            servable.release()

    def _offer(self, slot: Slot, servable: Servable, journey: Journey) -> None:
        # The same version with other processes, for want of the first ones, is no swap.
        if self._holding.renew(slot, servable):
            slot.succeeded(servable.version)
            self._recorder.renewed(slot, servable)
            return
        findings = self._passes(slot, servable.fetched, journey)
        if findings is not None:
            before = self._holding.swap(slot, servable)
            slot.succeeded(servable.version)
            found = (*journey.findings, *findings)
            self._recorder.swapped(slot, before, servable, journey.seconds, found)

    def _failed(self, version: VersionId, error: FollowingError, journey: Journey) -> None:
        def refuse(slot: Slot) -> None:
            # Whoever has got it already goes on with it.
            if slot.version != version or slot.irreplaceable:
                self._refuse(slot, version, error, journey)

        self._each_taker(version, refuse)

    def _refuse(
        self, slot: Slot, version: VersionId, error: FollowingError, journey: Journey
    ) -> None:
        attempts = self._hold_back(slot, version, error)
        seconds, findings = journey.seconds, journey.findings
        self._recorder.refused(slot, version, error, seconds, attempts, findings)

    def _hold_back(self, slot: Slot, version: VersionId, error: FollowingError) -> int:
        """The version is not tried again, or after a pause; how often it has been tried."""
        # What stands in, or is brought anew, beside what the alias is on: with pauses of its own.
        if version != slot.aspired:
            if isinstance(error, VersionFault):
                slot.fallback_pursuit = slot.fallback_pursuit.refused(error.reason)
                slot.has_no_fallback = True
            return slot.fallback_pursuit.attempts
        slot.pursuit = slot.pursuit.tried(self._clock.monotonic())
        if isinstance(error, VersionFault):
            slot.pursuit = slot.pursuit.refused(error.reason)
        return slot.pursuit.attempts

    def _abandon_the_unwanted(self) -> None:
        for version in list(self._staging):
            if not any(slot.wants(version) for slot in self._slots.values()):
                self._abandon(version)

    def _abandon(self, version: VersionId) -> None:
        # Forgotten at once: should the alias come back, the work starts anew.
        task = self._staging.pop(version)
        task.cancel()
        self._holding.keep(task)
        self._observer.abandoned(version)


def _defect(stage: str, error: Exception) -> PassingFault:
    return PassingFault(stage, "internal", "Podium failed.", repr(error))


def _candidacy(slot: Slot, fetched: FetchedVersion) -> Candidacy:
    serving = None if slot.binding is None else slot.binding.servable.fetched
    return Candidacy(slot.ref, fetched, serving)
