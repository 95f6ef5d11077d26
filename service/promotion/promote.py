"""A promotion: of a version that was validated, to an alias and to all who serve it.

The order is that of `service.promotion.deciding.Stage`. A version that an instance refuses is found
before anything is written. What is written is the intent, then the alias, then its end; whoever
finds an intent without its end knows what was meant, and goes on by the same rules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from service.exits import REFUSED, WRONG_USE
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
from service.promotion.held import require_released
from service.promotion.instance import NOT_THERE_YET
from service.promotion.instances import Instances, Serving
from service.promotion.journal import StepPlan, Written
from service.promotion.judged_source import judged_by
from service.promotion.left_open import resumed_back, under_way
from service.promotion.marking import block
from service.promotion.mover import Mover, now
from service.promotion.prepare import Prepared
from service.promotion.stepped import Stepping, why_split
from service.promotion.stopped import MoveStopped, in_part, refused, undecided
from service.promotion.validated import PASSED, by_policy, claimed, compare, require_fit
from service.promotion.watching import AliasWatch
from service.refs import ModelRef, VersionId
from service.registry.writer.faults import Unreachable, WriteRefused
from service.registry.writer.writer import NamedVersion, NumberedVersion, RegisteredVersion
from service.validation_tag import Validation


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator wants to be promoted, and what they take upon themselves.

    Attributes:
        unvalidated: why a version that was not validated is promoted all the same; empty: it is
            refused.
        first: whether the alias may be made.
        resume: whether a move to that version that somebody else has begun is taken over at once.
        steps: by which it comes before the alias moves; None: those of the move that is gone on
            with, if it has any.
    """

    version: NamedVersion
    unvalidated: str = ""
    first: bool = False
    resume: bool = False
    steps: StepPlan | None = None


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

    @property
    def failing(self) -> Sequence[Serving]:
        """Those that serve it, where most of the few requests of its bake have failed."""
        return [each for each in self.serving if each.failing]


@dataclass(frozen=True, slots=True)
class Promotion:
    """One alias's.

    Attributes:
        digest_now: of what the registry has of a version at this moment.
        passed: the tag and the value that say that a version was validated.
        policy: the SHA-256 of the policy by which it has to be; None: any will do.
        validated_as: the prefix under which what it was copied from has to be; empty: it itself.
        bakes: whether instances are waited for until the version has baked there.
        stepping: what brings it by steps; None: nobody has said where instances are.
    """

    mover: Mover
    instances: Instances
    digest_now: Callable[[VersionId], str]
    passed: str = PASSED
    policy: str | None = None
    validated_as: str = ""
    bakes: bool = False
    stepping: Stepping | None = None

    def run(self, wish: Wanted) -> Promoted:
        """To its end, or to where it has to stop.

        Raises `MoveStopped`, `WriteRefused`, `Unreachable`; after what stage is for `Mover.told`.
        """
        self.mover.told(Stage.LOOK)
        standing = self.mover.look()
        version = self.mover.writer.version_of(wish.version)
        self.mover.known.version = version.number
        # Written down whatever comes of this: a later look may not find the alias there any more.
        standing = self.mover.settle(standing)
        start = self._start(standing, version, wish)
        if isinstance(start, GoOn):
            self.mover.known.write(start.with_)
        if isinstance(start, Already):
            return self._already(standing, start, version, wish)
        if isinstance(start, GoOn) and standing.alias == version.number:
            return self._moved(self._taken_up(standing, start, version, wish), version, ())
        require_released(standing)
        prepared, ours = self._begun(standing, start, version, wish)
        return self._moved(self._stepped(ours, version), version, prepared)

    def _start(self, standing: AliasStanding, version: RegisteredVersion, wish: Wanted) -> Opening:
        asking = Asking(self.mover.origin.by, self.mover.origin.link, wish.resume)
        start = opening(standing, version.number, asking, now())
        if isinstance(start, UnderWay):
            raise undecided("under_way", under_way(standing, start.begun))
        return start

    def _already(
        self, standing: AliasStanding, start: Already, version: RegisteredVersion, wish: Wanted
    ) -> Promoted:
        require_fit(version)
        # One that the commands have moved there was judged then.
        if start.seen:
            self._checked(version, wish)
        serving = self._serving_of_old(standing, version)
        return Promoted("already", version.number, standing.alias, None, (), serving)

    def _begun(
        self,
        standing: AliasStanding,
        start: Opening,
        version: RegisteredVersion,
        wish: Wanted,
    ) -> tuple[Sequence[Prepared], Written]:
        """What instances have made of it, and the intent; the alias has not moved yet."""
        require_fit(version)
        if standing.alias is None and not wish.first and not isinstance(start, GoOn):
            raise refused(
                "first",
                f"{standing.absent}. Once it is made, an account with MANAGE alone can remove it "
                "again; --first makes it",
            )
        self._require_unsplit(standing, start, wish)
        # Sooner than it would be found out, after a download and what instances prepare.
        self.mover.require_allowed()
        digest = self._checked(version, wish)
        prepared = self._prepared(standing, version, digest)
        # Preparing takes minutes.
        require_released(self.mover.look())
        if isinstance(start, GoOn) and _is_that(start.with_, digest, wish):
            ours = start.with_
        else:
            steps = wish.steps or _steps_of(start)
            ours = self._intended(standing, version, digest, replace(wish, steps=steps))
        self._keep_fallback(ours, standing)
        return prepared, ours

    def _keep_fallback(self, ours: Written, standing: AliasStanding) -> None:
        """Once the move is this one: whoever has lost it leaves nothing in the registry.

        What the alias is on may have baked only long after the command that moved it there.
        """
        on = standing.alias
        try:
            self.mover.keep_fallback(on)
            if on is not None and self.bakes and self.instances.have_proven(self.mover.ref, on):
                self.mover.note_proven(on)
        except WriteRefused as error:
            self.mover.give_up(ours, error.code.lower())
            raise

    def _require_unsplit(self, standing: AliasStanding, start: Opening, wish: Wanted) -> None:
        """Raises `MoveStopped` where it is to come by steps, and cannot."""
        if not (wish.steps or _steps_of(start)):
            return
        if self.stepping is None:
            raise MoveStopped(
                WRONG_USE,
                "no_instances",
                "the version comes by steps, which instances have to tell of: name each by --url",
            )
        if standing.alias is None:
            raise refused("first", f"{standing.absent}: there is nothing to bring it beside")
        if why := why_split(standing):
            raise refused("split_already", why)

    def _stepped(self, ours: Written, version: RegisteredVersion) -> Written:
        return ours if self.stepping is None else self.stepping.run(ours, version)

    def _taken_up(
        self, standing: AliasStanding, start: GoOn, version: RegisteredVersion, wish: Wanted
    ) -> Written:
        """The intent of a move that has been made: the same, if that was judged by the same.

        Whatever is against it now, the alias is there: nothing of it can be refused any more.
        """
        try:
            require_fit(version)
            claim = "" if wish.unvalidated else self._claimed(version).digest
            if _is_that(start.with_, claim, wish):
                return start.with_
            digest = self._checked(version, wish)
        except MoveStopped as error:
            undo = f"{resumed_back(standing.ref)} undoes it"
            said = f"the alias was moved to version {version.number} before: {error}"
            raise in_part(error.code, said, undo) from error
        return self._intended(standing, version, digest, wish)

    def _moved(
        self, ours: Written, version: RegisteredVersion, prepared: Sequence[Prepared]
    ) -> Promoted:
        self.mover.move(ours)
        standing = self.mover.reread(ours)
        if self.stepping is not None and ours.entry.steps is not None:
            self.stepping.leave(ours, version)
        else:
            self.mover.clear_split(standing, version.number)
        serving = self._serving(ours, version)
        before, number = ours.entry.before, ours.number
        promoted = Promoted("promoted", version.number, before, number, prepared, serving)
        if serving and all(each.proven for each in serving) and self.bakes:
            self.mover.note_proven(version.number)
        self.mover.finish(ours, served=True if serving else None)
        return promoted

    def _claimed(self, version: RegisteredVersion) -> Validation:
        judged = judged_by(self.mover.writer, version, self.validated_as)
        found = claimed(judged, self.passed)
        by_policy(judged, found, self.policy)
        return found

    def _checked(self, version: RegisteredVersion, wish: Wanted) -> str:
        """The digest of the files that were compared; empty where nobody has to look at any."""
        if wish.unvalidated:
            return ""
        self.mover.told(Stage.CHECK)
        found = self._claimed(version)
        compare(version, found, self.digest_now(version.id))
        return found.digest

    def _prepared(
        self, standing: AliasStanding, version: RegisteredVersion, digest: str
    ) -> Sequence[Prepared]:
        self.mover.told(Stage.PREPARE)
        prepared = self.instances.prepare(self.mover.ref, version.number, digest)
        # Whoever follows patterns has nothing to prepare it for before there is such an alias.
        may_wait = {NOT_THERE_YET} if standing.alias is None else set[str]()
        # What a retry does not mend is told first.
        for outcome in ("refused", "unreachable", "undecided"):
            wrong = [e for e in prepared if e.outcome == outcome and e.code not in may_wait]
            if wrong:
                stop = refused if outcome == "refused" else undecided
                said = "; ".join(f"{each.url}: {each.sentence}" for each in wrong)
                raise stop(wrong[0].code or outcome, f"not prepared, and nothing was moved: {said}")
        return prepared

    def _intended(
        self, standing: AliasStanding, version: RegisteredVersion, digest: str, wish: Wanted
    ) -> Written:
        number, reason = version.number, wish.unvalidated
        return self.mover.intend(standing, "promote", number, digest, reason, wish.steps)

    def _serving_of_old(
        self, standing: AliasStanding, version: RegisteredVersion
    ) -> Sequence[Serving]:
        """As of one that was moved before: nothing of it is this call's to put back."""
        newest = standing.journal.last

        def moved(since: AliasStanding) -> bool:
            return (since.alias, since.journal.last) != (standing.alias, newest)

        serving = self._seen(version, moved)
        if said := _said(serving, "refused"):
            raise _refused_there(standing, said)
        if said := _said(serving, "undecided"):
            if moved(self.mover.look()):
                gone_on = "the alias was there already; then somebody has moved it"
                raise undecided("moved_past", gone_on)
            raise undecided("not_all_serve", f"the alias is there already; {said}")
        return serving

    def _serving(self, ours: Written, version: RegisteredVersion) -> Sequence[Serving]:
        serving = self._seen(version, lambda since: bool(may_finish(since, ours)))
        if worse := next((each for each in serving if each.gave_way), None):
            raise self._given_way(ours, version, worse)
        if said := _said(serving, "refused"):
            raise self._put_back(ours, said)
        if said := _said(serving, "undecided"):
            # What somebody has gone on from is not to be resumed.
            self.mover.reread(ours)
            raise in_part("not_all_serve", f"the alias is moved, and not all serve it yet: {said}")
        return serving

    def _seen(
        self, version: RegisteredVersion, is_gone_on: Callable[[AliasStanding], bool]
    ) -> Sequence[Serving]:
        self.mover.told(Stage.WAIT)
        watch = AliasWatch(self.mover.look, is_gone_on)
        return self.instances.serving(self.mover.ref, version.number, watch)

    def _given_way(self, ours: Written, version: RegisteredVersion, worse: Serving) -> MoveStopped:
        """One instance has judged it: it serves nowhere from now on, and no new one takes it."""
        stopped = self._put_back(ours, f"{worse.url}: {worse.sentence}")
        if stopped.status != REFUSED:
            return stopped
        reason = f"gave way: {worse.sentence}"
        named = NumberedVersion(version.name, version.number)
        block(self.mover.writer, named, reason, self.mover.origin)
        said = f"{stopped}; version {version.number} is blocked"
        return refused("gave_way", said)

    def _put_back(self, ours: Written, said: str) -> MoveStopped:
        """The alias is where it was, if it and the journal are still this move's."""
        standing, before = self.mover.look(), ours.entry.before
        if why := may_finish(standing, ours):
            return in_part("not_put_back", f"{said}; not put back: {why}", mend="")
        try:
            back = self.mover.intend(standing, "put_back", before)
            self.mover.move(back)
            self.mover.finish(back, served=None)
        except (MoveStopped, WriteRefused, Unreachable) as error:
            return _not_put_back(standing.ref, before, f"{said}; not put back: {error}")
        where = "gone again" if before is None else f"back on {before}"
        return refused("refused_by_instance", f"{said}; the alias is {where}")


def _is_that(begun: Written, digest: str, wish: Wanted) -> bool:
    """Whether that move was meant so: these files, and the same reason."""
    entry = begun.entry
    judged = (entry.digest, entry.unvalidated)
    so = wish.steps in {None, entry.steps}
    return so and entry.kind == "promote" and judged == (digest, wish.unvalidated)


def _steps_of(start: Opening) -> StepPlan | None:
    return start.with_.entry.steps if isinstance(start, GoOn) else None


def _refused_there(standing: AliasStanding, said: str) -> MoveStopped:
    said = f"the alias is there already; {said}"
    back = standing.journal.way_back
    if back is None:
        return refused("not_all_serve", said)
    said = f"{said}; the registry has refused to put it back"
    return _not_put_back(standing.ref, back.entry.to, said)


def _not_put_back(ref: ModelRef, to: str | None, said: str) -> MoveStopped:
    needs = f", by an account with MANAGE on the model {ref.name}" if to is None else ""
    return in_part("not_put_back", said, f"{resumed_back(ref)} puts it back{needs}")


def _said(serving: Sequence[Serving], verdict: str) -> str:
    return "; ".join(f"{each.url}: {each.sentence}" for each in serving if each.verdict == verdict)
