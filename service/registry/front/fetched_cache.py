"""Versions that this service has fetched before: what need not be asked or described again.

Only small ones: those that are verified in an instant, so that it can be done beside the loop.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.following.ports import FetchedVersion
from service.refs import VersionId

_MOST_VERSIONS: Final = 256
# Hashed by a thread in some ten milliseconds. For more, what is saved by having no process of its
# own does not count, and a process can be ended.
_MOST_ARTIFACT_BYTES: Final = 16 * 1024**2
# Of description and example, for each version: what is kept in the front for all of them is small.
_MOST_DESCRIBED_BYTES: Final = 64 * 1024


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
        *(fetched.conda_requirements or ()),
    )
    return len(fetched.serving_example or b"") + sum(len(text or "") for text in texts)
