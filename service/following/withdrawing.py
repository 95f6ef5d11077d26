"""What an operator has withdrawn is answered by nobody, and nothing of it is kept (P23).

Operators withdraw by command (`Withdrawing.withdraw`) or by the version's tag, which looks see.
Tombstones say so from then on, after restarts too, whatever the registry says or does not say. It
is stronger than P4 and P5: a slot whose alias is on what was withdrawn, or that served it last and
has nothing else to serve, answers with that until the alias moves.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from service.errors import FollowingError, UnknownModel, UnknownVersion, Withdrawn
from service.following.baking import Baking
from service.following.blocking import Blocking
from service.following.coming_versions import ComingVersions
from service.following.history import History, ServedBefore
from service.following.open_versions import OpenVersions
from service.following.ports import Clock, Registry, Resolution, Unanswered, VersionMarks
from service.following.recording import Recorder
from service.following.sentences import LONGEST_DETAIL, cut, listed, named
from service.following.slot import Slot
from service.following.slot_status import Failure
from service.following.slots import Slots
from service.following.tombstone_sync import TombstoneSync
from service.refs import ModelRef, VersionId
from service.tombstones import WITHDRAWN_TAG, Source, Tombstone

WITHDRAWN: Final = Withdrawn.code
_UNTOLD: Final = Unanswered(
    "tags_unanswered",
    f"The registry does not say whether the version has the tag {WITHDRAWN_TAG}; it is asked again "
    "at the next look.",
    "",
)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """How it stands with one version after an operator has withdrawn it, or taken that back.

    Attributes:
        sources: who says that it is withdrawn; nobody: it is not.
        slots: whose alias is on it, or that have served it until now.
        kept: whether the next start knows it too.
        cleared: whether nothing of it is left on this machine.
        checked: whether it is known that there is such a version: the registry may be silent.
    """

    name: str
    version: str
    sources: tuple[Source, ...]
    slots: tuple[ModelRef, ...]
    kept: bool
    cleared: bool
    checked: bool = True


@dataclass(eq=False, repr=False)
class Withdrawing:
    """Takes what is withdrawn from slots."""

    _slots: Slots
    _registry: Registry
    _sync: TombstoneSync
    _history: History
    _open: OpenVersions
    _recorder: Recorder
    _clock: Clock
    _coming: ComingVersions
    _blocking: Blocking
    _asked: frozenset[VersionId] = field(default=frozenset(), init=False)
    _unasked: frozenset[VersionId] = field(default=frozenset(), init=False)

    def __post_init__(self) -> None:
        """Makes known what is withdrawn."""
        self._stones = self._slots.tombstones = self._sync.stones

    async def look(self, found: Mapping[ModelRef, Resolution]) -> None:
        """What the registry says of tags now. Raises `FollowingError` where it says nothing."""
        refs = (*(slot.ref for slot in self._slots.values()), *found)
        names = {ref.name for ref in refs}
        asked = (*self._stones.tagged, *self._blocking.asked)
        marked = list(dict.fromkeys(each for each in asked if each.name in names))
        met = {each for each in found.values() if isinstance(each, VersionId)} | set(self._met())
        said = await self._registry.marks(
            sorted(names), self._in_turn(sorted(met, key=str)), self._in_turn(marked)
        )
        self._unasked = frozenset(said.unasked)
        self._asked = frozenset((met & self._asked) | (met - self._unasked))
        self._believe(said)

    def vetted(self, found: Mapping[ModelRef, Resolution]) -> Mapping[ModelRef, Resolution]:
        """What was found, but of a version of whose tag nobody has told yet: no answer."""
        return {ref: _UNTOLD if self._is_untold(each) else each for ref, each in found.items()}

    def _is_untold(self, found: Resolution) -> bool:
        known = found in self._asked or found in self._stones
        return isinstance(found, VersionId) and not known

    def _in_turn(self, versions: Iterable[VersionId]) -> Sequence[VersionId]:
        """What was never asked about first, then what there was no time for."""

        def turn(version: VersionId) -> tuple[bool, bool]:
            return version in self._asked, version not in self._unasked

        return sorted(versions, key=turn)

    def _believe(self, said: VersionMarks) -> None:
        self._blocking.believe(said)
        now = self._clock.wall()
        tagged = self._stones.tagged
        # Most of them stand since an earlier look.
        new = [each for each in said.withdrawn.items() if each[0] not in tagged]
        if new:
            self._sync.lay(_stone(version, now, reason) for version, reason in new)
        free = [stone for version in said.free for stone in self._stones.over(version)]
        ended = [stone for stone in free if stone.source is Source.TAG]
        if ended:
            self._sync.take_back(ended)

    def apply(self, slot: Slot) -> None:
        """Takes from the slot what is withdrawn, and has it say what it lacks for that."""
        taken = slot.version if slot.version in self._stones else None
        # What bakes has not served there yet, also where what was proven before is not warm.
        served = taken if slot.bake is None else None
        if taken is None or not self._gone_back(slot):
            self._note_unproven(slot, served)
        warm = None if slot.previous is None else slot.previous.binding.servable.version
        for version in (slot.version, warm):
            if version is not None and version in self._stones:
                self._open.withdraw(slot, version, Withdrawn())
        if slot.fallback in self._stones:
            slot.fallback_pursuit = slot.fallback_pursuit.of(None)
        if self._served_last(slot) in self._stones:
            self._history.withdraw(slot.ref)
        slot.lacking = self._lacking(slot, served)
        self._explain(slot, taken)

    def _gone_back(self, slot: Slot) -> bool:
        """Whether what baked there has made room for what was proven before it, which is warm.

        It has not served there before its bake is over: that stands in for it, as for any other
        that the slot has never served (P2).
        """
        older = slot.older
        version = None if older is None else older.servable.version
        if older is None or version in self._stones or version in self._slots.blocked:
            return False
        Baking.stop(slot)
        self._open.swap(slot, older.servable)
        return True

    def _note_unproven(self, slot: Slot, taken: VersionId | None) -> None:
        """What was never loaded is no last known good; that it was served last is to be known."""
        binding = slot.binding
        if binding is not None and taken is not None and taken != self._served_last(slot):
            self._history.note(slot.ref, ServedBefore(binding.servable.fetched, self._clock.wall()))

    async def withdraw(self, name: str, version: str, reason: str = "") -> Withdrawal:
        """An operator withdraws it, and says why: nobody is answered by it from this call on.

        Of a version that nothing is known of here that holds once the registry has said that there
        is one, or has said nothing within the deadline of a look. Returns when that is kept and
        nothing of it is left, or after some seconds. Raises `UnknownModel` for a model that is not
        followed, `UnknownVersion` where neither the registry nor anybody here knows such a version:
        nothing is withdrawn then.
        """
        self._require(name, version)
        lying: Collection[VersionId] = ()
        checked = self._is_known(name, version)
        if not checked:
            lying = await self._sync.lying(name, version)
            checked = bool(lying) or await self._is_registered(name, version)
        concerned, now = self._concerned(name, version), self._clock.wall()
        created_at: Iterable[int | None] = self._created(name, version, lying) or (None,)
        self._sync.lay(
            Tombstone(name, created, version, Source.OPERATOR, now, reason)
            for created in created_at
        )
        self.apply_all()
        return replace(await self._settled(name, version, concerned), checked=checked)

    async def restore(self, name: str, version: str) -> Withdrawal:
        """An operator takes that back; what a tag says holds. Raises `UnknownModel`."""
        self._require(name, version)
        concerned = self._concerned(name, version)
        stones = self._stones.named(name, version)
        self._sync.take_back(each for each in stones if each.source is Source.OPERATOR)
        self.apply_all()
        return await self._settled(name, version, concerned)

    def apply_all(self) -> None:
        """To every slot; and what is on its way, and wanted by nobody any more, is ended."""
        self._recorder.each(self._slots.values(), self.apply)
        # Some are held by requests alone, which no slot tells of.
        for version in self._open.versions:
            if version in self._stones:
                self._open.end(version, Withdrawn())
        self._coming.abandon_the_unwanted()
        self._sync.see_to()

    async def _settled(
        self, name: str, version: str, concerned: tuple[ModelRef, ...]
    ) -> Withdrawal:
        await self._sync.done()
        sources = {each.source for each in self._stones.named(name, version)}
        return Withdrawal(
            name,
            version,
            tuple(sorted(sources)),
            concerned,
            self._sync.is_kept(name, version),
            self._sync.is_cleared(name, version),
        )

    def _require(self, name: str, version: str) -> None:
        followed = any(slot.ref.name == name for slot in self._slots.values())
        if not followed and not self._stones.named(name, version):
            raise UnknownModel("This service follows no model of that name.")

    def _is_known(self, name: str, version: str) -> bool:
        """Whether there is, or was, such a version, whatever the registry says now."""
        known = (*self._met(), *self._open.versions, *self._served())
        met = any((each.name, each.version) == (name, version) for each in known)
        stands = bool(self._stones.named(name, version))
        return met or stands or self._recorder.knows(name, version)

    async def _is_registered(self, name: str, version: str) -> bool:
        """Raises `UnknownVersion` where the registry has none; False where it says nothing."""
        try:
            there = await self._registry.exists(name, version)
        except FollowingError:
            return False
        if not there:
            raise UnknownVersion(
                "The registry has no such version of that model, and nothing was withdrawn: "
                f"{self._serving(name)}."
            )
        return True

    def _serving(self, name: str) -> str:
        slots = [slot for slot in self._slots.values() if slot.ref.name == name]
        return listed([_serves(slot) for slot in slots]) or "no slot follows that model now"

    def _created(self, name: str, version: str, lying: Iterable[VersionId]) -> set[int]:
        """When the models of that name were made that are met here, or have had such a version."""
        known = {each for each in (*self._met(), *self._open.versions) if each.name == name}
        had = (each for each in self._served() if (each.name, each.version) == (name, version))
        return {each.created for each in (*known, *had, *lying)}

    def _served(self) -> Iterator[VersionId]:
        """What slots have served, as far as that is remembered."""
        for slot in self._slots.values():
            yield from self._history.versions(slot.ref)

    def _met(self) -> Iterator[VersionId]:
        """What slots are on, serve, would fall back to, have served last, and have prepared.

        And what hears of their requests.
        """
        yield from () if self._coming.beside is None else self._coming.beside.versions
        for slot in self._slots.values():
            listener = slot.listener
            met = (
                slot.version,
                slot.aspired,
                slot.fallback,
                self._served_last(slot),
                None if listener is None else listener.binding.servable.version,
            )
            yield from (each for each in met if each is not None)

    def _served_last(self, slot: Slot) -> VersionId | None:
        known = self._history.baseline(slot.ref)
        return None if known is None else known.version

    def _concerned(self, name: str, version: str) -> tuple[ModelRef, ...]:
        def concerns(found: VersionId | None) -> bool:
            return found is not None and (found.name, found.version) == (name, version)

        slots = self._slots.values()
        met = {slot.ref: (slot.version, slot.aspired, slot.lacking) for slot in slots}
        return tuple(ref for ref, found in met.items() if any(map(concerns, found)))

    def _lacking(self, slot: Slot, taken: VersionId | None) -> VersionId | None:
        """What the slot would serve if it were not withdrawn; None while another does or comes.

        A last known good that is not withdrawn stands in for what the slot has never served (P2).
        """
        if slot.binding is not None:
            return None
        aspired, last = slot.aspired, self._served_last(slot)
        served = taken or last
        if served in self._stones:
            if aspired is None or aspired in self._stones:
                return aspired or served
            return served if aspired == slot.quarantined else None
        nothing_else = last is None or slot.has_no_fallback
        return aspired if aspired in self._stones and nothing_else else None

    def _explain(self, slot: Slot, taken: VersionId | None) -> None:
        if taken is not None:
            self._recorder.withdrawn(slot, taken, self._failure(taken))
        told = slot.failure
        if told is not None and told.code == WITHDRAWN and told.version not in self._stones:
            slot.failure = told = None
            slot.lift()
        aspired = slot.aspired if slot.aspired in self._stones else None
        version = aspired or slot.lacking or taken
        if version is None:
            return
        failure = self._failure(version, slot.version)
        if told is not None and told == replace(failure, at=told.at):
            return
        # Why what the alias is on cannot be served says more than what served before it.
        if aspired is not None or told is None or told.of_look or told.version != slot.aspired:
            slot.failure = failure

    def _failure(self, version: VersionId, serving: VersionId | None = None) -> Failure:
        stone = self._stones.over(version)[0]
        message = f"Version {version.version} was withdrawn {_by(stone, serving)}"
        # Anybody's words, and no fixed sentence.
        detail = cut(stone.reason, LONGEST_DETAIL)
        return Failure(WITHDRAWN, WITHDRAWN, message, self._clock.wall(), version, detail)


def _stone(version: VersionId, now: float, reason: str) -> Tombstone:
    return Tombstone(version.name, version.created, version.version, Source.TAG, now, reason)


def _serves(slot: Slot) -> str:
    found = "nothing" if slot.version is None else f"version {slot.version.version}"
    return f"{named(str(slot.ref))} serves {found}"


def _by(stone: Tombstone, serving: VersionId | None) -> str:
    instead = "nothing takes its place" if serving is None else f"version {serving.version} serves"
    until = f"{instead} until the alias is moved to another version"
    if stone.source is Source.OPERATOR:
        return f"by command: {until}. `podium withdraw --undo` takes it back."
    return f"by its tag {WITHDRAWN_TAG}: {until}. Deleting the tag takes it back."
