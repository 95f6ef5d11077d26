"""What children print, read as it comes, so that none of them ever waits for a reader."""

import asyncio
import os
from collections.abc import Callable
from typing import Final

_LINE_BYTES: Final = 8 * 1024
# What a child has printed before its end is still in the pipe for a moment.
_LAST_WORDS_SECONDS: Final = 1.0

OnLine = Callable[[str, str], None]


class Outputs:
    """The pipes of all children, until each has been read to its end."""

    def __init__(self) -> None:
        self._open: dict[asyncio.ReadTransport, asyncio.Future[None]] = {}

    async def listen(self, descriptor: int, stream: str, on_line: OnLine) -> None:
        """Reads the pipe, which is owned from now on, and tells every line."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        pipe = os.fdopen(descriptor, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: _Output(stream, on_line, ended), pipe)
        self._open[transport] = ended
        ended.add_done_callback(lambda _: self._open.pop(transport, None))

    async def close(self) -> None:
        """For when the children are gone: reads what is left, and closes every pipe."""
        if self._open:
            await asyncio.wait(self._open.values(), timeout=_LAST_WORDS_SECONDS)
        left = dict(self._open)
        for transport in left:
            transport.close()
        await asyncio.gather(*left.values())


class _Output(asyncio.Protocol):
    """Cuts a stream into lines, each bounded; a line without end is cut as well."""

    def __init__(self, stream: str, on_line: OnLine, ended: asyncio.Future[None]) -> None:
        self._stream = stream
        self._on_line = on_line
        self._ended = ended
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """asyncio's word that the child has printed."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._say(line)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's word that nobody holds the other end any more."""
        if self._rest:
            self._say(self._rest)
        if not self._ended.done():
            self._ended.set_result(None)

    def _say(self, line: bytes) -> None:
        self._on_line(self._stream, line[:_LINE_BYTES].decode(errors="replace"))
