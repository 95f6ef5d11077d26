"""Tells of what following has done: the slot's status, the ledger, the history, observers.

What goes wrong with one slot is told, and keeps no other from its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.blocked_tag import BLOCKED
from service.errors import FollowingError, PassingFault, Withdrawn
from service.following.bake import STAGE, Bake, BakeVerdict
from service.following.gates.gate import GateClosed, GateFinding
from service.following.history import History, ServedBefore
from service.following.ledger import Ledger, LedgerEntry, LedgerOutcome, bounded
from service.following.observer import FollowingObserver
from service.following.pace import Trigger
from service.following.ports import Clock
from service.following.preparation import Refusal
from service.following.sentences import LONGEST_DETAIL, cut, listed
from service.following.servable import Arm, Servable
from service.following.slot import Slot
from service.following.slot_status import LOOK, Failure
from service.following.slots import Slots
from service.hold_tag import Hold
from service.refs import VersionId
from service.rollout.verdict import LOOKS
from service.split_tag import percent

# Of these the detail is what an operator has written into a tag, or said to the service.
_BY_OPERATORS: Final = frozenset({BLOCKED, Withdrawn.code})


@dataclass(eq=False, repr=False)
class Recorder:
    """Told once of each swap and refusal, and of what goes wrong; tells everybody else."""

    _slots: Slots
    _ledger: Ledger
    _history: History
    _observer: FollowingObserver
    _clock: Clock

    def each(self, slots: Iterable[Slot], step: Callable[[Slot], None]) -> None:
        """The step for each of the slots, in order. A defect of Podium's over one is that one's."""
        for slot in slots:
            try:
                step(slot)
            except Exception as error:  # noqa: BLE001 - the other slots must be followed
                self.failed(slot, error)
        self._slots.changed()

    def failed(self, slot: Slot, error: Exception) -> None:
        """The slot says so, until a look goes well, unless it has something better to say."""
        if slot.failure is None:
            slot.failure = internal(self._clock)
        self._observer.slot_failed(slot.ref, error)

    def swapped(
        self,
        slot: Slot,
        before: VersionId | None,
        servable: Servable,
        stages: Mapping[str, float],
        findings: Sequence[GateFinding],
    ) -> None:
        """The slot serves the version from now on."""
        slot.took_seconds = sum(stages.values()) or slot.took_seconds
        seconds = {"look": slot.wish.look_seconds, **stages}
        entry = self._entry(slot, before, servable.version, LedgerOutcome.SWAPPED)
        known = slot.status.on_last_known_good
        if known:
            entry = _because(entry, slot.failure)
        self._ledger.note(replace(entry, findings=findings, seconds=seconds, last_known_good=known))
        last = self._history.baseline(slot.ref)
        # What takes the place of a blocked version is to be there after the next start, too; and
        # what a tag of the model has named.
        is_good = not known or last is None or last.version in self._slots.blocked
        # One that was never loaded is good only where nothing is known to be better; one that
        # bakes is not before that is over.
        if is_good and slot.bake is None and (servable.proven or last is None):
            self._history.note(slot.ref, self._served(servable))
        self._observer.swapped(slot.ref, before, servable.version, seconds)
        if known:
            self._observer.stands_in(slot.ref, servable.version, slot.failure)

    def proven(self, slot: Slot, servable: Servable, bake: Bake) -> None:
        """The slot's version has baked: it is the last known good from now on."""
        if servable.proven:
            self._history.note(slot.ref, self._served(servable))
        sentence = bake_sentence(bake)
        self._noted_bake(slot, LedgerOutcome.PROVEN, "unproven" if bake.unproven else "", sentence)
        self._observer.baked(slot.ref, bake.version, sentence)

    def unproven(self, slot: Slot, bake: Bake) -> None:
        """Its time is over, and too few requests have come: it is watched for longer."""
        sentence = bake_sentence(bake)
        self._noted_bake(slot, LedgerOutcome.UNPROVEN, LedgerOutcome.UNPROVEN, sentence)
        self._observer.unproven(slot.ref, bake.version, sentence)

    def gave_way(self, slot: Slot, bake: Bake, to: Servable, verdict: BakeVerdict) -> None:
        """The slot serves what was proven before its version again, as the verdict says."""
        entry = self._entry(slot, bake.version, to.version, LedgerOutcome.GAVE_WAY)
        code, message = verdict.code, verdict.message
        self._ledger.note(replace(entry, stage=STAGE, code=code, message=message))
        self._observer.gave_way(slot.ref, bake.version, to.version, verdict)

    def _noted_bake(self, slot: Slot, outcome: LedgerOutcome, code: str, message: str) -> None:
        if slot.version is not None:
            entry = self._entry(slot, slot.version, slot.version, outcome)
            self._ledger.note(replace(entry, code=code or None, message=message))

    def emptied(self, slot: Slot, before: VersionId, failure: Failure) -> None:
        """The slot serves that version no more, and nothing in its place."""
        entry = self._entry(slot, before, before, LedgerOutcome.EMPTIED)
        self._ledger.note(_because(entry, failure))
        self._observer.emptied(slot.ref, before, failure)

    def withdrawn(self, slot: Slot, version: VersionId, failure: Failure) -> None:
        """The slot serves that version no more, and nothing in its place."""
        entry = self._entry(slot, version, version, LedgerOutcome.WITHDRAWN)
        self._ledger.note(_because(entry, failure))
        self._observer.withdrawn(slot.ref, version, failure)

    def shared(self, slot: Slot) -> None:
        """The slot shares its requests otherwise from now on, or no more."""
        if slot.version is None:
            return
        arms = slot.traffic.arms
        entry = self._entry(slot, slot.version, slot.version, LedgerOutcome.SHARED)
        shares = {each.binding.ref.alias: each.weight / 100 for each in arms}
        message = listed([_share(each) for each in arms]) + "."
        code = LedgerOutcome.SHARED.value
        self._ledger.note(replace(entry, code=code, message=message, shares=shares))
        self._observer.shared(slot.ref, message)

    def held(self, slot: Slot, hold: Hold, on: VersionId | None) -> None:
        """The slot stays on what it serves, or will: a hold may be there before it serves."""
        meant, message = slot.version or slot.aspired or on, f"Held {hold.sentence}"
        self._noted_hold(slot, meant, LedgerOutcome.HELD, message, hold.reason)
        self._observer.held(slot.ref, hold)

    def released(self, slot: Slot) -> None:
        """The slot follows its alias again."""
        message = "The hold was taken back, or its time has come."
        self._noted_hold(slot, slot.version or slot.aspired, LedgerOutcome.RELEASED, message)
        self._observer.released(slot.ref)

    def unblocked(self, slot: Slot, version: VersionId) -> None:
        """What the slot had refused for being blocked may be taken again."""
        entry = self._entry(slot, slot.version, version, LedgerOutcome.UNBLOCKED)
        message = f"Version {version.version} is not blocked any more."
        self._ledger.note(replace(entry, code="unblocked", message=message))
        self._observer.unblocked(slot.ref, version)

    def shadowed(self, slot: Slot, version: VersionId, alias: str, share: int) -> None:
        """The version hears of so many of the slot's requests."""
        message = f"{alias} hears of {percent(share)}% of requests."
        self._noted_shadow(slot, version, LedgerOutcome.SHADOWED, message)
        self._observer.shadowed(slot.ref, version, alias, share)

    def unshadowed(self, slot: Slot, version: VersionId, alias: str) -> None:
        """The version hears of none any more."""
        message = f"{alias} hears of requests no more."
        self._noted_shadow(slot, version, LedgerOutcome.UNSHADOWED, message)
        self._observer.unshadowed(slot.ref, version, alias)

    def _noted_shadow(
        self, slot: Slot, version: VersionId, outcome: LedgerOutcome, message: str
    ) -> None:
        entry = self._entry(slot, slot.version, version, outcome)
        self._ledger.note(replace(entry, code=outcome.value, message=message))

    def _noted_hold(
        self,
        slot: Slot,
        on: VersionId | None,
        outcome: LedgerOutcome,
        message: str,
        reason: str = "",
    ) -> None:
        if on is not None:
            entry = self._entry(slot, slot.version, on, outcome)
            code, why = outcome.value, reason or None
            self._ledger.note(replace(entry, code=code, message=message, reason=why))

    def prepared(
        self,
        slot: Slot,
        version: VersionId,
        stages: Mapping[str, float],
        findings: Sequence[GateFinding],
        reason: str = "",
    ) -> None:
        """The version is ready for the slot, should its alias move there; `reason`: who asked."""
        entry = self._asked_for(slot, version.version, LedgerOutcome.PREPARED, reason)
        self._ledger.note(replace(entry, findings=bounded(findings), seconds=stages))
        self._observer.prepared(slot.ref, version.version, stages)

    def not_prepared(  # noqa: PLR0913, PLR0917 - all that is known of one attempt
        self,
        slot: Slot,
        number: str,
        refusal: Refusal,
        stages: Mapping[str, float],
        findings: Sequence[GateFinding],
        reason: str = "",
    ) -> None:
        """The version of that number could not be made ready for the slot."""
        failure = refusal.failure
        asked = self._asked_for(slot, number, LedgerOutcome.NOT_PREPARED, reason)
        entry = _because(asked, failure)
        found = bounded(findings)
        seconds, gate = stages, refusal.gate
        self._ledger.note(
            replace(entry, stage=failure.stage, gate=gate, findings=found, seconds=seconds)
        )
        self._observer.not_prepared(slot.ref, number, failure)

    def let_go(self, slot: Slot, number: str, why: str) -> None:
        """What was made ready, or was to be, is not kept any more."""
        self._observer.preparation_ended(slot.ref, number, why)

    def _asked_for(
        self, slot: Slot, number: str, outcome: LedgerOutcome, reason: str
    ) -> LedgerEntry:
        before = None if slot.version is None else slot.version.version
        now, why = self._clock.wall(), reason or None
        return LedgerEntry(now, slot.ref, Trigger.OPERATOR, before, number, outcome, reason=why)

    def knows(self, name: str, version: str) -> bool:
        """Whether that version was brought into service once, or was to be: the ledger says so."""
        return self._ledger.knows(name, version)

    def renewed(self, slot: Slot, servable: Servable) -> None:
        """The slot serves the same version, from other files maybe: those are the good ones now."""
        if not slot.status.on_last_known_good and slot.bake is None and servable.proven:
            self._history.note(slot.ref, self._served(servable))

    def refused(  # noqa: PLR0913, PLR0917 - all that is known of one attempt
        self,
        slot: Slot,
        version: VersionId,
        error: FollowingError,
        stages: Mapping[str, float],
        attempts: int,
        findings: Sequence[GateFinding] = (),
    ) -> None:
        """The version does not serve; one fault of several attempts is written down once.

        `findings` is what gates had let pass by then.

        `slot.failure` is why, unless the version was to stand in for one that failed before it.
        """
        before = slot.failure
        closed = error.findings if isinstance(error, GateClosed) else ()
        found = bounded((*findings, *closed))
        failure = replace(failure_of(error, version, self._clock), findings=found)
        if before is None or version in {slot.aspired, before.version} or _says_less(before, slot):
            slot.failure = failure
        is_other = before is None or (before.version == version and before.code != failure.code)
        if attempts == 1 or is_other:
            entry = self._entry(slot, slot.version, version, LedgerOutcome.REFUSED)
            entry = replace(_because(entry, failure), findings=found)
            self._ledger.note(_with_reason(entry, error, stages, slot))
        self._observer.refused(slot.ref, version, failure, error.detail)

    def _served(self, servable: Servable) -> ServedBefore:
        return ServedBefore(servable.fetched, self._clock.wall(), servable.runs_in.key)

    def _entry(
        self, slot: Slot, before: VersionId | None, version: VersionId, outcome: LedgerOutcome
    ) -> LedgerEntry:
        return LedgerEntry(
            at=self._clock.wall(),
            ref=slot.ref,
            trigger=slot.wish.trigger,
            before=None if before is None else before.version,
            version=version.version,
            outcome=outcome,
        )


def bake_sentence(bake: Bake) -> str:
    """What has come of it by now, for people."""
    new = bake.whole if bake.failing else bake.sample
    older, number = bake.older, bake.version.version
    stays = " What was proven before it stays the last known good." if bake.failing else ""
    failed = f"has failed {new.failures} of {new.requests} requests ({new.percent})"
    if older is None:
        nothing = "nothing was kept warm that it could be compared with"
        return f"Version {number} {failed}; {nothing}.{stays}"
    old, before = bake.proven_sample, older.servable.version.version
    few = "too few requests to say more: " if new.requests < LOOKS[0] else ""
    told = f"{old.failures} of its last {old.requests} ({old.percent})"
    return f"{few}version {number} {failed}, version {before} {told}.".capitalize() + stays


def failure_of(error: FollowingError, version: VersionId | None, clock: Clock) -> Failure:
    """What may be shown of the error."""
    detail = cut(error.detail, LONGEST_DETAIL)
    return Failure(
        error.stage,
        error.reason,
        cut(error.message),
        clock.wall(),
        version,
        detail,
        passing=isinstance(error, PassingFault),
    )


def defect(stage: str, error: Exception) -> PassingFault:
    """What was not expected, as a fault of Podium's."""
    return PassingFault(stage, "internal", "Podium failed.", repr(error))


def internal(clock: Clock) -> Failure:
    """A defect of Podium's."""
    return Failure(LOOK, "internal", "Podium failed.", clock.wall())


def _share(arm: Arm) -> str:
    binding, weight = arm.binding, percent(arm.weight)
    return f"{weight}% to {binding.ref.alias} (version {binding.servable.version.version})"


def _says_less(failure: Failure, slot: Slot) -> bool:
    # That there is nothing to serve says more than why what should have stood in for it fails.
    return failure.version is None and not slot.status.gone


def _because(entry: LedgerEntry, failure: Failure | None) -> LedgerEntry:
    if failure is None:
        return entry
    detail = failure.detail or None
    reason = detail if failure.code in _BY_OPERATORS else entry.reason
    return replace(entry, code=failure.code, message=failure.message, detail=detail, reason=reason)


def _with_reason(
    entry: LedgerEntry, error: FollowingError, stages: Mapping[str, float], slot: Slot
) -> LedgerEntry:
    gate = error.gate if isinstance(error, GateClosed) else None
    seconds = {"look": slot.wish.look_seconds, **stages}
    return replace(entry, stage=error.stage, gate=gate, seconds=seconds)
