"""The version tag `podium.blocked`: that version is to serve nobody, wherever an alias points."""

from collections.abc import Mapping
from typing import Final

from service.tombstones import reason_of

BLOCKED_TAG: Final = "podium.blocked"
BLOCKED: Final = "blocked"
"""The code of whatever refuses such a version."""


def blocked_by(tags: Mapping[str, str]) -> str | None:
    """Why it is blocked, maybe nothing; None: it is not. As for `podium.withdrawn`."""
    return reason_of(tags.get(BLOCKED_TAG))
