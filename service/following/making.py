"""Brings one version from the registry to hosts that can answer, stage by stage."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from service.errors import VersionFault
from service.following.gates.environment import GATE as ENVIRONMENT
from service.following.gates.gate import GateFinding, Gates
from service.following.ports import Clock, FetchedVersion, Registry, Staged, Stager
from service.following.servable import Servable
from service.refs import VersionId

_LOADS_AT_ONCE: Final = 2
_STAND_INS_AT_ONCE: Final = 2
# The model itself has raised.
_OF_THE_MODEL: Final = frozenset({"load_failed", "warm_up_failed"})


@dataclass(slots=True)
class Journey:
    """One version's way: the seconds of each stage so far, and what gates have seen."""

    seconds: dict[str, float] = field(default_factory=dict)
    findings: tuple[GateFinding, ...] = ()

    def saw(self, findings: Sequence[GateFinding]) -> None:
        """A gate has seen this."""
        self.findings = (*self.findings, *findings)


class Maker:
    """Makes servables, at most two at a time: what serves needs the machine too.

    What is known already stands in for something newer, and has turns of its own: versions that
    hang in their load must not keep it waiting.
    """

    def __init__(
        self,
        registry: Registry,
        stager: Stager,
        gates: Gates,
        clock: Clock,
        on_unheld: Callable[[Servable], None],
    ) -> None:
        self._registry = registry
        self._stager = stager
        self._gates = gates
        self._clock = clock
        self._on_unheld = on_unheld
        self._turns = asyncio.Semaphore(_LOADS_AT_ONCE)
        self._turns_of_stand_ins = asyncio.Semaphore(_STAND_INS_AT_ONCE)

    async def make(
        self,
        version: VersionId,
        known: FetchedVersion | None,
        journey: Journey,
        is_wanted: Callable[[FetchedVersion], Awaitable[bool]],
    ) -> Servable | None:
        """The version, with one hold for the caller; None if nobody wants it once it is fetched.

        `known` is fetched already. Cancelling ends what was started. Raises `VersionFault` or
        `PassingFault`; `journey` tells how far it came.
        """
        turns = self._turns if known is None else self._turns_of_stand_ins
        with self._timed(journey, "wait"):
            await turns.acquire()
        try:
            return await self._made(version, known, journey, is_wanted)
        finally:
            turns.release()

    async def _made(
        self,
        version: VersionId,
        known: FetchedVersion | None,
        journey: Journey,
        is_wanted: Callable[[FetchedVersion], Awaitable[bool]],
    ) -> Servable | None:
        fetched = known
        if fetched is None:
            with self._timed(journey, "fetch"):
                fetched = await self._registry.fetch(version)
        staged = None
        try:
            with self._timed(journey, "gates"):
                await self._gates.check(fetched, journey.saw)
                if not await is_wanted(fetched):
                    return None
            with self._timed(journey, "load"):
                staged = await self._staged(fetched, journey)
        finally:
            if staged is None:
                fetched.lease.release()
        return Servable(fetched, staged, self._on_unheld)

    async def _staged(self, fetched: FetchedVersion, journey: Journey) -> Staged:
        try:
            return await self._stager.stage(fetched)
        except VersionFault as fault:
            # It may well be why.
            hints = [found.sentence for found in journey.findings if found.gate == ENVIRONMENT]
            if not hints or fault.reason not in _OF_THE_MODEL:
                raise
            message = " ".join([fault.message, *hints])
            raise VersionFault(fault.stage, fault.reason, message, fault.detail) from fault

    @contextlib.contextmanager
    def _timed(self, journey: Journey, stage: str) -> Iterator[None]:
        started = self._clock.monotonic()
        try:
            yield
        finally:
            journey.seconds[stage] = self._clock.monotonic() - started
