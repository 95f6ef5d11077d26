"""Uvicorn as Podium runs it: its signals, and the order in which it stops.

First signal: the service is not ready any more, every reply says `Connection: close`, and the
listener goes on accepting for `stop_delay_seconds`, until whoever sends requests has looked
elsewhere. Then it closes, what has begun is answered within `drain_seconds`, and the processes end.
A second signal ends it at once.
"""

import asyncio
import contextlib
import math
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from service.background import Work, tell
from service.http.overload import probes_only
from service.predicting.request import RequestIds
from service.server.connection import protocol_of
from service.server.connections import ConnectionObserver, Connections
from service.server.protocol import CLOSE
from service.server.timeouts import ClientLimits

# For the requests of connections that were made just before the listener closed.
_LAST_REQUESTS_SECONDS: Final = 0.2


class Stopping:
    """How the service stops, and whether it has been asked to.

    `told` is called once, when it begins. Seconds: of accepting still, and of draining at most.
    """

    def __init__(
        self, delay_seconds: float, drain_seconds: float, told: Callable[[], None]
    ) -> None:
        self.delay_seconds = delay_seconds
        self.drain_seconds = drain_seconds
        self.told = told
        self.begun = False
        self._also: list[Callable[[float, float], None]] = []

    def also(self, stop: Callable[[float, float], None]) -> None:
        """Another server is told of it, with the seconds of accepting and of draining."""
        self._also.append(stop)

    def begin(self) -> None:
        """It begins."""
        self.begun = True
        self.told()
        for stop in self._also:
            stop(self.delay_seconds, self.drain_seconds)

    def __call__(self) -> bool:
        """Whether it has begun, for whoever asks without knowing more."""
        return self.begun


@dataclass(frozen=True, slots=True)
class Drained:
    """How a server has stopped.

    Attributes:
        seconds: from when it was asked to, to when the drain was over.
        drain_seconds: of these, since the listener closed.
        finished: requests that were answered in that time.
        cut: requests that were not by then, and get no answer but that the service has stopped.
    """

    seconds: float = 0.0
    drain_seconds: float = 0.0
    finished: int = 0
    cut: int = 0


class Server(uvicorn.Server):
    """Serves until `stop`; the exit is then the process's own. To be made on the running loop.

    Its `connections` are bounded by the limits; `observer` is told of those that it ends. `drained`
    says how it has stopped, once it has.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: ClientLimits,
        observer: ConnectionObserver,
        stopping: Stopping,
    ) -> None:
        reserve = probes_only(app, RequestIds())
        self._clock = asyncio.get_running_loop().time
        self.connections = Connections(limits, reserve, observer, self._clock)
        self.drained = Drained()
        self._asked_at = self._closed_at = 0.0
        self._answered_before = 0
        super().__init__(_configuration(app, self.connections, stopping.drain_seconds))
        self._stopping = stopping
        # uvicorn's ticks are tenths of a second.
        self._ticks = max(1, round(limits.look_seconds * 10))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: uvicorn's own handling would end the process with the signal."""
        yield

    def stop(self) -> None:
        """Begins to stop; asked a second time, ends at once."""
        if self._stopping.begun:
            self.should_exit = self.force_exit = True
            return
        self._asked_at = self._clock()
        self._answered_before = self.server_state.total_requests
        self._stopping.begin()
        # The next second's default headers are made of the configuration's.
        self.config.encoded_headers.append(CLOSE)
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        asyncio.get_running_loop().call_later(self._stopping.delay_seconds, self._exit)

    async def on_tick(self, counter: int) -> bool:
        """Looks at all connections now and then."""
        if counter % self._ticks == 0:
            try:
                await self.connections.look()
            except Exception as error:  # noqa: BLE001 - it would end the server
                tell(Work.CONNECTIONS, error)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts what has come so far, closes the listener, and drains."""
        # One turn accepts what is waiting, another makes connections of it.
        for _ in range(2):
            await asyncio.sleep(0)
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        self._closed_at = self._clock()
        if not self.force_exit:
            await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        await super().shutdown()

    async def _wait_tasks_to_complete(self) -> None:
        # uvicorn's drain, which it cancels when its time is over.
        try:
            await super()._wait_tasks_to_complete()
        finally:
            now = self._clock()
            self.drained = Drained(
                now - self._asked_at,
                now - self._closed_at,
                self.server_state.total_requests - self._answered_before,
                self.connections.unanswered,
            )

    def _exit(self) -> None:
        self.should_exit = True


def _configuration(app: ASGIApp, connections: Connections, drain_seconds: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol_of(connections),
        # Nobody asks who the client is: a hop less, and a header that nobody need believe.
        proxy_headers=False,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(drain_seconds),
    )
