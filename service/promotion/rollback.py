"""A rollback: to the version that an alias was on before, as its journal tells.

No service is asked, so that it works while none answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from service.promotion.deciding import AliasStanding, Asking, GoOn, Stage, opening
from service.promotion.held import require_released
from service.promotion.history import Candidate, candidates, has_stood_on
from service.promotion.journal import MoveKind, Written
from service.promotion.left_open import left_open, under_way
from service.promotion.mover import Mover, now
from service.promotion.stopped import refused, undecided
from service.promotion.validated import unfit
from service.registry.writer.faults import NOT_FOUND, WriteRefused
from service.registry.writer.writer import NumberedVersion, RegisteredVersion
from service.typed import typed_on


@dataclass(frozen=True, slots=True)
class RollbackTarget:
    """Where the alias goes; to nothing where that is None."""

    kind: MoveKind
    version: str | None


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A rollback that has come to its end.

    Attributes:
        outcome: `already`: there is nothing left to do.
        passed: versions that would have come first, and why they did not.
    """

    outcome: Literal["rolled_back", "already"]
    version: str | None
    before: str | None
    entry: int | None
    passed: Sequence[Candidate] = ()


@dataclass(frozen=True, slots=True)
class Rollback:
    """One alias's."""

    mover: Mover

    def run(self, to: str | None = None, *, resume: bool = False) -> RolledBack:
        """To the version `to`, or to the one before.

        `resume` undoes a promotion that was begun, finishes a rollback, whoever has begun it, or
        makes one that the registry has refused. A held alias is moved by the undoing alone of a
        move that was begun before.
        Raises `MoveStopped`, `WriteRefused` and `Unreachable`.
        """
        self.mover.told(Stage.LOOK)
        # A move past the commands has settled what was begun, and is a step of its own.
        standing = self.mover.settle(self.mover.look())
        begun = standing.journal.open
        if begun is not None:
            return self._after(standing, begun, to, resume=resume)
        if to is not None:
            return self._to(standing, to)
        if resume:
            return self._way_back(standing)
        if self._is_own(standing):
            return _already(standing)
        require_released(standing)
        target, passed = self._found(standing)
        return self._moved(standing, target, passed)

    def _to(self, standing: AliasStanding, to: str) -> RolledBack:
        if standing.alias == to:
            return _already(standing)
        require_released(standing)
        return self._moved(standing, self._named(standing, to))

    def _way_back(self, standing: AliasStanding) -> RolledBack:
        """One that the registry has refused is made, if it allows that by now."""
        refused_before = standing.journal.way_back
        if refused_before is None:
            return _already(standing)
        require_released(standing)
        entry = refused_before.entry
        if entry.kind == "rollback" and entry.to is not None:
            return self._to(standing, entry.to)
        return self._moved(standing, RollbackTarget(entry.kind, entry.to))

    def _after(
        self, standing: AliasStanding, begun: Written, to: str | None, *, resume: bool
    ) -> RolledBack:
        """While a move is open: it is finished, undone, or left alone."""
        origin = self.mover.origin
        asking = Asking(origin.by, origin.link, resume)
        if begun.entry.kind != "promote" and to in {None, begun.entry.to}:
            start = opening(standing, begun.entry.to, asking, now())
            if isinstance(start, GoOn):
                return self._finished(begun)
        if not resume and now() < (standing.gives_way_at or now()):
            raise undecided("under_way", under_way(standing, begun))
        if to is not None:
            require_released(standing)
            return self._moved(standing, self._named(standing, to))
        return self._moved(standing, RollbackTarget("put_back", begun.entry.before))

    def _is_own(self, standing: AliasStanding) -> bool:
        """Whether this very job has rolled it back: one that is tried again goes no further."""
        newest, origin = standing.journal.newest, self.mover.origin
        if newest is None or newest.entry.kind != "rollback" or not origin.link:
            return False
        own = (newest.entry.by, newest.entry.link) == (origin.by, origin.link)
        return own and standing.alias == newest.entry.to

    def _named(self, standing: AliasStanding, to: str) -> RollbackTarget:
        if has_stood_on(standing.journal, to) is None:
            # One that is not there at all no command moves it to: that is wrong use.
            self.mover.writer.version_of(NumberedVersion(standing.ref.name, to))
            raise refused("never_there", _never_there(standing, to))
        if why := self._why_not(standing, to):
            raise refused("not_there", f"version {to}: {why}")
        return RollbackTarget("rollback", to)

    def _found(self, standing: AliasStanding) -> tuple[RollbackTarget, Sequence[Candidate]]:
        passed: list[Candidate] = []
        for each in candidates(standing.journal, partial(self._why_not, standing)):
            if each.version == standing.alias:
                continue
            if not each.why_not:
                return RollbackTarget("rollback", each.version), passed
            passed.append(each)
        why = [standing.absent] if standing.absent else []
        why += [f"version {each.version}: {each.why_not}" for each in passed]
        why += [left] if (left := left_open(standing)) else []
        said = f"the journal of {standing.ref} has nothing to go back to"
        raise refused("nothing_before", f"{said}: {'; '.join(why)}" if why else said)

    def _why_not(self, standing: AliasStanding, number: str) -> str:
        try:
            found = self.mover.writer.version_of(NumberedVersion(standing.ref.name, number))
        except WriteRefused as error:
            if error.code == NOT_FOUND:
                return "it is not there any more"
            raise
        return _unfit(standing, found)

    def _moved(
        self, standing: AliasStanding, target: RollbackTarget, passed: Sequence[Candidate] = ()
    ) -> RolledBack:
        # No files are looked at: which they are, nobody can say.
        ours = self.mover.intend(standing, target.kind, target.version)
        return self._finished(ours, passed)

    def _finished(self, ours: Written, passed: Sequence[Candidate] = ()) -> RolledBack:
        self.mover.move(ours)
        # Of a promotion by steps that is undone by this, or that was broken off before.
        self.mover.clear_split(self.mover.reread(ours))
        self.mover.finish(ours, served=None)
        entry = ours.entry
        return RolledBack("rolled_back", entry.to, entry.before, ours.number, passed)


def _already(standing: AliasStanding) -> RolledBack:
    return RolledBack("already", standing.alias, standing.alias, None)


def _never_there(standing: AliasStanding, to: str) -> str:
    said = f"by its journal {standing.ref} was never on version {to}"
    if standing.absent:
        make = typed_on(standing.ref, "promote", to, options=("--first",))
        return f"{said}; {standing.absent}: {make} makes it"
    return f"{said}: {typed_on(standing.ref, 'promote', to)} moves it"


def _unfit(standing: AliasStanding, found: RegisteredVersion) -> str:
    if found.created != standing.created:
        return "it is of a model that was made anew since"
    if not found.ready:
        return "its registration has not succeeded"
    said = unfit(found.tags)
    return "" if said is None else said[1]
