"""The children's end of a channel: blocking, one request after the other."""

import contextlib
import socket
from collections import Counter, deque
from collections.abc import Iterator

from service.processes.frames import (
    Body,
    Frame,
    FrameError,
    FrameReader,
    Status,
    encode,
    greeted,
    hello,
)

_CHUNK = 1024 * 1024


class Cancelled(Exception):
    """Nobody waits for the rest of a reply."""


class BlockingChannel:
    """Frames over a connected stream socket; `frames` ends when the other side has closed it."""

    def __init__(self, connection: socket.socket, max_body_bytes: int) -> None:
        self._connection = connection
        self._reader = FrameReader(max_body_bytes)
        self._greeted = False
        self._requests = deque[Frame]()
        # Of requests that have not come to their end; others' are forgotten with them.
        self._cancelled = set[int]()
        self._credit = Counter[int]()

    def frames(self) -> Iterator[Frame]:
        """Every request that arrives, until the end; raises `FrameError`.

        One that is cancelled by then is answered here, and not begun.
        """
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send(hello())
        while self._receive():
            while self._requests:
                frame = self._requests.popleft()
                if frame.id in self._cancelled:
                    self.send(Frame(frame.operation, Status.CANCELLED, frame.id))
                else:
                    yield frame
            self._cancelled.clear()
            self._credit.clear()

    def send(self, frame: Frame) -> None:
        """Returns when the whole frame has been handed to the kernel."""
        self._connection.sendall(encode(frame))

    def send_part(self, request: Frame, head: bytes = b"", body: Body = b"") -> None:
        """Sends a part of the reply to this request, as soon as the front has room for it.

        Raises `Cancelled` when it has none and waits no more, or is gone.
        """
        while not self._credit[request.id]:
            if request.id in self._cancelled or not self._receive():
                raise Cancelled
        self._credit[request.id] -= 1
        self.send(Frame(request.operation, Status.PART, request.id, head, body))

    def _receive(self) -> bool:
        data = self._connection.recv(min(_CHUNK, max(65536, self._reader.bytes_wanted)))
        for frame in self._reader.feed(data):
            self._take(frame)
        return bool(data)

    def _take(self, frame: Frame) -> None:
        if not self._greeted:
            greeted(frame)
            self._greeted = True
        elif frame.status is Status.REQUEST:
            self._requests.append(frame)
        elif frame.status is Status.CANCEL:
            self._cancelled.add(frame.id)
        elif frame.status is Status.CREDIT:
            self._credit[frame.id] += int.from_bytes(frame.head, "big")
        else:
            raise FrameError("an answer to no question")
