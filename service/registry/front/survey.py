"""Whether a look searches for all models at once, or asks about each; what tags it was told of.

Measured with MLflow 3.17.2: asking about one model takes about as long as searching among 20 more,
over SQLite and over HTTP; a search itself as long as two or three questions
(`.venv/bin/python -m benchmarks.looks`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import orjson

from service.following.ports import Withdrawals
from service.refs import VersionId
from service.registry.wire import LONGEST_PAGE

_MODELS_FOR_A_QUESTION: Final = 20
_LOOKS_UNTIL_NEXT_TRY: Final = 300
_LOOKS_WITHOUT_ABSENT: Final = 60


@dataclass(slots=True)
class LookStrategy:
    """Remembers that a registry was too large; tried again some hundred looks later.

    `least` is how many models must be followed for a search to be worth it.
    """

    least: int = 3
    models_for_a_question: int = _MODELS_FOR_A_QUESTION
    _looks_until_try: int = 0

    def most(self, followed: int) -> int:
        """The size of the registry up to which the next look is to search; 0 for no search."""
        if followed < self.least:
            return 0
        if self._looks_until_try > 0:
            self._looks_until_try -= 1
            return 0
        return min(LONGEST_PAGE, self.models_for_a_question * followed)

    def searched(self, *, complete: bool) -> None:
        """What the search came to: whether it has shown every model."""
        if not complete:
            self._looks_until_try = _LOOKS_UNTIL_NEXT_TRY


@dataclass(slots=True)
class Absent:
    """Versions that were asked about and are not there: asked again some looks later."""

    _looks: dict[VersionId, int] = field(default_factory=dict)

    def due(self, versions: Sequence[VersionId]) -> Sequence[VersionId]:
        """Those of these that the next look is to ask about."""
        due = [each for each in versions if not self._looks.get(each)]
        self._looks = {each: left - 1 for each, left in self._looks.items() if left > 0}
        return due

    def note(self, absent: Iterable[VersionId]) -> None:
        """A look has asked about these in vain."""
        self._looks |= dict.fromkeys(absent, _LOOKS_WITHOUT_ABSENT)


@dataclass(frozen=True, slots=True)
class TagAnswer:
    """What a look was told of tags, as it came and as it was read: once, while it stays the same.

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
