"""One version made ready to answer: fetched, past its gates, given an environment, loaded.

No slot has it yet.

The service brings versions to its slots by this, and `podium validate` judges one by it.
"""

import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from service.environments.environment import STAGE as ENVIRONMENT_STAGE
from service.environments.environment import BuildProgress
from service.errors import VersionFault
from service.following.environments import (
    PODIUMS_OWN,
    FindsEnvironments,
    PodiumsOwnAlone,
    RunsIn,
)
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
    runs_in: RunsIn = PODIUMS_OWN

    async def close(self) -> None:
        """Ends its processes, then gives its files back."""
        try:
            await self.staged.predictor.close()
        finally:
            self.fetched.lease.release()
            self.runs_in.release()


class Elsewhere(Protocol):
    """Whoever has given the version its turn to be loaded."""

    def elsewhere(self) -> AbstractAsyncContextManager[None]:
        """It needs no turn meanwhile, and has one again afterwards."""
        ...


class _NoTurns:
    def elsewhere(self) -> AbstractAsyncContextManager[None]:
        return contextlib.nullcontext()


_NO_TURNS: Final = _NoTurns()


@dataclass(frozen=True, slots=True)
class Readying:
    """Makes versions ready, each by the same way; `building` is told of each step of a build."""

    registry: Registry
    stager: Stager
    gates: Gates
    clock: Clock
    environments: FindsEnvironments = field(default_factory=PodiumsOwnAlone)
    building: Callable[[VersionId, BuildProgress], None] = lambda _version, _progress: None

    async def ready(
        self,
        version: VersionId,
        journey: Journey,
        asked_for: AskedFor,
        known: FetchedVersion | None = None,
        turn: Elsewhere = _NO_TURNS,
    ) -> ReadyVersion | None:
        """The version; None if nobody asks for it once it is fetched. `known` is fetched already.

        Raises `FollowingError`; no process and no lease is left then, nor when cancelled.
        """
        fetched = known
        if fetched is None:
            with journey.timed("fetch", self.clock.monotonic):
                fetched = await self.registry.fetch(version)
        staged, runs_in = None, PODIUMS_OWN
        try:
            with journey.timed("gates", self.clock.monotonic):
                await self.gates.check(fetched, journey.saw)
                loaded = await asked_for(fetched)
            if loaded is None:
                return None
            runs_in = await self._environment(fetched, journey, turn)
            with journey.timed("load", self.clock.monotonic):
                staged = await self._staged(loaded, runs_in, journey)
        finally:
            if staged is None:
                fetched.lease.release()
                runs_in.release()
        return ReadyVersion(loaded, staged, runs_in)

    async def _environment(
        self, fetched: FetchedVersion, journey: Journey, turn: Elsewhere
    ) -> RunsIn:
        choice = await self.environments.choose(fetched)
        if not choice.builds:
            return RunsIn(awaited=choice.awaited)

        def tell(progress: BuildProgress) -> None:
            if journey.building is None or journey.building.step != progress.step:
                self.building(fetched.version, progress)
            journey.builds(progress)

        runs_in = PODIUMS_OWN
        try:
            # A build that takes minutes must keep no other version from its load.
            async with turn.elsewhere():
                with journey.timed(ENVIRONMENT_STAGE, self.clock.monotonic):
                    runs_in = await self.environments.find(fetched, choice, tell)
        except BaseException:
            runs_in.release()
            raise
        journey.saw(runs_in.findings)
        return runs_in

    async def _staged(self, fetched: FetchedVersion, runs_in: RunsIn, journey: Journey) -> Staged:
        try:
            return await self.stager.stage(fetched, runs_in.built)
        except VersionFault as fault:
            # It may well be why.
            hints = [found.sentence for found in journey.findings if found.gate == ENVIRONMENT]
            if not hints or fault.reason not in _OF_THE_MODEL:
                raise
            message = " ".join([fault.message, *hints])
            raise VersionFault(fault.stage, fault.reason, message, fault.detail) from fault
