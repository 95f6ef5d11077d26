"""The journal of one alias: every move of it, by whom and why, in the order in which they were.

An entry is an intent before the alias is written, and has its `done` after. Entries are numbered,
and each is written exactly once: who writes the next number has won it, and whoever reckoned with
an older journal learns so. An entry that has a successor is settled by that: it was finished, or
somebody has taken over. What is here reads and decides; `service.promotion.mover` writes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count, pairwise
from typing import Final, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

_ENTRY: Final = re.compile(r"(\d{6,9})(\.done)?")
WHOLE_SHARE: Final = 100.0
"""In percent: the alias itself moves."""

MoveKind = Literal["promote", "rollback", "put_back", "seen"]


class StepPlan(BaseModel):
    """The steps of a promotion.

    `shares` are in percent and grow, each for `step_seconds` at least; `seconds` is how long a step
    may take beyond that to come to its answers.
    """

    model_config = ConfigDict(frozen=True)

    shares: tuple[float, ...]
    step_seconds: float
    seconds: float

    def left_after(self, begun: Sequence["StepBegun"]) -> tuple[float, ...]:
        """The shares that are still to be gone through; one that was begun last is, again."""
        if not begun:
            return self.shares
        return tuple(each for each in self.shares if each >= begun[-1].share)


class Entry(BaseModel):
    """One move of the alias, as it was meant.

    `seen` is a move that nobody of the commands made. `created` is when the model was made: numbers
    of a model that was deleted and made anew mean other versions. `digest` is that of the files
    that were compared with what was validated, empty where nobody has looked. `id` makes the text
    of an entry unlike any other's, so that who finds it knows it for its own. `steps` are
    those by which the version comes before the alias moves; null where it moves at once.
    """

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    id: str
    kind: MoveKind
    before: str | None = Field(
        validation_alias=AliasChoices("from", "before"), serialization_alias="from"
    )
    to: str | None
    created: int
    by: str
    reason: str
    link: str
    digest: str
    unvalidated: str = ""
    time: datetime
    lease_seconds: float
    steps: StepPlan | None = None


class StepBegun(BaseModel):
    """That a step of a move was begun: the version's share is to be so many percent.

    Of `WHOLE_SHARE` the alias itself is moved. Whoever writes the next one has taken the move over.
    """

    model_config = ConfigDict(frozen=True)

    share: float
    by: str
    time: datetime
    id: str


class Done(BaseModel):
    """An entry's end.

    `moved`: whether the alias was written and read again; false where the registry has refused it,
    where the alias was held by then, which `held` says, or where a step has ended it: `why` is the
    code of that.
    `served`: whether all instances that were asked serve the version; null where nobody looked.
    """

    model_config = ConfigDict(frozen=True)

    time: datetime
    by: str
    moved: bool = True
    held: bool = False
    served: bool | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """An entry with its number, the steps of it that were begun, and its end if it has one."""

    number: int
    entry: Entry
    done: Done | None
    steps: tuple[StepBegun, ...] = ()

    @property
    def key(self) -> str:
        """Under which the entry is written."""
        return key_of(self.number)

    @property
    def is_open(self) -> bool:
        """Whether nobody has said that it was done; a move that was only seen needs nobody."""
        return self.done is None and self.entry.kind != "seen"

    @property
    def leaves_at(self) -> str | None:
        """Where the alias is once this has ended."""
        moved = self.done is None or self.done.moved
        return self.entry.to if moved else self.entry.before

    @property
    def gives_way_at(self) -> datetime:
        """From then on somebody else may go on from here."""
        newest = max((self.entry.time, *(each.time for each in self.steps)))
        return newest + timedelta(seconds=self.entry.lease_seconds)


def key_of(number: int) -> str:
    """As numbers sort on MLflow's page."""
    return f"{number:06d}"


def done_key_of(number: int) -> str:
    """Under which its end is written."""
    return f"{key_of(number)}.done"


def step_key_of(number: int, nth: int) -> str:
    """Under which it is written that a step of it was begun, the first with `nth` 1."""
    return f"{key_of(number)}.step.{nth}"


@dataclass(frozen=True)
class Journal:
    """The entries of one alias, oldest first.

    Attributes:
        last: the highest number that is taken; that of an entry which cannot be read counts too.
    """

    entries: tuple[Written, ...] = ()
    last: int = 0

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Self:
        """Of what is written; what the commands have not written is passed over."""
        found = {key: match for key in params if (match := _ENTRY.fullmatch(key))}
        numbers = sorted(int(match[1]) for match in found.values() if not match[2])
        return cls(tuple(_written(params, numbers)), max(numbers, default=0))

    @property
    def newest(self) -> Written | None:
        """The entry that nothing follows."""
        return self.entries[-1] if self.entries else None

    def since(self, created: int) -> "Journal":
        """Without what concerns an older model of that name."""
        kept = tuple(each for each in self.entries if each.entry.created == created)
        return Journal(kept, self.last)

    @property
    def open(self) -> Written | None:
        """The move that was begun and not finished; only the newest can be."""
        newest = self.newest
        return newest if newest is not None and newest.is_open else None

    @property
    def way_back(self) -> Written | None:
        """A move back that the registry has refused; only the newest is still to be made."""
        newest = self.newest
        if newest is None or newest.done is None or newest.done.moved or newest.done.held:
            return None
        return newest if newest.entry.kind in {"rollback", "put_back"} else None

    def explains(self, alias: str | None) -> bool:
        """Whether the alias is where the moves have left it."""
        newest = self.newest
        if newest is None:
            return alias is None
        where = {newest.leaves_at, newest.entry.before} if newest.is_open else {newest.leaves_at}
        return alias in where

    @cached_property
    def happened(self) -> tuple[Written, ...]:
        """The moves that the alias has really made.

        Of one that was begun and never finished the next one tells: it has found the alias there.
        """
        pairs = pairwise((*self.entries, None))
        return tuple(each for each, after in pairs if each is not None and _moved(each, after))


def _moved(each: Written, after: Written | None) -> bool:
    if not each.is_open:
        return each.done is None or each.done.moved
    return after is not None and after.entry.before == each.entry.to


def _written(params: Mapping[str, str], numbers: list[int]) -> Iterator[Written]:
    for number in numbers:
        try:
            entry = Entry.model_validate_json(params[key_of(number)])
        except (KeyError, ValidationError):
            continue
        done = _done(params.get(done_key_of(number)))
        yield Written(number, entry, done, tuple(_steps(params, number)))


def _steps(params: Mapping[str, str], number: int) -> Iterator[StepBegun]:
    for nth in count(1):
        try:
            yield StepBegun.model_validate_json(params[step_key_of(number, nth)])
        except (KeyError, ValidationError):
            return


def _done(text: str | None) -> Done | None:
    if text is None:
        return None
    try:
        return Done.model_validate_json(text)
    except ValidationError:
        return None
