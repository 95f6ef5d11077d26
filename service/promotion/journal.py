"""The journal of one alias: every move of it, by whom and why, in the order in which they were.

An entry is an intent before the alias is written, and has its `done` after. Entries are numbered,
and each is written exactly once: who writes the next number has won it, and whoever reckoned with
an older journal learns so. An entry that has a successor is settled by that: it was finished, or
somebody has taken over. What is here reads and decides; `service.promotion.mover` writes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

_ENTRY: Final = re.compile(r"(\d{6,9})(\.done)?")

MoveKind = Literal["promote", "rollback", "put_back", "seen"]


class Entry(BaseModel):
    """One move of the alias, as it was meant.

    `seen` is a move that nobody of the commands made. `created` is when the model was made: numbers
    of a model that was deleted and made anew mean other versions. `digest` is that of the files
    that were compared with what was validated, empty where nobody has looked. `id` makes the text
    of an entry unlike any other's, so that who finds it knows it for its own.
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


class Done(BaseModel):
    """An entry's end.

    `moved`: whether the alias was written and read again; false where the registry has refused it,
    or where the alias was held by then, which `held` says.
    `served`: whether all instances that were asked serve the version; null where nobody looked.
    """

    model_config = ConfigDict(frozen=True)

    time: datetime
    by: str
    moved: bool = True
    held: bool = False
    served: bool | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """An entry with its number, and its end if it has one."""

    number: int
    entry: Entry
    done: Done | None

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
        return self.entry.time + timedelta(seconds=self.entry.lease_seconds)


def key_of(number: int) -> str:
    """As numbers sort on MLflow's page."""
    return f"{number:06d}"


def done_key_of(number: int) -> str:
    """Under which its end is written."""
    return f"{key_of(number)}.done"


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
        yield Written(number, entry, _done(params.get(done_key_of(number))))


def _done(text: str | None) -> Done | None:
    if text is None:
        return None
    try:
        return Done.model_validate_json(text)
    except ValidationError:
        return None
