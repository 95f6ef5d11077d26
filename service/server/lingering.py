"""A reply that is sent before its request has come whole ends the connection, and can be read.

What comes later would be taken for the next request, or the next request for the rest of this one:
so such a reply says `Connection: close` (RFC 9112, section 9.3). A socket that is closed while its
client still sends is reset, and the reply lost with it; so first the sending half alone is closed,
and what comes is read and dropped, for a while (the same, section 9.6).
"""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

# Of silence, and altogether: a client that sends on has not read its reply yet.
SILENT_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 30.0


def closing_early(app: ASGIApp, cycle: RequestResponseCycle, told: Callable[[], None]) -> ASGIApp:
    """The application for a request of which a part is still to come.

    If its reply begins before the rest is there, that is the last one of the connection, and `told`
    is called first.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start" and cycle.more_body:
                cycle.keep_alive = False
                told()
            await send(message)

        await app(scope, receive, reply)

    return application


class Lingering(asyncio.Protocol):
    """Drops what a client still sends until it stops, or has had its time.

    `protocol` is told of the connection's end, as if it were still the connection's own. At most
    `most` bytes are read.
    """

    def __init__(self, transport: asyncio.Transport, protocol: asyncio.Protocol, most: int) -> None:
        self._transport = transport
        self._protocol = protocol
        self._left = most
        self._silent = False
        loop = asyncio.get_running_loop()
        self._ends_at = loop.time() + LONGEST_SECONDS
        self._timer = loop.call_later(SILENT_SECONDS, self._look)

    def begin(self) -> None:
        """Sends nothing after what has been written, and reads on."""
        self._transport.set_protocol(self)
        self._transport.write_eof()

    def data_received(self, data: bytes) -> None:
        """Nobody wants it."""
        self._silent = False
        self._left -= len(data)
        if self._left < 0:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone, or its time was over."""
        self._timer.cancel()
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Somebody may wait for that."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """The same."""
        self._protocol.resume_writing()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        if self._transport.get_write_buffer_size():
            # How long a client may take for its reply is looked at elsewhere.
            self._ends_at = loop.time() + LONGEST_SECONDS
        elif self._silent or loop.time() >= self._ends_at:
            self._transport.abort()
            return
        else:
            self._silent = True
        self._timer = loop.call_later(SILENT_SECONDS, self._look)
