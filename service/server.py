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
from typing import Final

import uvicorn
from starlette.types import ASGIApp

# Longer than the pools of clients keep an idle connection, so that the client closes first: a
# request that crosses the server's close on the wire is lost.
_KEEP_ALIVE_SECONDS: Final = 75
_CLOSE: Final = (b"connection", b"close")
# For the requests of connections that were made just before the listener closed.
_LAST_REQUESTS_SECONDS: Final = 0.2


class Stopping:
    """Whether the service has been asked to stop."""

    def __init__(self) -> None:
        self.begun = False

    def __call__(self) -> bool:
        """The same, for whoever asks without knowing more."""
        return self.begun


class Server(uvicorn.Server):
    """Serves until `stop`; the exit is then the process's own.

    `told` is called once, when it begins to stop.
    """

    def __init__(
        self,
        app: ASGIApp,
        stopping: Stopping,
        stop_delay_seconds: float,
        drain_seconds: float,
        told: Callable[[], None],
    ) -> None:
        super().__init__(_configuration(app, drain_seconds))
        self._stopping = stopping
        self._stop_delay_seconds = stop_delay_seconds
        self._told = told

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: uvicorn's own handling would end the process with the signal."""
        yield

    def stop(self) -> None:
        """Begins to stop; asked a second time, ends at once."""
        if self._stopping.begun:
            self.should_exit = self.force_exit = True
            return
        self._stopping.begun = True
        self._told()
        # The next second's default headers are made of the configuration's.
        self.config.encoded_headers.append(_CLOSE)
        self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]
        asyncio.get_running_loop().call_later(self._stop_delay_seconds, self._exit)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts what has come so far, closes the listener, and drains."""
        # One turn accepts what is waiting, another makes connections of it.
        for _ in range(2):
            await asyncio.sleep(0)
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        if not self.force_exit:
            await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        await super().shutdown()

    def _exit(self) -> None:
        self.should_exit = True


def _configuration(app: ASGIApp, drain_seconds: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(drain_seconds),
    )
