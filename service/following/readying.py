"""One version made ready to answer: fetched, past the gates of versions, loaded. No slot yet.

The service brings versions to its slots by this, and `podium validate` judges one by it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from service.errors import VersionFault
from service.following.gates.gate import Gates
from service.following.gates.variables import GATE as ENVIRONMENT
from service.following.journey import Journey
from service.following.ports import Clock, FetchedVersion, Registry, Staged, Stager
from service.refs import VersionId

# The model itself has raised.
_OF_THE_MODEL: Final = frozenset({"load_failed", "warm_up_failed"})

AskedFor = Callable[[FetchedVersion], Awaitable[FetchedVersion | None]]
"""Says of a version that its own gates let pass what is to be loaded of it; None: nothing."""


@dataclass(frozen=True, slots=True)
class ReadyVersion:
    """A version whose processes run. Whoever has it closes them, then gives up its lease."""

    fetched: FetchedVersion
    staged: Staged

    async def close(self) -> None:
        """Ends its processes, then gives its files back."""
        try:
            await self.staged.predictor.close()
        finally:
            self.fetched.lease.release()


@dataclass(frozen=True, slots=True)
class Readying:
    """Makes versions ready, each by the same way."""

    registry: Registry
    stager: Stager
    gates: Gates
    clock: Clock

    async def ready(
        self,
        version: VersionId,
        journey: Journey,
        asked_for: AskedFor,
        known: FetchedVersion | None = None,
    ) -> ReadyVersion | None:
        """The version; None if nobody asks for it once it is fetched. `known` is fetched already.

        Raises `FollowingError`; no process and no lease is left then, nor when cancelled.
        """
        fetched = known
        if fetched is None:
            with journey.timed("fetch", self.clock.monotonic):
                fetched = await self.registry.fetch(version)
        staged = None
        try:
            with journey.timed("gates", self.clock.monotonic):
                await self.gates.check(fetched, journey.saw)
                loaded = await asked_for(fetched)
            if loaded is None:
                return None
            with journey.timed("load", self.clock.monotonic):
                staged = await self._staged(loaded, journey)
        finally:
            if staged is None:
                fetched.lease.release()
        return ReadyVersion(loaded, staged)

    async def _staged(self, fetched: FetchedVersion, journey: Journey) -> Staged:
        try:
            return await self.stager.stage(fetched)
        except VersionFault as fault:
            # It may well be why.
            hints = [found.sentence for found in journey.findings if found.gate == ENVIRONMENT]
            if not hints or fault.reason not in _OF_THE_MODEL:
                raise
            message = " ".join([fault.message, *hints])
            raise VersionFault(fault.stage, fault.reason, message, fault.detail) from fault
