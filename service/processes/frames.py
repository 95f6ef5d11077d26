"""The wire between processes: length-prefixed frames, data only, free of I/O.

A frame is a fixed header, a head (JSON, small) and a body (bytes that whoever forwards them need
not understand). All integers are big-endian::

    magic  wire version  operation  status  id      head length  body length
    2      1             1          1       8       4            4            bytes

Both sides begin with a HELLO of their own, and wait for nobody's. A REQUEST comes to one end: DONE,
FAILED, or CANCELLED where the front sent a CANCEL before it was begun or while it waited for
CREDIT. The reply to one whose id the front has given CREDIT may come in as many PARTs before that.

Anything else ends the conversation: `FrameError` is raised, and whoever reads ends the other side.
The first three fields stay as they are in all versions, so that each side can tell the other's.
"""

import enum
import json
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

MAGIC: Final = 0x506F
WIRE_VERSION: Final = 2
_HEADER: Final = struct.Struct("!HBBBQII")
MAX_HEAD_BYTES: Final = 64 * 1024 * 1024
# Longer bodies are handed on and not copied: that would hold an event loop up, milliseconds for
# each megabyte.
COPIED_BYTES: Final = 64 * 1024

Body: TypeAlias = bytes | bytearray


class Status(enum.IntEnum):
    """What a frame is: a request, an end that it can come to, or what is said meanwhile."""

    REQUEST = 0
    DONE = 1
    FAILED = 2
    CANCELLED = 3
    PART = 4
    CREDIT = 5
    CANCEL = 6
    HELLO = 7


class FrameError(Exception):
    """Bytes that are no frame of this wire; the side that sent them cannot be trusted further."""


class OtherWire(FrameError):
    """The other side is of another Podium, whose frames mean something else."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the other side speaks wire version {version}, this one {WIRE_VERSION}")


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. `operation` is the rooms' own enumeration; `id` pairs replies with requests.

    A body of more than `COPIED_BYTES` that was read is a bytearray, which nobody may change.
    """

    operation: int
    status: Status
    id: int
    head: bytes = b""
    body: Body = b""


def hello() -> Frame:
    """What each side says first: the version of its wire is in every header, its Python here."""
    said = {"python": ".".join(map(str, sys.version_info[:3]))}
    return Frame(0, Status.HELLO, 0, json.dumps(said).encode())


def greeted(frame: Frame) -> Mapping[str, Any]:
    """What the other side says of itself; raises `FrameError` for what is not a hello."""
    if frame.status is not Status.HELLO:
        raise FrameError("it did not begin with a hello")
    try:
        said = json.loads(frame.head)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise FrameError("its hello says nothing")
    return said


def credit(request: int, parts: int) -> Frame:
    """That so many more parts of the reply to the request of that id may come."""
    return Frame(0, Status.CREDIT, request, parts.to_bytes(4, "big"))


def encode(frame: Frame) -> bytes:
    """The frame's bytes; raises `struct.error` past 4 GiB."""
    return encode_start(frame, len(frame.body)) + frame.body


def encode_start(frame: Frame, body_bytes: int) -> bytes:
    """What stands before a body of so many bytes, which is sent apart; raises `struct.error`."""
    header = _HEADER.pack(
        MAGIC,
        WIRE_VERSION,
        frame.operation,
        frame.status,
        frame.id,
        len(frame.head),
        body_bytes,
    )
    return header + frame.head


class FrameReader:
    """Cuts a stream of bytes into frames; holds at most one incomplete frame.

    `max_body_bytes` bounds what the other side may make this side hold. Long bodies are never
    copied whole: the reader may be an event loop, and many megabytes would hold it up.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        # Of the frame under way: its header once it is known, and what is there of the part after.
        self._header: _Header | None = None
        self._part = bytearray()
        self._needed = _HEADER.size

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yields every frame that `data` completes; raises `FrameError`."""
        left = memoryview(data)
        while len(left) >= self._needed:
            part, self._part = self._part, bytearray()
            part += left[: self._needed]
            left = left[self._needed :]
            if self._header is None:
                self._header = self._read(part)
                self._needed = self._header[3] + self._header[4]
            else:
                yield self._frame(self._header, part)
        self._part += left
        self._needed -= len(left)

    @property
    def bytes_wanted(self) -> int:
        """How many more bytes can be read without reading past the part under way."""
        return self._needed

    def _frame(self, header: "_Header", part: bytearray) -> Frame:
        operation, status, frame_id, size, _ = header
        self._header = None
        self._needed = _HEADER.size
        head = bytes(part[:size])
        del part[:size]  # moves nothing
        body = part if len(part) > COPIED_BYTES else bytes(part)
        return Frame(operation, status, frame_id, head, body)

    def _read(self, header: bytearray) -> "_Header":
        magic, version, operation, status, frame_id, head, body = _HEADER.unpack(header)
        if magic != MAGIC:
            raise FrameError("not a frame")
        if version != WIRE_VERSION:
            raise OtherWire(version)
        if head > MAX_HEAD_BYTES or body > self._max_body_bytes:
            raise FrameError(f"a frame of {head} + {body} bytes is over the limit")
        try:
            return operation, Status(status), frame_id, head, body
        except ValueError:
            raise FrameError(f"{status} is no status") from None


_Header = tuple[int, Status, int, int, int]
