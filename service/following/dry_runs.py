"""What gates would say of a version, were the alias of a slot moved to it: nothing is loaded."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.errors import FollowingError, VersionFault, Withdrawn
from service.following.environments import FindsEnvironments, PodiumsOwnAlone
from service.following.gates.gate import Candidacy, GateClosed, Gates
from service.following.journey import Journey
from service.following.ports import Clock, FetchedVersion, Registry
from service.following.preparation import Artifact
from service.following.slot import Slot
from service.processes.front.beside import Beside
from service.refs import VersionId
from service.tombstones import WITHDRAWN_TAG, reason_of

# Thousands of files take a fraction of that, or the disk hangs.
_SIZE_SECONDS: Final = 10.0

Placing = Callable[[FetchedVersion], Candidacy]
"""Its candidacy, as it is in the turn in which that is asked."""


@dataclass(frozen=True, slots=True)
class GatesSaid:
    """What was fetched, and every gate that is closed to it; none: it would be loaded."""

    artifact: Artifact
    closed: Sequence[FollowingError]


@dataclass(eq=False, repr=False)
class DryRuns:
    """Fetches versions and asks every gate, one version after the other."""

    _registry: Registry
    _gates: Gates
    _clock: Clock
    _environments: FindsEnvironments = field(default_factory=PodiumsOwnAlone)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _disk: Beside = field(default_factory=lambda: Beside("sizes"), init=False)

    async def judge(self, placing: Placing, version: VersionId, journey: Journey) -> GatesSaid:
        """Raises `FollowingError` where it cannot be fetched, or a gate cannot tell.

        `placing` says what it would take the place of.
        """
        async with self._turn:
            with journey.timed("fetch", self._clock.monotonic):
                fetched = await self._registry.fetch(version)
            try:
                with journey.timed("gates", self._clock.monotonic):
                    closed = await self._closed(placing, fetched, journey)
                return GatesSaid(await self._measured(fetched), closed)
            finally:
                fetched.lease.release()

    async def _closed(
        self, placing: Placing, fetched: FetchedVersion, journey: Journey
    ) -> Sequence[FollowingError]:
        closed: list[FollowingError] = withdrawn_by_tag(fetched)
        closed += await self._gates.closed(fetched, journey.saw)
        closed += await self._without_environment(fetched, journey, closed)
        await compare(self._gates, placing, fetched)
        try:
            journey.saw(self._gates.check_slot(placing(fetched)))
        except VersionFault as error:
            journey.saw(error.findings if isinstance(error, GateClosed) else ())
            # A signature that cannot be read is found by both.
            if error.reason not in {each.reason for each in closed}:
                closed.append(error)
        return closed

    async def _without_environment(
        self, fetched: FetchedVersion, journey: Journey, closed: Sequence[FollowingError]
    ) -> Sequence[FollowingError]:
        """Why it could get no environment; what one would be made of is seen."""
        try:
            choice = await self._environments.choose(fetched)
            journey.saw(await self._environments.foresee(fetched, choice))
        except VersionFault as error:
            # What it asks for is read by the gate of requirements, too.
            return [] if error.reason in {each.reason for each in closed} else [error]
        return []

    async def _measured(self, fetched: FetchedVersion) -> Artifact:
        with contextlib.suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(_SIZE_SECONDS):
                size = await self._disk.run(_size, fetched.path)
                return Artifact(fetched.digest, size)
        return Artifact(fetched.digest, None)


def candidacy(slot: Slot, fetched: FetchedVersion) -> Candidacy:
    """Of that version for that slot, as it serves now."""
    # An arm answers clients of the slots that it is an arm of.
    binding = slot.binding or slot.of_parents
    serving = None if binding is None else binding.servable.fetched
    return Candidacy(slot.ref, fetched, serving)


async def compare(gates: Gates, placing: Placing, fetched: FetchedVersion) -> None:
    """Returns in a turn in which gates tell at once, whatever the slot has come to serve."""
    with contextlib.suppress(VersionFault):  # raised again by the check itself
        while not gates.are_prepared(placing(fetched)):
            await gates.prepare(placing(fetched))


def withdrawn_by_tag(fetched: FetchedVersion) -> list[FollowingError]:
    """One fault where the version's tag says that nobody may be answered by it."""
    said = reason_of(fetched.tags.get(WITHDRAWN_TAG))
    return [] if said is None else [withdrawn(fetched.version.version)]


def withdrawn(number: str) -> VersionFault:
    """Nobody may be answered by that version."""
    message = f"Version {number} is withdrawn: nobody may be answered by it."
    return VersionFault("gate", Withdrawn.code, message)


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
