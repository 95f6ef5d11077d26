"""The gate of trust: only formats that run no code of their author's when they are loaded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from service.following.gates.gate import GateClosed, GateFinding
from service.following.ports import FetchedVersion
from service.following.sentences import listed


class Inspects(Protocol):
    """Whoever looks at an artifact without loading it."""

    async def inspect(self, artifact: Path) -> Sequence[str]:
        """Why loading it takes trust, as clauses; none if it does not. Raises `PassingFault`."""
        ...


class TrustGate:
    """`PODIUM_TRUST=no-pickle`: opens for artifacts that nothing speaks against."""

    def __init__(self, inspector: Inspects) -> None:
        self._inspector = inspector

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """Names everything that would have to be trusted."""
        objections = await self._inspector.inspect(fetched.path)
        if objections:
            message = f"Loading the version takes trust in its author: {listed(objections)}."
            raise GateClosed("trust", "not_trusted", message)
        return (GateFinding("trust", "no_pickle", "It runs no code when it is loaded."),)
