"""Looks at an alias and its journal, and moves it: the intent first, the alias then, its end last.

Each step looks anew before it writes. What nobody can keep out is a move on MLflow's page between
that look and the write: the registry has no compare-and-set. It is found by the next look.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from uuid import uuid4

from service.fallback_tag import fallback_version
from service.hold_tag import HOLD_PREFIX
from service.origin import Origin
from service.promotion.deciding import (
    AliasStanding,
    Stage,
    begins_at,
    is_ours,
    may_finish,
    may_move,
)
from service.promotion.held import hold_of, why_held
from service.promotion.journal import (
    Done,
    Entry,
    Journal,
    MoveKind,
    StepBegun,
    StepPlan,
    Written,
    done_key_of,
    key_of,
    step_key_of,
)
from service.promotion.known import MoveKnown
from service.promotion.mark_origin import MarkOrigin, origin_key
from service.promotion.step_split import StepMark, StepSplit
from service.promotion.stopped import in_part, refused, undecided
from service.refs import ModelRef
from service.registry.writer.faults import Unreachable, WriteRefused
from service.registry.writer.once import OnceRegister
from service.registry.writer.writer import Writer
from service.rollout_tags import tag_name
from service.split_tag import BadRolloutTag


def now() -> datetime:
    """To the second, as journals have it."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Mover:
    """One alias, and who moves it.

    Every method raises `WriteRefused`, `Unreachable` and `MoveStopped`.

    Attributes:
        lease_seconds: for how long others leave a move of this one alone.
        told: of each stage before it is begun.
        known: what has come to be known of the move.
    """

    writer: Writer
    ref: ModelRef
    origin: Origin
    lease_seconds: float
    told: Callable[[Stage], None] = field(default=lambda _: None)
    known: MoveKnown = field(default_factory=MoveKnown)

    @cached_property
    def _register(self) -> OnceRegister:
        return OnceRegister(self.writer, str(self.ref))

    @cached_property
    def _allowed(self) -> None:
        self.writer.require_moves(self.ref.name)

    def require_allowed(self) -> None:
        """Raises `WriteRefused` unless this account may move the alias; asks once.

        Before a journal is made or written: its experiment is then that account's own.
        """
        _ = self._allowed

    def look(self) -> AliasStanding:
        """What is there now."""
        # The journal first: an alias that has been written since has an intent before it.
        params = self._register.read()
        found = self.writer.aliases(self.ref.name)
        journal = Journal.of(params).since(found.created)
        others = tuple(each for each in found.aliases if each != self.ref.alias)
        alias = found.aliases.get(self.ref.alias)
        hold = hold_of(found.tags, self.ref.alias, now())
        by = MarkOrigin.read(found.tags, f"{HOLD_PREFIX}{self.ref.alias}")
        split = found.tags.get(self._split)
        steps = StepSplit.in_tags(found.tags, self.ref.alias)
        standing = AliasStanding(
            self.ref, alias, found.created, journal, hold, others, by, split, steps
        )
        self.known.look(standing)
        return standing

    def settle(self, standing: AliasStanding) -> AliasStanding:
        """The same, with a move that nobody of the commands has made written down.

        Raises `MoveStopped` if anything was moved since.
        """
        if standing.is_explained:
            return standing
        self.require_allowed()
        self.told(Stage.SEE)
        self._write(standing.journal.last + 1, self._seen(standing))
        again = self.look()
        if again.alias != standing.alias or again.journal.last != standing.journal.last + 1:
            raise _overtaken()
        return again

    def intend(  # noqa: PLR0913, PLR0917 - one entry's
        self,
        standing: AliasStanding,
        kind: MoveKind,
        to: str | None,
        digest: str = "",
        unvalidated: str = "",
        steps: StepPlan | None = None,
    ) -> Written:
        """The next entry after that look. Raises `MoveStopped` if somebody else has written it.

        `digest` is that of the files that were looked at.
        """
        self.known.mean(kind, begins_at(standing, to), to)
        self.require_allowed()
        self._register.open()
        self.told(Stage.INTEND)
        before, created = begins_at(standing, to), standing.created
        entry = self._entry(kind, before, to, created, digest, unvalidated, steps)
        number = standing.journal.last + 1
        try:
            won = self._write(number, entry)
        except Unreachable as lost:
            raise in_part("intent_unknown", f"{lost}; the journal may have it") from lost
        if not won:
            raise _overtaken()
        ours = Written(number, entry, None)
        self.known.write(ours)
        return ours

    def keep_fallback(self, version: str | None) -> None:
        """Instances that have nothing of their own to go back to have what the alias is on.

        Unless one is named already: that has baked, and this may not have.
        """
        tags = self.writer.aliases(self.ref.name).tags
        try:
            fallback_version(tags.get(self._fallback, ""))
        except BadRolloutTag:
            if version is not None:
                self.note_proven(version)

    def note_proven(self, version: str) -> None:
        """That version has baked: it is what others go back to from now on."""
        self.writer.tag_model(self.ref.name, self._fallback, version)

    @property
    def _fallback(self) -> str:
        return tag_name("fallback", self.ref.alias)

    def move(self, ours: Written) -> None:
        """The alias is where that entry wants it.

        A hold that was set since the intent stops it, and the entry has its end; what puts the
        alias back is a move's undoing, which no hold stops.
        """
        self.known.write(ours)
        self.told(Stage.CONFIRM)
        standing = self.still(ours)
        if standing.alias == ours.entry.to:
            self.told(Stage.MOVE)
            return
        if ours.entry.kind != "put_back" and (why := why_held(standing)):
            self._end(ours, moved=False, served=None, held=True)
            raise refused("held", why)
        # Of a move that another one has begun nobody has asked yet.
        self.require_allowed()
        self.told(Stage.MOVE)
        try:
            self._set(ours.entry.to)
        except WriteRefused:
            self._end(ours, moved=False, served=None)
            raise

    def still(self, ours: Written) -> AliasStanding:
        """What is there, while the move is this one and its alias has not moved yet.

        Raises `MoveStopped` otherwise.
        """
        standing = self.look()
        if why := may_move(standing, ours):
            raise undecided(self._lost(standing, ours), why)
        return standing

    def new_step(self, share: float) -> StepBegun:
        """One that nobody has written yet."""
        return StepBegun(share=share, by=self.origin.by, time=now(), id=uuid4().hex)

    def step(self, ours: Written, begun: StepBegun) -> Written:
        """That is the move's next step. Raises `MoveStopped` if somebody else has written one.

        Whoever wrote the step before has lost the move, and finds that out before it writes again.
        """
        self.told(Stage.STEP)
        key = step_key_of(ours.number, len(ours.steps) + 1)
        if not self._register.put(key, begun.model_dump_json()):
            raise undecided("taken_over", "somebody else has gone on from here")
        return replace(ours, steps=(*ours.steps, begun))

    def write_split(self, ours: Written, standing: AliasStanding, split: StepSplit) -> None:
        """So many requests go to the version, until then, by a step of that move.

        Whose it is comes first, so that it is never taken for people's.
        """
        origin = self.origin
        mark = StepMark(
            of=split.value,
            was=None if standing.steps is None else standing.split,
            entry=ours.entry.id,
            by=origin.by,
            reason=origin.reason,
            link=origin.link,
            time=now(),
        )
        self.writer.tag_model(self.ref.name, origin_key(self._split), mark.model_dump_json())
        self.writer.tag_model(self.ref.name, self._split, split.value)

    def clear_split(self, standing: AliasStanding, version: str | None = None) -> bool:
        """No request goes to that version by a step any more; whether a step's split was there.

        To no version by a step: None. What others have written there stays.
        """
        split = standing.steps
        if split is None or (version not in {None, split.version} and not split.is_over(now())):
            return False
        self.writer.untag_model(self.ref.name, self._split)
        with contextlib.suppress(WriteRefused, Unreachable):
            # Of a value that is not there it says nothing.
            self.writer.untag_model(self.ref.name, origin_key(self._split))
        return True

    @property
    def _split(self) -> str:
        return tag_name("split", self.ref.alias)

    def give_up(self, ours: Written, why: str) -> None:
        """The entry has its end, and the alias has not moved; `why` is a code."""
        self._end(ours, moved=False, served=None, why=why)

    def reread(self, ours: Written) -> AliasStanding:
        """Looks that it is there. Raises `MoveStopped` if somebody has moved it since."""
        self.told(Stage.REREAD)
        standing = self.look()
        if why := may_finish(standing, ours):
            # What others have gone on from is not this move's any more.
            raise in_part(self._lost(standing, ours), f"the alias was moved; then {why}", mend="")
        return standing

    def finish(self, ours: Written, *, served: bool | None) -> None:
        """The entry has its end. Raises `MoveStopped` if the alias is not there any more."""
        self.told(Stage.FINISH)
        self.reread(ours)
        self._end(ours, moved=True, served=served)

    def _end(
        self,
        ours: Written,
        *,
        moved: bool,
        served: bool | None,
        held: bool = False,
        why: str = "",
    ) -> None:
        by = self.origin.by
        done = Done(time=now(), by=by, moved=moved, served=served, held=held, why=why)
        # Somebody who went on from here may have written it first.
        self._register.put(done_key_of(ours.number), done.model_dump_json())

    def _set(self, to: str | None) -> None:
        if to is None:
            self.writer.remove(self.ref.name, self.ref.alias)
        else:
            self.writer.move(self.ref.name, self.ref.alias, to)

    def _lost(self, standing: AliasStanding, ours: Written) -> str:
        if not is_ours(standing, ours):
            return "taken_over"
        self._write(standing.journal.last + 1, self._seen(standing))
        return "moved_past"

    def _seen(self, standing: AliasStanding) -> Entry:
        newest = standing.journal.newest
        before = None
        if newest is not None:
            before = newest.entry.before if newest.is_open else newest.leaves_at
        return self._entry("seen", before, standing.alias, standing.created, "", "")

    def _entry(  # noqa: PLR0913, PLR0917 - one entry's
        self,
        kind: MoveKind,
        before: str | None,
        to: str | None,
        created: int,
        digest: str,
        unvalidated: str,
        steps: StepPlan | None = None,
    ) -> Entry:
        seen = kind == "seen"
        return Entry(
            id=uuid4().hex,
            kind=kind,
            before=before,
            to=to,
            created=created,
            by=self.origin.by,
            # Why it was moved past the commands, they do not know.
            reason="" if seen else self.origin.reason,
            link="" if seen else self.origin.link,
            digest=digest,
            unvalidated=unvalidated,
            time=now(),
            lease_seconds=self.lease_seconds,
            steps=steps,
        )

    def _write(self, number: int, entry: Entry) -> bool:
        return self._register.put(key_of(number), entry.model_dump_json())


def _overtaken() -> Exception:
    return undecided("overtaken", "somebody else has moved this alias meanwhile; look again")
