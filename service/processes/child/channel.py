"""The children's end of a channel: blocking, one frame after the other."""

import socket
from collections.abc import Iterator

from service.processes.frames import Frame, FrameReader, encode

_CHUNK = 1024 * 1024


class BlockingChannel:
    """Frames over a connected stream socket; `frames` ends when the other side has closed it."""

    def __init__(self, connection: socket.socket, max_body_bytes: int) -> None:
        self._connection = connection
        self._reader = FrameReader(max_body_bytes)

    def frames(self) -> Iterator[Frame]:
        """Every frame that arrives, until the end; raises `FrameError`."""
        while data := self._connection.recv(min(_CHUNK, max(65536, self._reader.bytes_wanted))):
            yield from self._reader.feed(data)

    def send(self, frame: Frame) -> None:
        """Returns when the whole frame has been handed to the kernel."""
        self._connection.sendall(encode(frame))
