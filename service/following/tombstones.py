"""What an operator has withdrawn: one tombstone for each version and source, kept over restarts.

A version is withdrawn as long as any tombstone stands for it (P23).
"""

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from service.following.refs import VersionId

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
    """Those that stand now; a version is `in` them if one stands for it."""

    def __init__(self) -> None:
        self._stones: dict[Key, Tombstone] = {}

    def __contains__(self, version: object) -> bool:
        return bool(self._stones) and isinstance(version, VersionId) and bool(self.over(version))

    @property
    def standing(self) -> Sequence[Tombstone]:
        """All of them."""
        return tuple(self._stones.values())

    def over(self, version: VersionId) -> tuple[Tombstone, ...]:
        """Those that stand for this version."""
        return tuple(each for each in self._stones.values() if each.covers(version))

    def named(self, name: str, version: str) -> tuple[Tombstone, ...]:
        """Those for any version of that number, of any model that has or had that name."""
        return tuple(
            each for each in self._stones.values() if (each.name, each.version) == (name, version)
        )

    def add(self, stone: Tombstone) -> None:
        """It stands; one of the same source that stood before keeps its time."""
        self._stones.setdefault(stone.key, stone)

    def remove(self, stone: Tombstone) -> None:
        """It does not stand any more."""
        self._stones.pop(stone.key, None)


class TombstoneStore(Protocol):
    """Keeps tombstones, and removes the files of what they stand for; beside the event loop.

    Services of one home share it, so that what is withdrawn from one is from all of them.
    """

    async def read(self) -> Collection[Tombstone] | None:
        """All that are kept; None where nobody can tell, for the disk does not answer, say."""
        ...

    async def keep(self, stone: Tombstone) -> bool:
        """Whether it is kept, for the next start too; False where it cannot be."""
        ...

    async def remove(self, stone: Tombstone) -> bool:
        """Whether it is kept no more."""
        ...

    async def clear(self, stone: Tombstone) -> bool:
        """Removes what lies on this machine of the version; whether nothing is left of it.

        What somebody still uses is left, and so is what cannot be removed.
        """
        ...


class NoTombstones:
    """Keeps nothing; nothing lies anywhere."""

    async def read(self) -> None:
        """Nobody can tell."""

    async def keep(self, stone: Tombstone) -> bool:
        """It cannot be."""
        return False

    async def remove(self, stone: Tombstone) -> bool:
        """There was none."""
        return True

    async def clear(self, stone: Tombstone) -> bool:
        """Nothing was there."""
        return True
