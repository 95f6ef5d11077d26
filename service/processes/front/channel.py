"""The front's end of a channel to one child: one request at a time, answered or closed."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Self, cast

from service.processes.frames import (
    COPIED_BYTES,
    Body,
    Frame,
    FrameError,
    FrameReader,
    Status,
    credit,
    encode,
    encode_start,
    greeted,
    hello,
)


class ChannelClosed(Exception):
    """The child is gone, or has sent what is no frame; no answer will come.

    Its cause is the `FrameError`, if there was one.
    """


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
        self._parts: ReplyParts | None = None
        self._cancelled = False
        self._error: FrameError | None = None
        # What the child has said of itself: `python`, its version.
        self.hello: Mapping[str, Any] | None = None
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
        """The end to come: DONE, FAILED, or CANCELLED. It raises `ChannelClosed` without a child.

        A body may come in pieces, which must not change any more. Raises struct.error, with
        nothing sent, if the request is longer than a frame can be.
        """
        if self._answer is not None:
            raise RuntimeError("one request at a time")
        answer = asyncio.get_running_loop().create_future()
        if self.closed or self._transport is None:
            answer.set_exception(self._closed_for("the channel is closed"))
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

    def stream(self, operation: int, head: bytes, body: Body = b"", ahead: int = 1) -> "ReplyParts":
        """The same of a reply that comes in parts: the child makes so many before they are read."""
        end = self.request(operation, head, body)
        asked = self._asked
        self._parts = parts = ReplyParts(end, lambda more: self._give_credit(asked, more))
        parts.admit(ahead)
        return parts

    def cancel(self) -> None:
        """Nobody waits for the reply any more: what has not begun is not done, and ends so."""
        if self._asked is not None and self._transport is not None and not self._cancelled:
            self._cancelled = True
            self._transport.write(encode(Frame(0, Status.CANCEL, self._asked.id)))

    def _give_credit(self, asked: Frame | None, parts: int) -> None:
        if asked is not None and asked is self._asked and self._transport is not None:
            self._transport.write(encode(credit(asked.id, parts)))

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
        self._transport.write(encode(hello()))

    def data_received(self, data: bytes) -> None:
        """asyncio's word that bytes have come."""
        try:
            for frame in self._reader.feed(data):
                self._take(frame)
        except FrameError as error:
            self._error = error
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
        if self.hello is None:
            self.hello = greeted(frame)
            return
        asked, answer, status = self._asked, self._answer, frame.status
        if asked is None or answer is None or frame.id != asked.id:
            raise FrameError("an answer to no question")
        if status is Status.PART and self._parts is not None:
            self._parts.take(frame)
            return
        ended = status is Status.DONE or status is Status.FAILED
        if not ended and not (status is Status.CANCELLED and self._cancelled):
            raise FrameError("an answer to no question")
        self._asked = self._answer = self._parts = None
        self._cancelled = False
        if not answer.done():
            answer.set_result(frame)

    def _fail(self, reason: str) -> None:
        self.closed = True
        answer, self._asked, self._answer, self._parts = self._answer, None, None, None
        if answer is not None and not answer.done():
            answer.set_exception(self._closed_for(reason))

    def _closed_for(self, reason: str) -> ChannelClosed:
        closed = ChannelClosed(reason)
        closed.__cause__ = self._error
        return closed


class ReplyParts(AsyncIterator[Frame]):
    """The parts of one reply as they come; `end` is what it ends with, by then or later.

    The child is ahead of who reads by no more parts than it has been admitted: however long that
    takes, nothing gathers here, and nobody else is held up. Raises `ChannelClosed` without a child.
    """

    def __init__(self, end: asyncio.Future[Frame], give_credit: Callable[[int], None]) -> None:
        self.end = end
        self._give_credit = give_credit
        self._admitted = 0
        self._there = asyncio.Queue[Frame | None]()
        end.add_done_callback(lambda _: self._there.put_nowait(None))

    def admit(self, parts: int) -> None:
        """So many more may come."""
        self._admitted += parts
        self._give_credit(parts)

    def take(self, part: Frame) -> None:
        """The channel's word that one has come; raises `FrameError` for more than are admitted."""
        if not self._admitted:
            raise FrameError("a part that nobody has room for")
        self._admitted -= 1
        self._there.put_nowait(part)

    async def __anext__(self) -> Frame:
        part = await self._there.get()
        if part is None:
            self._there.put_nowait(None)
            self.end.result()
            raise StopAsyncIteration
        self.admit(1)
        return part
