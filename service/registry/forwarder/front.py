"""The forwarder as the front sees it: kept running with the service, and asked what it did."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from service.background import growing_pause
from service.errors import PassingFault
from service.processes.front.channel import ChannelClosed
from service.processes.front.child import Child, Forks
from service.processes.parcels import new_address
from service.registry.forwarder.wire import TraceFault, TraceOutcome, TracesOperation
from service.registry.front.client import MLFLOW_PATIENCE
from service.registry.roles import FORWARDER_ROLE

_MAX_BODY_BYTES: Final = 1024**2
_LONGEST_PAUSE: Final = 60.0


class ForwardingObserver(Protocol):
    """Told what becomes of models' traces."""

    def traces(self, outcome: TraceOutcome, count: int) -> None:
        """So many more have come to that."""

    def traces_fail(self, fault: TraceFault | None) -> None:
        """They fail for that from now on, or are sent again; told once for each change."""

    def forwarder_ended(self, reason: str) -> None:
        """Its process has ended, or could not be started; what waited in it is lost."""

    def forwarder_printed(self, stream: str, line: str) -> None:
        """It wrote a line to `stdout` or `stderr`; bounded in length."""


@dataclass(frozen=True, slots=True)
class ForwardingTimes:
    """Seconds: between two questions, for an answer, for what waits at the end."""

    look: float = 1.0
    answer: float = 20.0
    drain: float = 3.0


class Forwarder:
    """Hands hosts' traces on to MLflow, in a process of its own; `address` is where they go.

    `environment` is MLflow's address and credentials, given to that process alone.
    """

    def __init__(
        self,
        forks: Forks,
        environment: Mapping[str, str],
        observer: ForwardingObserver,
        times: ForwardingTimes | None = None,
    ) -> None:
        self.address: Final = new_address()
        self._forks = forks
        self._environment = {
            **environment,
            **MLFLOW_PATIENCE,
            "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
        }
        self._observer = observer
        self._times = times or ForwardingTimes()
        self._child: Child | None = None
        self._fault: TraceFault | None = None
        self._failures = 0

    async def run(self) -> None:
        """Keeps it running, and its counts known, until cancelled."""
        while True:
            pause = await self.look()
            await asyncio.sleep(pause)

    async def look(self) -> float:
        """Starts it unless it is there, and asks what it has done; the pause before the next look.

        Pauses grow from death to death, and begin anew with an answer.
        """
        try:
            child = self._child = await self._running()
            self._note(await self._ask(child, TracesOperation.COUNT, {}))
        except (PassingFault, ChannelClosed, TimeoutError) as error:
            self._give_up(error)
            return growing_pause(self._failures + 1, _LONGEST_PAUSE)
        self._failures = 0
        return self._times.look

    async def close(self) -> None:
        """Ends it, once what waits is sent or some seconds are over."""
        child, self._child = self._child, None
        if child is None:
            return
        drain = {"seconds": self._times.drain}
        with contextlib.suppress(ChannelClosed, TimeoutError):
            if child.channel.idle:
                self._note(await self._ask(child, TracesOperation.DRAIN, drain))
        await child.end()

    async def _running(self) -> Child:
        if self._child is not None and self._child.alive:
            return self._child
        if self._child is not None:
            raise ChannelClosed(f"{self._child.ending.reason}")
        child = await self._forks.fork(
            FORWARDER_ROLE, _MAX_BODY_BYTES, self._observer.forwarder_printed
        )
        self._child = child
        wanted = {"environment": self._environment, "address": self.address}
        await self._ask(child, TracesOperation.LISTEN, wanted)
        return child

    async def _ask(
        self, child: Child, operation: TracesOperation, wanted: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        async with asyncio.timeout(self._times.answer):
            frame = await child.channel.request(operation, orjson.dumps(wanted))
        told: Mapping[str, Any] = orjson.loads(frame.head)
        return told

    def _note(self, told: Mapping[str, Any]) -> None:
        for outcome in TraceOutcome:
            if told[outcome]:
                self._observer.traces(outcome, told[outcome])
        fault = None if told["fault"] is None else TraceFault(told["fault"])
        if fault is not self._fault:
            self._fault = fault
            self._observer.traces_fail(fault)

    def _give_up(self, error: Exception) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
        self._failures += 1
        self._observer.forwarder_ended(f"{type(error).__name__}: {error}"[:200])
