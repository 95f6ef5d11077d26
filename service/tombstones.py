"""What an operator has withdrawn: one tombstone for each version and source, kept over restarts.

A version is withdrawn as long as any tombstone stands for it (P23).
"""

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from service.refs import VersionId

WITHDRAWN_TAG: Final = "podium.withdrawn"
"""The version's tag by which an operator withdraws it in the registry."""
_UNTRUE: Final = "false"
_NO_REASON: Final = frozenset({"", "true"})


Key = tuple[str, int | None, str, "Source"]


class Source(StrEnum):
    """Who has withdrawn a version, and so who can take that back."""

    OPERATOR = "operator"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A version that nobody is answered by any more.

    Attributes:
        name: of the model.
        created: the model's creation timestamp; None: of whichever model has that name, where none
            was known when it was withdrawn.
        version: its number.
        source: who has said so.
        at: since when, in seconds since 1970.
        reason: what the tag says beside that, as its author has written it.
    """

    name: str
    created: int | None
    version: str
    source: Source
    at: float
    reason: str = ""

    @property
    def key(self) -> Key:
        """What makes it another one than others."""
        return self.name, self.created, self.version, self.source

    def covers(self, version: VersionId) -> bool:
        """Whether it stands for that version."""
        named = (self.name, self.version) == (version.name, version.version)
        return named and self.created in {None, version.created}


def reason_of(value: str | None) -> str | None:
    """What a version's tag says: why it is withdrawn, maybe nothing; None: that it is not.

    Whatever it says but `false` is meant: a reason in the place of `true` withdraws too.
    """
    if value is None or value.strip().lower() == _UNTRUE:
        return None
    said = value.strip()
    return "" if said.lower() in _NO_REASON else said


class Tombstones(Container[VersionId | None]):
    """Those that stand now; a version is `in` them if one stands for it.

    May be read beside the loop: what stands is replaced, never edited.
    """

    def __init__(self, stones: Iterable[Tombstone] = ()) -> None:
        self._named: Mapping[tuple[str, str], tuple[Tombstone, ...]] = {}
        self._tagged: Collection[VersionId] | None = None
        self.add(stones)

    def __contains__(self, version: object) -> bool:
        return isinstance(version, VersionId) and bool(self.over(version))

    @property
    def standing(self) -> Sequence[Tombstone]:
        """All of them."""
        return tuple(each for stones in self._named.values() for each in stones)

    @property
    def tagged(self) -> Collection[VersionId]:
        """The versions that their tags have withdrawn. For the loop alone."""
        if self._tagged is None:
            tagged = [each for each in self.standing if each.source is Source.TAG]
            self._tagged = {
                VersionId(each.name, each.created, each.version): None
                for each in tagged
                if each.created is not None
            }.keys()
        return self._tagged

    def over(self, version: VersionId) -> tuple[Tombstone, ...]:
        """Those that stand for this version."""
        alike = self.named(version.name, version.version)
        return tuple(each for each in alike if each.covers(version))

    def named(self, name: str, version: str) -> tuple[Tombstone, ...]:
        """Those for any version of that number, of any model that has or had that name."""
        return self._named.get((name, version), ())

    def like(self, stone: Tombstone) -> Tombstone | None:
        """The one that stands for the same and by the same source."""
        alike = self.named(stone.name, stone.version)
        return next((each for each in alike if each.key == stone.key), None)

    def add(self, stones: Iterable[Tombstone]) -> None:
        """They stand; one of the same source that stood before keeps its time."""
        named = dict(self._named)
        for stone in stones:
            alike = named.get((stone.name, stone.version), ())
            if all(each.key != stone.key for each in alike):
                named[stone.name, stone.version] = (*alike, stone)
        self._named, self._tagged = named, None

    def remove(self, stones: Iterable[Tombstone]) -> None:
        """They do not stand any more."""
        named = dict(self._named)
        for stone in stones:
            alike = named.pop((stone.name, stone.version), ())
            if left := tuple(each for each in alike if each.key != stone.key):
                named[stone.name, stone.version] = left
        self._named, self._tagged = named, None


class TombstoneStore(Protocol):
    """Keeps tombstones, and removes the files of what they stand for; beside the event loop.

    Services of one home share it, so that what is withdrawn from one is from all of them.
    """

    async def read(self) -> Collection[Tombstone] | None:
        """All that are kept; None where nobody can tell, for the disk does not answer, say.

        The very same object where nothing has changed since.
        """

    async def keep(self, stone: Tombstone) -> bool:
        """Whether it is kept, for the next start too; False where it cannot be."""

    async def remove(self, stone: Tombstone) -> bool:
        """Whether it is kept no more."""

    async def lying(self, name: str, version: str) -> Collection[VersionId]:
        """The versions of that number, of any model that has or had that name, with files here.

        None of them where the disk does not answer.
        """

    async def clear(self, stones: Collection[Tombstone]) -> Collection[Tombstone]:
        """Removes what lies on this machine of their versions; those of which nothing is left.

        What somebody still uses is left, and so is what cannot be removed.
        """
