"""The loop that makes slots agree with the registry.

`tick` is one look and what follows from it: what each slot is after from now on, what is brought
for it, what stands in, and what is let go. Versions are brought by tasks of their own
(`coming_versions`), which no tick waits for.
"""

import asyncio
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from service.bake_tag import NEVER, BakeRule
from service.errors import FollowingError
from service.following.alias_looks import AliasLooks
from service.following.arms import Arms
from service.following.awaited_environments import AwaitedEnvironments
from service.following.baking import Baking, NobodyTimes, TimesCalls
from service.following.blocking import Blocking
from service.following.coming_versions import ComingVersions
from service.following.environments import FindsEnvironments, PodiumsOwnAlone
from service.following.fallback import Fallbacks
from service.following.gates.gate import Gates
from service.following.history import History
from service.following.holding import Holding
from service.following.ledger import Ledger
from service.following.observer import FollowingObserver, careful
from service.following.open_versions import OpenVersions
from service.following.pace import Pace, Trigger
from service.following.ports import Clock, Missing, Registry, Resolution, Stager, Unanswered
from service.following.preparing import Preparing
from service.following.proven_return import ReturnsProven
from service.following.pursuit import Action, SlotView, decide
from service.following.readying import Readying
from service.following.recording import Recorder, internal
from service.following.servable import Servable
from service.following.shadows import Shadows
from service.following.slot import Slot, Wish
from service.following.slot_status import LOOK, Failure, Standing
from service.following.slots import Slots
from service.following.tombstone_sync import TombstoneSync
from service.following.withdrawing import Withdrawing
from service.refs import ModelRef
from service.split_tag import version_number
from service.tombstones import Tombstone, TombstoneStore

_ADVICE: Final = {
    Missing.MODEL: "register it, or follow another name",
    Missing.ALIAS: "set it on the version that is to be served",
}
_ARM_ADVICE: Final = "name another one in the tag of the split"


class Follower:
    """Follows every slot's alias until it is closed. Owns the servables that the slots hold.

    `keeps_missing`: whether a slot whose alias or model is gone keeps what it serves, and gets what
    it served last after a start (P4); else it is emptied. `withdrawn` are the tombstones that the
    store has kept, `max_prepared` how many versions are kept ready at most that no alias is on,
    `takes_arms` whether tags of a model may bring arms and shadows; `shadow_stager` makes
    those ready that only hear of requests; None: as the others. `bake`: by which rule versions have
    to show that they do no worse than the ones before them, where no tag says so; `times`: how long
    they take.
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
        gates: Gates,
        history: History,
        ledger: Ledger,
        tombstones: TombstoneStore,
        keeps_missing: bool = True,
        withdrawn: Collection[Tombstone] = (),
        max_prepared: int = 0,
        environments: FindsEnvironments | None = None,
        shadow_stager: Stager | None = None,
        bake: BakeRule = NEVER,
        times: TimesCalls | None = None,
        takes_arms: bool = True,
    ) -> None:
        observer = careful(observer)
        self._slots = slots
        slots.poll_seconds = poll_seconds
        self._observer = observer
        self._keeps_missing = keeps_missing
        self._clock = clock
        self._recorder = recorder = Recorder(slots, ledger, history, observer, clock)
        self._pace = Pace(poll_seconds, clock.monotonic)
        self._open = OpenVersions(slots, observer, clock, keep_warm_seconds)
        environments = environments or PodiumsOwnAlone()
        readying = Readying(registry, stager, gates, clock, environments, observer.building)
        hearing = replace(readying, stager=shadow_stager or stager)
        self._shadows = Shadows(slots, hearing, self._open, recorder, observer, clock)
        self._awaited = AwaitedEnvironments(environments, clock, self._stays)
        returns = ReturnsProven(history, readying, self._open, observer, clock)
        self.baking = Baking(
            slots, history, self._open, recorder, clock, bake, times or NobodyTimes(), returns
        )
        self._coming = ComingVersions(
            slots, readying, gates, self._open, self.baking, recorder, observer, clock
        )
        self.preparing = Preparing(
            slots,
            registry,
            gates,
            self._open,
            self._coming,
            recorder,
            clock,
            max_prepared,
            environments,
        )
        self._sync = TombstoneSync(tombstones, self._open.ending, withdrawn)
        self._fallbacks = Fallbacks(
            slots, registry, history, observer, clock, self._open, self._coming, keeps_missing
        )
        self._arms = Arms(
            slots, history, self._open, self._fallbacks, recorder, observer, clock, takes_arms
        )
        slots.traffic_changed = recorder.shared
        self._blocking = Blocking(slots, history, self._coming, self._fallbacks, recorder, clock)
        self.withdrawing = Withdrawing(
            slots,
            registry,
            self._sync,
            history,
            self._open,
            recorder,
            clock,
            self._coming,
            self._blocking,
        )
        self._looks = AliasLooks(
            slots,
            registry,
            gates,
            observer,
            clock,
            self._pace,
            history,
            recorder,
            self.withdrawing,
            Holding(slots, history, recorder, clock),
            self._arms,
        )
        self._each(self.withdrawing.apply)

    async def run(self) -> None:
        """Ticks until cancelled. The pause is the poll interval, longer after slow looks."""
        while True:
            try:
                await self.tick()
            except Exception as error:  # noqa: BLE001 - the loop must outlive whatever a tick meets
                self._note_defect(error)
            await self._pace.pause(self._end_what_is_over)

    def _end_what_is_over(self) -> float:
        try:
            return self._arms.end_what_is_over()
        except Exception as error:  # noqa: BLE001 - the loop must outlive this as well
            self._note_defect(error)
            return math.inf

    def look_now(self, trigger: Trigger) -> None:
        """The next look comes early; as `service.following.pace.Pace` has it."""
        self._pace.hint(trigger)

    def reload(self, ref: ModelRef, *, again: bool = False) -> None:
        """An operator asks: the slot's quarantine and pause are lifted, and the next look comes.

        `again`: so is a verdict; what has given way is brought back, and bakes anew. Raises
        `UnknownModel`; one that patterns have not found yet is looked for all the same.
        """
        self._pace.hint(Trigger.OPERATOR)
        slot = self._slots.find(str(ref))
        if slot.pursuit.attempts:
            slot.wish = replace(slot.wish, trigger=Trigger.OPERATOR)
        if again:
            self.baking.forgive(slot)
        slot.lift()
        self._shadows.lift(ref)
        if slot.verdict is not None and self.baking.is_judged(slot, slot.aspired):
            self.baking.refuse(slot)
        self._slots.changed()

    async def tick(self) -> None:
        """One look, and what follows from it; returns without waiting for versions to arrive."""
        trigger = self._pace.begin()
        await self._sync.recall()
        self.withdrawing.apply_all()
        found = await self._looks.look()
        self.withdrawing.apply_all()
        if found is None:
            self._arms.see_to_all()
            self._each(self._fallbacks.fall_back)
        else:
            wish = Wish(trigger, self._slots.look.seconds or 0.0, self._clock.wall())
            self._looks.admit(found)
            self._each(partial(self._follow, self.withdrawing.vetted(found), wish))
            self._coming.abandon_the_unwanted()
        self.baking.time()
        self._each(self.baking.see_to)
        self._each(self._blocking.relieve)
        self._each(self._fallbacks.revive)
        self._each(self._fallbacks.prove)
        self._each(self._open.retire_the_cold)
        self._awaited.see_to(self._slots.values())
        self.preparing.see_to_all()
        self._each(self.withdrawing.apply)
        self._each(self._let_hear)
        self._looks.dismiss()
        self._arms.compose_all()
        self._slots.changed()

    async def settled(self) -> None:
        """Returns when nothing is being staged and nothing retired is still running."""
        while pending := {
            *self._coming.tasks,
            *self.preparing.tasks,
            *self._fallbacks.asking,
            *self._open.ending,
            *self._shadows.tasks,
            *self._sync.tasks,
            *self.baking.tasks,
            *(task for task in self._awaited.tasks if not task.done()),
        }:
            await asyncio.wait(pending)

    async def close(self) -> None:
        """Ends every version's processes; returns when they are gone."""
        self._each(self._fallbacks.prove)
        self._each(self.baking.stop)
        self._each(self._fallbacks.give_up)
        self._sync.stop()
        self._awaited.stop()
        self.preparing.close()
        for task in self._coming.tasks:
            task.cancel()
        # No request is bound any more: that each slot in turn answers none is no change of traffic.
        self._slots.traffic_changed = lambda _: None
        self._shadows.close()
        self._open.let_go()
        await self.settled()
        await self._open.close()

    def _each(self, step: Callable[[Slot], None]) -> None:
        self._recorder.each(self._slots.values(), step)

    def _stays(self, servable: Servable, fault: FollowingError) -> None:
        """What serves in Podium's own environment will have none of its own, for that reason."""

        def tell(slot: Slot) -> None:
            if slot.binding is not None and slot.binding.servable is servable:
                self._recorder.refused(slot, servable.version, fault, {}, 1)

        self._each(tell)

    def _note_defect(self, error: Exception) -> None:
        self._slots.look = replace(self._slots.look, failure=internal(self._clock))
        self._slots.changed()
        self._observer.tick_failed(error)

    def _follow(self, looked: Mapping[ModelRef, Resolution], wish: Wish, slot: Slot) -> None:
        found = looked[slot.ref]
        decision = decide(self._view(slot), found, self._clock.monotonic())
        if decision.aspired != slot.aspired:
            slot.aspire(decision.aspired, wish)
        if isinstance(found, Unanswered):
            silent = replace(self._look_failure(found.code, found.message), detail=found.detail)
            self._note_look(slot, silent, found.detail, self._observer.unanswered)
            self._fallbacks.fall_back(slot)
            return
        slot.absent = found if isinstance(found, Missing) else None
        self.baking.moved(slot, found)
        if isinstance(found, Missing):
            alias = slot.ref.alias
            advice = _ADVICE[found] if version_number(alias) is None else _ARM_ADVICE
            message = f"Looking for {slot.ref}, {found.of(alias)}; {advice}."
            gone = self._look_failure(f"{found.name.lower()}_missing", message)
            self._note_look(slot, gone, "", self._observer.missing)
            self._miss(slot)
            return
        if found in self._slots.tombstones:
            self.withdrawing.apply(slot)
            self._fallbacks.fall_back(slot)
            return
        if found in self._slots.blocked:
            self._blocking.refuse(slot, found)
            return
        if self.baking.is_judged(slot, found):
            self.baking.refuse(slot)
            self._fallbacks.see_to(slot)
            return
        if decision.action is Action.KEEP or (slot.failure and slot.failure.of_look):
            slot.failure = None
        if decision.action is Action.STAGE:
            self._coming.bring(slot, found)
        self._fallbacks.see_to(slot)

    def _let_hear(self, slot: Slot) -> None:
        wish = None if slot.standing is Standing.ARM else slot.plan.shadow
        named = None if wish is None else ModelRef(slot.ref.name, wish.alias)
        self._shadows.see_to(slot, wish, None if named is None else self._slots.named.get(named))

    def _miss(self, slot: Slot) -> None:
        self._fallbacks.miss(slot)
        if self._fallbacks.keeps(slot):
            return
        before = self._open.empty(slot)
        if before is not None and slot.failure is not None:
            self._recorder.emptied(slot, before, slot.failure)

    def _view(self, slot: Slot) -> SlotView:
        staging = slot.aspired if slot.aspired in self._slots.staging else None
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
