"""The front's end of a channel to one child: one request at a time, answered or closed."""

import asyncio
import itertools
import socket
from collections.abc import Callable, Sequence
from typing import Self, cast

from service.processes.frames import (
    COPIED_BYTES,
    Body,
    Frame,
    FrameError,
    FrameReader,
    Status,
    encode_start,
)


class ChannelClosed(Exception):
    """The child is gone, or has sent what is no frame; no answer will come."""


class Channel(asyncio.Protocol):
    """Frames over a socket pair. One request is outstanding at most, so neither side can deadlock.

    Whatever the child sends unasked, or out of turn, closes the channel.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._reader = FrameReader(max_body_bytes)
        self._ids = itertools.count(1)
        self._transport: asyncio.Transport | None = None
        self._asked: Frame | None = None
        self._answer: asyncio.Future[Frame] | None = None
        self._on_lost: Callable[[bool], None] | None = None
        self.closed = False

    @classmethod
    async def over(cls, connection: socket.socket, max_body_bytes: int) -> Self:
        """A channel over this socket, which it owns from now on."""
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        _, channel = await loop.create_unix_connection(lambda: cls(max_body_bytes), sock=connection)
        return channel

    @property
    def idle(self) -> bool:
        """Whether a request could be sent now."""
        return self._answer is None and not self.closed

    def when_lost(self, on_lost: Callable[[bool], None]) -> None:
        """Calls it once if the child closes the channel (False) or sends what is no frame (True).

        Not for a channel that the front closes.
        """
        self._on_lost = on_lost

    def request(
        self, operation: int, head: bytes, body: Body | Sequence[Body] = b""
    ) -> asyncio.Future[Frame]:
        """The reply to come: DONE or FAILED. It raises `ChannelClosed` if the child is lost.

        A body may come in pieces, which must not change any more. Raises struct.error, with
        nothing sent, if the request is longer than a frame can be.
        """
        if self._answer is not None:
            raise RuntimeError("one request at a time")
        answer = asyncio.get_running_loop().create_future()
        if self.closed or self._transport is None:
            answer.set_exception(ChannelClosed("the channel is closed"))
            return answer
        asked = Frame(operation, Status.REQUEST, next(self._ids), head)
        pieces = (body,) if isinstance(body, Body) else body
        size = sum(map(len, pieces))
        start = encode_start(asked, size)
        if size <= COPIED_BYTES:
            self._transport.write(b"".join((start, *pieces)))
        else:
            self._transport.writelines((start, *pieces))
        self._asked, self._answer = asked, answer
        return answer

    def close(self) -> None:
        """Closes the socket; whoever waits for an answer gets `ChannelClosed`."""
        self._on_lost = None
        self._fail("the channel was closed")
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's word that the channel is open."""
        # uvloop's transports have the methods and not the base class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """asyncio's word that bytes have come."""
        try:
            for frame in self._reader.feed(data):
                self._take(frame)
        except FrameError:
            self._lose(by_nonsense=True)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's word that no more will come."""
        self._lose(by_nonsense=False)
        self._fail("the child closed the channel")

    def _lose(self, *, by_nonsense: bool) -> None:
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None:
            on_lost(by_nonsense)

    def _take(self, frame: Frame) -> None:
        asked, answer = self._asked, self._answer
        if asked is None or answer is None or frame.id != asked.id:
            raise FrameError("an answer to no question")
        if frame.status is Status.REQUEST:
            raise FrameError("an answer to no question")
        self._asked = self._answer = None
        if not answer.done():
            answer.set_result(frame)

    def _fail(self, reason: str) -> None:
        self.closed = True
        answer, self._asked, self._answer = self._answer, None, None
        if answer is not None and not answer.done():
            answer.set_exception(ChannelClosed(reason))
