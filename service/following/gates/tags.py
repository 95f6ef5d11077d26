"""The gate of required tags: what an operator, or a pipeline, says of a version in the registry."""

from collections.abc import Mapping, Sequence
from typing import Final

from service.following.gates.gate import GateClosed, GateFinding
from service.following.ports import FetchedVersion
from service.following.sentences import listed
from service.refs import VersionId

TAGS_UNMET: Final = "tags_unmet"


class TagsGate:
    """Opens when the version has every required tag with the required value."""

    codes = frozenset({TAGS_UNMET})

    def __init__(self, required: Mapping[str, str]) -> None:
        self._required = dict(required)

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """Names every tag that is missing or has another value."""
        unmet = self._unmet(fetched.tags)
        if unmet:
            message = f"The version lacks required tags: {listed(unmet)}."
            raise GateClosed("tags", TAGS_UNMET, message)
        return ()

    def met(self, version: VersionId, tags: Mapping[str, str]) -> bool:
        """Whether a version with these tags would pass."""
        return not self._unmet(tags)

    def _unmet(self, tags: Mapping[str, str]) -> list[str]:
        return [f"{key}={value}" for key, value in self._required.items() if tags.get(key) != value]
