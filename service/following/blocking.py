"""What an operator has blocked gives way to what was proven before it.

A version is blocked by its tag, which looks see. No slot takes it from then on. One that serves it
goes back to the latest version that it has served and that is neither blocked nor withdrawn: the
one that is warm still, the one on this machine, or one that the registry has. Until that answers,
and where there is none, it goes on: what serves is not lost for a mark, and whoever wants it to
stop withdraws it. A start never brings it into service: what was known of the versions that a slot
has served is known to the next start, also where the registry says nothing by then, and is believed
until that says otherwise. Of a version that was blocked while no service looked nobody knows yet.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from service.blocked_tag import BLOCKED
from service.following.coming_versions import ComingVersions
from service.following.fallback import Fallbacks
from service.following.gates.blocked import blocked
from service.following.history import History
from service.following.ports import Clock, VersionMarks
from service.following.recording import Recorder
from service.following.sentences import LONGEST_DETAIL, cut
from service.following.slot import Slot
from service.following.slots import Slots
from service.refs import ModelRef, VersionId


@dataclass(eq=False, repr=False)
class Blocking:
    """Keeps what is blocked from slots, and takes it from those that can do without."""

    _slots: Slots
    _history: History
    _coming: ComingVersions
    _fallbacks: Fallbacks
    _recorder: Recorder
    _clock: Clock
    _unfit: dict[ModelRef, set[VersionId]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Makes known what was blocked before this start."""
        for slot in self._slots.values():
            self._slots.blocked = {**self._slots.blocked, **self._history.blocked(slot.ref)}

    @property
    def asked(self) -> Collection[VersionId]:
        """Of which a look is to say whether they are blocked still."""
        refused = (slot.quarantined for slot in self._slots.values() if _is_refused(slot))
        return {*self._slots.blocked, *(each for each in refused if each is not None)}

    def believe(self, said: VersionMarks) -> None:
        """What a look has been told of tags; of whom it was told nothing, what was known holds."""
        told = {*said.free, *said.withdrawn, *said.blocked}
        known = self._slots.blocked.items()
        kept = {version: reason for version, reason in known if version not in told}
        self._slots.blocked = {**kept, **said.blocked}
        self._recorder.each(self._slots.values(), self._keep)
        self._recorder.each(self._slots.values(), lambda slot: self._lift(slot, told))

    def _keep(self, slot: Slot) -> None:
        """For the next start, where that would not know it otherwise."""
        ref, marked = slot.ref, self._slots.blocked
        served = {
            version: cut(reason, LONGEST_DETAIL)
            for version, reason in marked.items()
            if version.name == ref.name and self._history.has_served(ref, version)
        }
        if served != self._history.blocked(ref):
            self._history.block(ref, served)

    def _lift(self, slot: Slot, told: Collection[VersionId]) -> None:
        """An operator has taken it back: what the alias is on is tried as if it were new."""
        version = slot.quarantined
        if version is None or not _is_refused(slot):
            return
        if version in told and version not in self._slots.blocked:
            slot.lift()
            slot.failure = None
            self._recorder.unblocked(slot, version)

    def refuse(self, slot: Slot, version: VersionId) -> None:
        """The alias is on it: the slot says why it is not served, once in log and ledger."""
        if _is_refused(slot):
            return
        slot.pursuit = slot.pursuit.refused(BLOCKED)
        reason = self._slots.blocked[version]
        self._recorder.refused(slot, version, blocked(version, reason), {}, attempts=1)

    def relieve(self, slot: Slot) -> None:
        """A slot that serves what is blocked, or would for want of better, gets what was proven."""
        if not self._fallbacks.may_stand_in(slot) or not self._is_concerned(slot):
            self._unfit.pop(slot.ref, None)
            slot.barred = None
            return
        slot.barred = self._barred(slot)
        if slot.aspired in self._slots.staging and slot.aspired not in self._slots.blocked:
            return
        last = self._history.baseline(slot.ref)
        if slot.version is None and (last is None or self._is_fit(last.version)):
            self._fallbacks.fall_back(slot)  # it lies here, and the registry is not asked
            if not slot.has_no_fallback:
                return
        self._go_back(slot)

    def _barred(self, slot: Slot) -> VersionId | None:
        last = None if slot.version is not None else self._history.baseline(slot.ref)
        return None if last is None or self._is_fit(last.version) else last.version

    def _is_concerned(self, slot: Slot) -> bool:
        marked = self._slots.blocked
        if slot.version is not None:
            return slot.version in marked
        last = self._history.baseline(slot.ref)
        return slot.aspired in marked or (last is not None and last.version in marked)

    def _go_back(self, slot: Slot) -> None:
        now, tried = self._clock.monotonic(), slot.fallback_pursuit
        if tried.fault is not None:
            if tried.version is not None:
                self._unfit.setdefault(slot.ref, set()).add(tried.version)
            tried = slot.fallback_pursuit = replace(tried, version=None, fault=None)
        proven = self._proven(slot)
        if not proven and self._fallbacks.is_named(slot):
            self._fallbacks.seek_named(slot)
            return
        slot.has_no_fallback = not proven
        if tried.version in self._slots.staging or not tried.is_due(now) or not proven:
            return
        # One that cannot be had keeps none of the others from their turn.
        version = proven[tried.attempts % len(proven)]
        slot.fallback_pursuit = tried.of(version).tried(now)
        self._coming.bring(slot, version)

    def _proven(self, slot: Slot) -> Sequence[VersionId]:
        """What it has served, the latest first, and may serve again."""
        unfit = self._unfit.get(slot.ref, ())
        served = reversed(self._history.versions(slot.ref))
        return [each for each in served if each not in unfit and self._is_fit(each)]

    def _is_fit(self, version: VersionId) -> bool:
        return version not in self._slots.blocked and version not in self._slots.tombstones


def _is_refused(slot: Slot) -> bool:
    return slot.pursuit.fault == BLOCKED
