"""The gate of blocked versions: what an operator has blocked serves nobody, at any service."""

from collections.abc import Sequence
from typing import Final

from service.blocked_tag import BLOCKED, BLOCKED_TAG, blocked_by
from service.following.gates.gate import GateClosed, GateFinding
from service.following.ports import FetchedVersion
from service.refs import VersionId

_GATE: Final = "blocked"


class BlockedGate:
    """Opens for versions without the tag `podium.blocked`."""

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """Raises `GateClosed` for one that has it."""
        reason = blocked_by(fetched.tags)
        if reason is not None:
            raise blocked(fetched.version, reason)
        return ()


def blocked(version: VersionId, reason: str) -> GateClosed:
    """That version is to serve nobody; `reason` is anybody's words."""
    message = (
        f"Version {version.version} is blocked by its tag {BLOCKED_TAG}. What was proven before it "
        "serves in its place; where there is nothing of the kind, a process that serves it already "
        "goes on, and none begins to. `podium unblock` takes that back."
    )
    return GateClosed(_GATE, BLOCKED, message, detail=reason)
