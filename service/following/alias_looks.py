"""One look at the registry: where every alias points, and whether unmet tags are met by now.

Slots that patterns find come with the registry's models, and go where nothing is left. One that
serves is governed by the promises of every slot: its alias or model may go, and it serves on (P4).
It goes itself once the registry says that there is no such alias or model, nothing that it has
served stands in, as for what is withdrawn nothing does, and nothing is kept warm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from service.errors import FollowingError
from service.following.arms import Arms
from service.following.gates.gate import Gates
from service.following.history import History
from service.following.holding import Holding
from service.following.observer import FollowingObserver
from service.following.pace import Pace
from service.following.ports import Clock, LookAnswer, Registry, Resolution
from service.following.recording import Recorder, failure_of, internal
from service.following.slot import Slot
from service.following.slot_status import LOOK, Failure, LookStatus, Standing
from service.following.slots import Slots
from service.following.withdrawing import Withdrawing
from service.refs import ModelRef, VersionId
from service.split_tag import version_number

# Named by the settings; or by tags, and ended with these.
_THEIR_OWN_TO_END: Final = frozenset({Standing.CONFIGURED, Standing.ARM})


@dataclass(eq=False, repr=False)
class AliasLooks:
    """Looks, and notes for everybody how that went; makes and ends slots of what patterns find."""

    _slots: Slots
    _registry: Registry
    _gates: Gates
    _observer: FollowingObserver
    _clock: Clock
    _pace: Pace
    _history: History
    _recorder: Recorder
    _withdrawing: Withdrawing
    _holding: Holding
    _arms: Arms
    _looked: bool = field(default=False, init=False)
    _unmatched: list[str] = field(default_factory=list, init=False)

    async def look(self) -> Mapping[ModelRef, Resolution] | None:
        """What is to be followed; None if nothing answered, which `Slots.look` says then."""
        started, starts = self._clock.monotonic(), self._registry.starts
        refs = [slot.ref for slot in self._slots.values()]
        failure, detail, found = None, "", None
        try:
            await self._registry.prepare()
            started = self._clock.monotonic()
            found, failure, detail = await self._found(refs)
            await self._withdrawing.look(found)
            await self._look_at_tags(found)
        except FollowingError as error:
            failure, detail = failure_of(error, None, self._clock), error.detail
        except Exception as error:  # noqa: BLE001 - a look that fails by our fault is one that fails
            self._observer.tick_failed(error)
            failure = internal(self._clock)
        seconds = self._clock.monotonic() - started
        # A new process is slow with its first answers, which is no load of the registry. Where
        # processes end often, a pause for that lasts until this one has ended as well.
        of_registry = seconds if self._registry.starts == starts else 0.0
        self._pace.ended(of_registry, answered=found is not None)
        before = self._slots.look.succeeded_at
        succeeded = self._clock.wall() if failure is None else before
        self._slots.look = LookStatus(succeeded, seconds, failure)
        self._observer.looked(seconds, failure, detail)
        return found

    def admit(self, found: Mapping[ModelRef, Resolution]) -> None:
        """A look has found these: those that are new get slots."""
        came = [ref for ref in found if str(ref) not in self._slots]
        standing = Standing.LATER if self._looked else Standing.FIRST
        if came:
            self._slots.add(came, standing)
            for ref in came:
                self._observer.slot_came(ref)
        for slot in self._slots.arms if self._slots.patterns else ():
            if self._is_meant(slot.ref) and isinstance(found.get(slot.ref), VersionId):
                self._slots.adopt(slot, standing)
        # One that could not list the registry's models has not found what is there at the start.
        self._looked = self._looked or self._slots.look.failure is None
        unmatched = self._slots.unmatched
        if self._looked and unmatched != self._unmatched:
            self._unmatched = unmatched
            self._observer.unmatched(unmatched)

    def _is_meant(self, ref: ModelRef) -> bool:
        # A version is never an alias, whatever a pattern would say of its name.
        if version_number(ref.alias) is not None:
            return False
        return any(pattern.matches(ref.name, ref.alias) for pattern in self._slots.patterns)

    def dismiss(self) -> None:
        """Ends slots of patterns that have nothing to serve."""
        went = [slot for slot in self._slots.values() if _has_nothing(slot)]
        self._slots.drop(went)
        for slot in went:
            self._history.forget(slot.ref)
            self._observer.slot_went(slot.ref)

    async def _found(
        self, refs: Sequence[ModelRef]
    ) -> tuple[Mapping[ModelRef, Resolution], Failure | None, str]:
        """What is to be followed; and why not all of it, if it does not say what patterns mean."""
        slots = self._slots
        if not slots.patterns:
            return self._kept(await self._registry.resolve(refs)), None, ""
        survey = await self._registry.survey(refs, slots.patterns, slots.room)
        if survey.left_out != slots.left_out and survey.unlisted is None:
            slots.left_out = survey.left_out
            self._observer.left_out(survey.left_out)
        unlisted, found = survey.unlisted, self._kept(survey)
        if unlisted is None:
            return found, None, ""
        failure = Failure(LOOK, unlisted.code, unlisted.message, self._clock.wall())
        return found, failure, unlisted.detail

    def _kept(self, answer: LookAnswer) -> Mapping[ModelRef, Resolution]:
        return self._holding.kept(replace(answer, found=self._arms.looked(answer)))

    async def _look_at_tags(self, found: Mapping[ModelRef, Resolution]) -> None:
        # Tags are set without moving the alias, so only asking tells (P13).
        waiting = [slot for slot in self._slots.values() if self._waits_for_tags(slot, found)]
        versions = {slot.quarantined for slot in waiting if slot.quarantined is not None}
        if not versions:
            return
        try:
            others = self._gates.gone_by(versions)
            tags = await self._registry.tags(sorted(versions | set(others), key=str))
        except FollowingError:
            return  # the aliases are known; the next look asks again
        self._gates.saw(tags)
        self._recorder.each(waiting, partial(self._lift_if_met, tags))

    def _lift_if_met(self, tags: Mapping[VersionId, Mapping[str, str] | None], slot: Slot) -> None:
        version = slot.quarantined
        now = None if version is None else tags.get(version)
        if version is not None and now is not None and self._gates.tags_met(version, now):
            slot.lift()

    def _waits_for_tags(self, slot: Slot, found: Mapping[ModelRef, Resolution]) -> bool:
        pursuit = slot.pursuit
        hangs = self._gates.hangs_on_tags(pursuit.fault)
        return hangs and found.get(slot.ref) == pursuit.version


def _has_nothing(slot: Slot) -> bool:
    if slot.standing in _THEIR_OWN_TO_END or slot.previous is not None:
        return False
    return slot.status.missing or (slot.status.gone and slot.lacking is not None)
