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

    `max_body_bytes` bounds what the other side may make this side hold. What comes in pieces is
    copied once, when it is whole: a body may have many megabytes, and the reader an event loop.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        # Of the frame under way: its header once it is known, and the pieces of what comes next.
        self._header: _Header | None = None
        self._pieces: list[bytes] = []
        self._needed = _HEADER.size

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yields every frame that `data` completes; raises `FrameError`."""
        while len(data) >= self._needed:
            pieces, self._pieces = self._pieces, []
            pieces.append(data[: self._needed])
            data = data[self._needed :]
            if self._header is None:
                self._header = self._read(b"".join(pieces))
                self._needed = self._header[3] + self._header[4]
            else:
                yield self._frame(self._header, pieces)
        if data:
            self._pieces.append(data)
            self._needed -= len(data)

    @property
    def bytes_wanted(self) -> int:
        """How many more bytes can be read without reading past the part under way."""
        return self._needed

    def _frame(self, header: "_Header", pieces: list[bytes]) -> Frame:
        operation, status, frame_id, size, _ = header
        self._header = None
        self._needed = _HEADER.size
        if len(pieces[0]) < size:
            pieces = [b"".join(pieces)]
        head, pieces[0] = pieces[0][:size], pieces[0][size:]
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return Frame(operation, status, frame_id, head, body)

    def _read(self, header: bytes) -> "_Header":
        magic, version, operation, status, frame_id, head, body = _HEADER.unpack(header)
        if magic != MAGIC or version != WIRE_VERSION:
            raise FrameError(f"not a frame of wire version {WIRE_VERSION}")
        if head > MAX_HEAD_BYTES or body > self._max_body_bytes:
            raise FrameError(f"a frame of {head} + {body} bytes is over the limit")
        try:
            return operation, Status(status), frame_id, head, body
        except ValueError:
            raise FrameError(f"{status} is no status") from None


_Header = tuple[int, Status, int, int, int]
