"""One look at the registry: where every alias points, and whether unmet tags are met by now."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from service.errors import FollowingError
from service.following.gates.gate import Gates
from service.following.gates.tags import TAGS_UNMET
from service.following.observer import FollowingObserver
from service.following.pace import Pace
from service.following.ports import Clock, Registry, Resolution
from service.following.recording import failure_of
from service.following.slot_status import LOOK, Failure, LookStatus
from service.following.slots import Slot, Slots
from service.following.stepping import Steps, internal
from service.refs import ModelRef, VersionId


class Looker:
    """Looks, and notes for everybody how that went.

    `ask_more` asks the registry what else each look has to know; it raises `FollowingError`.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the follower's own collaborators
        self,
        slots: Slots,
        registry: Registry,
        gates: Gates,
        observer: FollowingObserver,
        clock: Clock,
        pace: Pace,
        ask_more: Callable[[Mapping[ModelRef, Resolution]], Awaitable[None]],
    ) -> None:
        self._ask_more = ask_more
        self._slots = slots
        self._registry = registry
        self._gates = gates
        self._observer = observer
        self._clock = clock
        self._pace = pace
        self._steps = Steps(slots, observer, clock)

    async def look(self) -> Mapping[ModelRef, Resolution] | None:
        """What was found; None if nothing answered, which `Slots.look` says then."""
        started = self._clock.monotonic()
        refs = [slot.ref for slot in self._slots.values()]
        failure, detail, found = None, "", None
        try:
            await self._registry.prepare()
            started = self._clock.monotonic()
            found, failure, detail = await self._found(refs)
            await self._ask_more(found)
            await self._look_at_tags(found)
        except FollowingError as error:
            failure, detail = failure_of(error, None, self._clock), error.detail
        except Exception as error:  # noqa: BLE001 - a look that fails by our fault is one that fails
            self._observer.tick_failed(error)
            failure = internal(self._clock)
        seconds = self._clock.monotonic() - started
        self._pace.ended(seconds, answered=found is not None)
        before = self._slots.look.succeeded_at
        succeeded = self._clock.wall() if failure is None else before
        self._slots.look = LookStatus(succeeded, seconds, failure)
        self._observer.looked(seconds, failure, detail)
        return found

    async def _found(
        self, refs: Sequence[ModelRef]
    ) -> tuple[Mapping[ModelRef, Resolution], Failure | None, str]:
        """What the registry says; and why not all of it, if it does not say what patterns mean."""
        slots = self._slots
        if not slots.patterns:
            return await self._registry.resolve(refs), None, ""
        survey = await self._registry.survey(refs, slots.patterns, slots.room)
        if survey.left_out != slots.left_out and survey.unlisted is None:
            slots.left_out = survey.left_out
            self._observer.left_out(survey.left_out)
        unlisted = survey.unlisted
        if unlisted is None:
            return survey.found, None, ""
        failure = Failure(LOOK, unlisted.code, unlisted.message, self._clock.wall())
        return survey.found, failure, unlisted.detail

    async def _look_at_tags(self, found: Mapping[ModelRef, Resolution]) -> None:
        # Tags are set without moving the alias, so only asking tells (P13).
        waiting = [slot for slot in self._slots.values() if _waits_for_tags(slot, found)]
        versions = {slot.quarantined for slot in waiting if slot.quarantined is not None}
        if not versions:
            return
        try:
            tags = await self._registry.tags(sorted(versions, key=str))
        except FollowingError:
            return  # the aliases are known; the next look asks again
        self._steps.each(waiting, partial(self._lift_if_met, tags))

    def _lift_if_met(self, tags: Mapping[VersionId, Mapping[str, str] | None], slot: Slot) -> None:
        now = None if slot.quarantined is None else tags.get(slot.quarantined)
        if now is not None and self._gates.tags_met(now):
            slot.lift()


def _waits_for_tags(slot: Slot, found: Mapping[ModelRef, Resolution]) -> bool:
    pursuit = slot.pursuit
    return pursuit.fault == TAGS_UNMET and found.get(slot.ref) == pursuit.version
