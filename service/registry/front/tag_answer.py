"""What a look was told of versions' tags: read once for as long as it stays the same."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Self

import orjson

from service.following.ports import Withdrawals
from service.refs import VersionId


@dataclass(frozen=True, slots=True)
class TagAnswer:
    """An answer as it came and as it was read.

    Attributes:
        head: the bytes of it.
        versions: all that it names.
        complete: whether it shows every version that is tagged.
    """

    head: bytes = b""
    withdrawals: Withdrawals = field(default_factory=lambda: Withdrawals({}))
    versions: Collection[VersionId] = frozenset()
    complete: bool = False

    @classmethod
    def of(cls, head: bytes) -> Self:
        """Reads what `service.registry.child.withdrawn` has answered."""
        answer = orjson.loads(head)
        said = {VersionId(*identity): reason for *identity, reason in answer["withdrawn"]}
        free = frozenset(VersionId(*each) for each in answer["free"])
        unasked = frozenset(VersionId(*each) for each in answer["unasked"])
        versions = frozenset((*said, *free, *unasked))
        return cls(head, Withdrawals(said, free, unasked), versions, answer["complete"])
