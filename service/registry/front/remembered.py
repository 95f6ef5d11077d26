"""What the front remembers of the registry's answers, so that it need not ask or read them again.

A look searches for all models at once, or asks about each. Measured with MLflow 3.17.2: asking
about one model takes about as long as searching among 20 more, over SQLite and over HTTP; a search
itself as long as two or three questions (`.venv/bin/python -m benchmarks.looks`).

Versions that were fetched before need not be asked about or described again; only small ones, which
are verified in an instant, so that it can be done beside the loop.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import orjson

from service.following.ports import FetchedVersion, VersionMarks
from service.refs import VersionId
from service.registry.wire import LONGEST_PAGE

_MODELS_FOR_A_QUESTION: Final = 20
_LOOKS_UNTIL_NEXT_TRY: Final = 300
_LOOKS_WITHOUT_ABSENT: Final = 60
_MOST_VERSIONS: Final = 256
# Hashed by a thread in some ten milliseconds. For more, what is saved by having no process of its
# own does not count, and a process can be ended.
_MOST_ARTIFACT_BYTES: Final = 16 * 1024**2
# Of description and example, for each version: what is kept in the front for all of them is small.
_MOST_DESCRIBED_BYTES: Final = 64 * 1024


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
    marks: VersionMarks = field(default_factory=lambda: VersionMarks({}))
    versions: Collection[VersionId] = frozenset()
    complete: bool = False

    @classmethod
    def of(cls, head: bytes) -> Self:
        """Reads what `service.registry.child.versions` has answered."""
        answer = orjson.loads(head)
        said = {VersionId(*identity): reason for *identity, reason in answer["withdrawn"]}
        free = frozenset(VersionId(*each) for each in answer["free"])
        unasked = frozenset(VersionId(*each) for each in answer["unasked"])
        versions = frozenset((*said, *free, *unasked))
        blocked = {VersionId(*identity): reason for *identity, reason in answer["blocked"]}
        found = VersionMarks(said, free, unasked, blocked)
        return cls(head, found, versions, answer["complete"])


@dataclass(frozen=True, slots=True)
class Remembered:
    """A version as it was fetched, without a lease, and when the version itself was made."""

    fetched: FetchedVersion
    made: int


class Memory:
    """The latest versions that were fetched."""

    def __init__(self) -> None:
        self._versions = OrderedDict[VersionId, Remembered]()

    def take(self, version: VersionId) -> Remembered | None:
        """The version, if it was remembered; it is not any more."""
        return self._versions.pop(version, None)

    def keep(self, remembered: Remembered) -> None:
        """As the latest one."""
        self._versions[remembered.fetched.version] = remembered
        self._versions.move_to_end(remembered.fetched.version)
        if len(self._versions) > _MOST_VERSIONS:
            self._versions.popitem(last=False)

    def forget(self, is_meant: Callable[[VersionId], bool]) -> None:
        """Those versions are not remembered any more."""
        for version in [each for each in self._versions if is_meant(each)]:
            del self._versions[version]

    def note(self, fetched: FetchedVersion, answer: Mapping[str, Any]) -> None:
        """It was fetched with that answer: `made` and the artifact's `size` in bytes."""
        small = answer["size"] <= _MOST_ARTIFACT_BYTES
        if small and _described_bytes(fetched) <= _MOST_DESCRIBED_BYTES:
            self.keep(Remembered(fetched.forgotten(), answer["made"]))


def _described_bytes(fetched: FetchedVersion) -> int:
    signature = fetched.signature or {}
    texts = (
        *(*signature.values(), *fetched.flavors, *fetched.tags, *fetched.tags.values()),
        *(*(fetched.logged.pip or ()), *fetched.logged.build, *fetched.logged.conda),
    )
    return len(fetched.serving_example or b"") + sum(len(text or "") for text in texts)
