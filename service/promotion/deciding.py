"""What a move of an alias does next, decided by what is there alone; no I/O.

Whoever goes on with a move that another process has begun looks, and decides by the same rules:
that is all that `--resume` is.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.hold_tag import Hold
from service.promotion.journal import Journal, Written
from service.promotion.mark_origin import MarkOrigin
from service.promotion.step_split import StepSplit
from service.refs import ModelRef, VersionId


class Stage(enum.StrEnum):
    """What a move goes through, in this order; told before each is begun."""

    LOOK = "look"
    SEE = "see"
    CHECK = "check"
    PREPARE = "prepare"
    INTEND = "intend"
    STEP = "step"
    CONFIRM = "confirm"
    MOVE = "move"
    REREAD = "reread"
    WAIT = "wait"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class AliasStanding:
    """All that is known of an alias at one moment.

    Attributes:
        alias: the number that it is on; None where there is no such alias.
        created: when the model was made.
        journal: of that model.
        hold: what holds the alias now, if anything does.
        held_by: whose that is; None where nobody says.
        others: the names of the model's other aliases.
        split: how the model's tag splits the alias, as it stands there; None: there is no such tag.
        steps: the same where a step has written it; None: people have, or there is none.
    """

    ref: ModelRef
    alias: str | None
    created: int
    journal: Journal
    hold: Hold | None = None
    others: Sequence[str] = ()
    held_by: MarkOrigin | None = None
    split: str | None = None
    steps: StepSplit | None = None

    @property
    def gives_way_at(self) -> datetime | None:
        """From then on somebody else may go on from the move that is open; None: none is.

        Whoever makes it by steps says by the end of its split that they are still there.
        """
        begun = self.journal.open
        if begun is None:
            return None
        split = self.steps
        if split is None or split.version != begun.entry.to:
            return begun.gives_way_at
        return max(begun.gives_way_at, split.until)

    @property
    def absent(self) -> str:
        """That there is no such alias, and which there are; empty if there is."""
        if self.alias is not None:
            return ""
        others = ", ".join(sorted(self.others)) or "none"
        return f"the model has no alias {self.ref.alias}; it has {others}"

    @property
    def version(self) -> VersionId | None:
        """What it is on, as slots know it."""
        name = self.ref.name
        return None if self.alias is None else VersionId(name, self.created, self.alias)

    @property
    def is_explained(self) -> bool:
        """Whether it is where the commands have left it."""
        return self.journal.explains(self.alias)


@dataclass(frozen=True, slots=True)
class Already:
    """The alias is there; `seen` if nobody of the commands has moved it."""

    seen: bool


@dataclass(frozen=True, slots=True)
class GoOn:
    """Somebody has begun that very move: it is finished as one's own."""

    with_: Written


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Somebody else has begun a move, and may be at it."""

    begun: Written


@dataclass(frozen=True, slots=True)
class Anew:
    """It is the next entry."""


Opening = Already | GoOn | UnderWay | Anew


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a move, and whether they say that whoever began one is gone."""

    by: str
    link: str
    resume: bool = False


def opening(standing: AliasStanding, to: str | None, asking: Asking, now: datetime) -> Opening:
    """How a move to that version begins."""
    begun = standing.journal.open
    # A move past the commands has settled what was begun.
    if begun is None or not standing.is_explained:
        newest = standing.journal.newest
        seen = newest is None or newest.entry.kind == "seen" or not standing.is_explained
        return Already(seen) if standing.alias == to else Anew()
    lapsed = now >= (standing.gives_way_at or now)
    if begun.entry.to == to and (lapsed or asking.resume or _same(begun, asking)):
        return GoOn(begun)
    if lapsed:
        return Anew()
    return UnderWay(begun)


def _same(begun: Written, asking: Asking) -> bool:
    # A job that is tried again finds its own work.
    return (begun.entry.by, begun.entry.link) == (asking.by, asking.link)


def begins_at(standing: AliasStanding, to: str | None) -> str | None:
    """The version from which a move there comes: that of one which has been made, and has no end.

    So that, told anew, it goes back to where it was when the first one began.
    """
    begun = standing.journal.open
    told_anew = begun is not None and begun.entry.to == to == standing.alias
    return begun.entry.before if begun is not None and told_anew else standing.alias


def is_ours(standing: AliasStanding, ours: Written) -> bool:
    """Whether nobody has written an entry since, or a step, so that the move is still this one."""
    newest = standing.journal.newest
    return (
        standing.journal.last == ours.number
        and newest is not None
        and newest.entry.id == ours.entry.id
        and newest.steps == ours.steps
    )


def may_move(standing: AliasStanding, ours: Written) -> str:
    """Why the alias may not be written now; empty if it may."""
    if not is_ours(standing, ours):
        return "somebody else has gone on from here"
    if standing.alias not in {ours.entry.before, ours.entry.to}:
        return f"the alias was moved to {_on(standing.alias)} meanwhile, past the commands"
    return ""


def may_finish(standing: AliasStanding, ours: Written) -> str:
    """Why the move may not be called done; empty if it may."""
    if not is_ours(standing, ours):
        return "somebody else has gone on from here"
    if standing.alias != ours.entry.to:
        return f"the alias was moved to {_on(standing.alias)} meanwhile, past the commands"
    return ""


def _on(version: str | None) -> str:
    return "nothing" if version is None else f"version {version}"
