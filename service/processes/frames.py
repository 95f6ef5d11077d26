"""The wire between processes: length-prefixed frames, data only, free of I/O.

A frame is a fixed header, a head (JSON, small) and a body (bytes that whoever forwards them need
not understand). All integers are big-endian::

    magic  wire version  operation  status  id      head length  body length
    2      1             1          1       8       4            4            bytes

Anything else ends the conversation: `FrameError` is raised, and whoever reads ends the other side.
"""

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAGIC: Final = 0x506F
WIRE_VERSION: Final = 1
_HEADER: Final = struct.Struct("!HBBBQII")
MAX_HEAD_BYTES: Final = 64 * 1024 * 1024


class Status(enum.IntEnum):
    """What a frame is: a request, or one of the two ends that a request can come to."""

    REQUEST = 0
    DONE = 1
    FAILED = 2


class FrameError(Exception):
    """Bytes that are no frame of this wire; the side that sent them cannot be trusted further."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. `operation` is the rooms' own enumeration; `id` pairs replies with requests."""

    operation: int
    status: Status
    id: int
    head: bytes = b""
    body: bytes = b""


def encode(frame: Frame) -> bytes:
    """The frame's bytes; raises `struct.error` past 4 GiB."""
    header = _HEADER.pack(
        MAGIC,
        WIRE_VERSION,
        frame.operation,
        frame.status,
        frame.id,
        len(frame.head),
        len(frame.body),
    )
    return b"".join((header, frame.head, frame.body))


class FrameReader:
    """Cuts a stream of bytes into frames; holds at most one incomplete frame.

    `max_body_bytes` bounds what the other side may make this side hold.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._buffer = bytearray()
        self._needed = _HEADER.size

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yields every frame that `data` completes; raises `FrameError`."""
        self._buffer += data
        while len(self._buffer) >= self._needed:
            frame = self._take()
            if frame is not None:
                yield frame

    @property
    def bytes_wanted(self) -> int:
        """How many more bytes can be read without reading past the frame under way."""
        return self._needed - len(self._buffer)

    def _take(self) -> Frame | None:
        operation, status, frame_id, head, body = self._header()
        end = _HEADER.size + head + body
        if len(self._buffer) < end:
            self._needed = end
            return None
        # Once each: a copy of many megabytes holds the loop up.
        with memoryview(self._buffer) as view:
            body_at = _HEADER.size + head
            parts = bytes(view[_HEADER.size : body_at]), bytes(view[body_at:end])
        del self._buffer[:end]
        self._needed = _HEADER.size
        return Frame(operation, status, frame_id, *parts)

    def _header(self) -> tuple[int, Status, int, int, int]:
        fields = _HEADER.unpack_from(self._buffer)
        magic, version, operation, status, frame_id, head, body = fields
        if magic != MAGIC or version != WIRE_VERSION:
            raise FrameError(f"not a frame of wire version {WIRE_VERSION}")
        if head > MAX_HEAD_BYTES or body > self._max_body_bytes:
            raise FrameError(f"a frame of {head} + {body} bytes is over the limit")
        try:
            return operation, Status(status), frame_id, head, body
        except ValueError:
            raise FrameError(f"{status} is no status") from None
