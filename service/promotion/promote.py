"""A promotion: of a version that was validated, to an alias and to all who serve it.

The order is that of `service.promotion.deciding.Stage`. A version that an instance refuses is found
before anything is written. What is written is the intent, then the alias, then its end; whoever
finds an intent without its end knows what was meant, and goes on by the same rules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from service.promotion.deciding import (
    AliasStanding,
    Already,
    Asking,
    GoOn,
    Opening,
    Stage,
    UnderWay,
    may_finish,
    opening,
)
from service.promotion.instances import Instances, Serving
from service.promotion.journal import Written
from service.promotion.mover import Mover, now
from service.promotion.prepare import Prepared
from service.promotion.stopped import MoveStopped, in_part, refused, undecided
from service.promotion.validated import PASSED, claimed, compare, why_blocked
from service.refs import VersionId
from service.registry.writer.faults import Unreachable, WriteRefused
from service.registry.writer.writer import NamedVersion, RegisteredVersion


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator wants to be promoted, and what they take upon themselves.

    Attributes:
        unvalidated: why a version that was not validated is promoted all the same; empty: it is
            refused.
        first: whether the alias may be made.
        resume: whether a move to that version that somebody else has begun is taken over at once.
    """

    version: NamedVersion
    unvalidated: str = ""
    first: bool = False
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Promoted:
    """A promotion that has come to its end.

    Attributes:
        outcome: `already`: the alias was there.
        before: the version that it was on before; None where there was no alias.
        entry: the number of its entry; None where nothing was written.
    """

    outcome: Literal["promoted", "already"]
    version: str
    before: str | None
    entry: int | None
    prepared: Sequence[Prepared]
    serving: Sequence[Serving]


@dataclass(frozen=True, slots=True)
class Promotion:
    """One alias's.

    Attributes:
        digest_now: of what the registry has of a version at this moment.
        passed: the tag and the value that say that a version was validated.
    """

    mover: Mover
    instances: Instances
    digest_now: Callable[[VersionId], str]
    passed: str = PASSED

    def run(self, wish: Wanted) -> Promoted:
        """To its end, or to where it has to stop.

        Raises `MoveStopped`, `WriteRefused`, `Unreachable`; after what stage is for `Mover.told`.
        """
        self.mover.told(Stage.LOOK)
        standing = self.mover.look()
        version = self.mover.writer.version_of(wish.version)
        start = self._start(standing, version, wish)
        digest = self._checked(version, wish, start)
        if isinstance(start, Already):
            serving = self._serving_of_old(version)
            return Promoted("already", version.number, standing.alias, None, (), serving)
        prepared = self._prepared(version)
        ours = self._ours(standing, start, version, digest, wish)
        self.mover.move(ours)
        self.mover.reread(ours)
        serving = self._serving(ours, version)
        self.mover.finish(ours, served=True if serving else None)
        before = ours.entry.before
        return Promoted("promoted", version.number, before, ours.number, prepared, serving)

    def _start(self, standing: AliasStanding, version: RegisteredVersion, wish: Wanted) -> Opening:
        asking = Asking(self.mover.origin.by, self.mover.origin.link, wish.resume)
        start = opening(standing, version.number, asking, now())
        if isinstance(start, UnderWay):
            raise undecided("under_way", under_way(standing, start.begun))
        if why := why_blocked(version.tags):
            raise refused("blocked", f"{version.name} {version.number}: {why}")
        if not version.ready:
            raise refused(
                "not_ready", f"{version.name} {version.number} is not registered to its end"
            )
        if standing.alias is None and not wish.first and not isinstance(start, GoOn):
            raise refused(
                "first",
                f"the model has no alias {standing.ref.alias}: once it is made, an account with "
                "MANAGE alone can remove it again; --first makes it",
            )
        return start

    def _checked(self, version: RegisteredVersion, wish: Wanted, start: Opening) -> str:
        """The digest of the files that were judged; empty where nobody has to judge any."""
        # One that the commands have moved there was judged then.
        if wish.unvalidated or start == Already(seen=False):
            return ""
        self.mover.told(Stage.CHECK)
        found = claimed(version, self.passed)
        compare(version, found, self.digest_now(version.id))
        return found.digest

    def _prepared(self, version: RegisteredVersion) -> Sequence[Prepared]:
        self.mover.told(Stage.PREPARE)
        prepared = self.instances.prepare(self.mover.ref, version.number)
        # What a retry does not mend is told first.
        for outcome in ("refused", "unreachable", "undecided"):
            wrong = [each for each in prepared if each.outcome == outcome]
            if wrong:
                stop = refused if outcome == "refused" else undecided
                said = "; ".join(f"{each.url}: {each.sentence}" for each in wrong)
                raise stop(wrong[0].code or outcome, f"not prepared, and nothing was moved: {said}")
        return prepared

    def _ours(
        self,
        standing: AliasStanding,
        start: Opening,
        version: RegisteredVersion,
        digest: str,
        wish: Wanted,
    ) -> Written:
        if isinstance(start, GoOn):
            return start.with_
        settled = self.mover.settle(standing)
        return self.mover.intend(settled, "promote", version.number, digest, wish.unvalidated)

    def _serving_of_old(self, version: RegisteredVersion) -> Sequence[Serving]:
        """As of one that was moved before: nothing of it is this call's to put back."""
        serving = self._seen(version)
        for verdict, stop in (("refused", refused), ("undecided", undecided)):
            if said := _said(serving, verdict):
                raise stop("not_all_serve", f"the alias is there already; {said}")
        return serving

    def _serving(self, ours: Written, version: RegisteredVersion) -> Sequence[Serving]:
        serving = self._seen(version)
        if said := _said(serving, "refused"):
            raise self._put_back(ours, said)
        if said := _said(serving, "undecided"):
            raise in_part("not_all_serve", f"the alias is moved, and not all serve it yet: {said}")
        return serving

    def _seen(self, version: RegisteredVersion) -> Sequence[Serving]:
        self.mover.told(Stage.WAIT)
        return self.instances.serving(self.mover.ref, version.number)

    def _put_back(self, ours: Written, said: str) -> MoveStopped:
        """The alias is where it was, if it and the journal are still this move's."""
        standing = self.mover.look()
        if why := may_finish(standing, ours):
            return in_part("not_put_back", f"{said}; not put back: {why}")
        try:
            back = self.mover.intend(standing, "put_back", ours.entry.before, "")
            self.mover.move(back)
            self.mover.finish(back, served=None)
        except (MoveStopped, WriteRefused, Unreachable) as error:
            return in_part("not_put_back", f"{said}; not put back: {error}")
        return refused("refused_by_instance", f"{said}; the alias is back on {back.entry.to}")


def _said(serving: Sequence[Serving], verdict: str) -> str:
    return "; ".join(f"{each.url}: {each.sentence}" for each in serving if each.verdict == verdict)


def under_way(standing: AliasStanding, begun: Written) -> str:
    """That somebody has begun a move, and what to do about it."""
    entry, name, alias = begun.entry, standing.ref.name, standing.ref.alias
    link = f" ({entry.link})" if entry.link else ""
    on = f" --alias {alias}" if alias != "champion" else ""
    finish = (
        f"podium promote {name} {entry.to}{on} --resume"
        if entry.kind == "promote"
        else f"podium rollback {name}{on} --resume"
    )
    undo = f"; podium rollback {name}{on} --resume undoes it" if entry.kind == "promote" else ""
    return (
        f"{entry.by} has begun to move {standing.ref} from {entry.before} to {entry.to} at "
        f"{entry.time.isoformat()}{link}, and has not finished. If that is at work, wait; else "
        f"{finish} finishes it{undo}. Others may go on at {begun.gives_way_at.isoformat()}"
    )
