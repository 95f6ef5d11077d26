"""Content codings of bodies (RFC 9110, section 8.4.1): what each is called, read and written by.

`gzip` may have several members and zstd several frames (RFC 1952, RFC 8878), one after the other.
`deflate` is zlib's format, and what clients send that leave zlib's head and sum out. Reading is
lazy: no more is unpacked than is asked for, whatever the body claims to hold.
"""

import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from service.errors import BrokenEncoding, Undecodable
from service.http.errors import UnknownEncoding

if sys.version_info >= (3, 14):
    from compression import zstd as zstd  # noqa: PLC0414 - tests write by the same
else:
    from backports import zstd as zstd  # noqa: PLC0414 - the same, as it will be

PIECE_BYTES: Final = 64 * 1024
"""What is unpacked at a time, at most."""
# What a member leaves over is copied: all of a body of many small ones must not be, for each.
_SLICE_BYTES: Final = 16 * 1024
# A member takes some microseconds, however empty it is: those of more than this many have to hold
# so much each. Real ones hold 64 KiB (bgzip's) and more.
_FREE_MEMBERS: Final = 1000
_MEMBER_BYTES: Final = 1024
# 8 MiB, all that a client may ask a receiver to keep (RFC 9659).
_WINDOW: Final[Mapping[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}
_NOTHING: Final = memoryview(b"")
# zlib's words for which head and sum stand around what is deflated.
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
# The levels that are quickest: what is sent is seldom kept.
_QUICK: Final = 1
_WEIGHT: Final = re.compile(r"[01](\.[0-9]{0,3})?")


class _Member(Protocol):
    """One member or frame, as it is read; as Python's own decompressors are."""

    @property
    def eof(self) -> bool:
        """Whether it has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether it has given all that what it was given holds."""

    @property
    def unused_data(self) -> bytes:
        """What stands behind its end."""

    def decompress(self, data: memoryview, max_length: int) -> bytes:
        """The next bytes of it, `max_length` at most; without `data` until it needs some."""


class _Inflating:
    """The same by zlib, whose own object has what was not read yet handed back to it."""

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: memoryview, max_length: int) -> bytes:
        piece = self._zlib.decompress(data or self._zlib.unconsumed_tail, max_length)
        self.needs_input = len(piece) < max_length
        return piece


class Coding(NamedTuple):
    """One coding.

    Attributes:
        name: as it stands in headers.
        opened: reads a member that begins with those bytes.
        packer: what writes a body: by `compress` and, at the end, `flush`.
        joined: whether there may be several members.
    """

    name: str
    opened: Callable[[memoryview], _Member]
    packer: Callable[[], "_Packer"]
    joined: bool


class _Packer(Protocol):
    def compress(self, data: bytes | bytearray | memoryview, /) -> bytes:
        """What may be sent by now."""

    def flush(self) -> bytes:
        """The rest."""


def _deflated(start: memoryview) -> _Member:
    # RFC 1950, section 2.2. What is deflated without that head would begin so in no writer's hands.
    whole = len(start) > 1 and start[0] & 15 == zlib.DEFLATED
    whole = whole and (start[0] * 256 + start[1]) % 31 == 0
    return _Inflating(_ZLIB if whole else _RAW)


CODINGS: Final = (
    Coding(
        "zstd",
        lambda _: zstd.ZstdDecompressor(options=_WINDOW),
        lambda: zstd.ZstdCompressor(level=_QUICK),
        joined=True,
    ),
    Coding(
        "gzip",
        lambda _: _Inflating(_GZIP),
        lambda: zlib.compressobj(_QUICK, wbits=_GZIP),
        joined=True,
    ),
    Coding("deflate", _deflated, lambda: zlib.compressobj(_QUICK, wbits=_ZLIB), joined=False),
)
"""All, those first that are written first where a client takes them equally."""
KNOWN: Final = ", ".join(sorted(coding.name for coding in CODINGS))
"""Their names, for people and headers."""
# `x-gzip` means the same (RFC 9110, section 8.4.1.3).
_BY_NAME: Final = {coding.name: coding for coding in CODINGS} | {"x-gzip": CODINGS[1]}


def coding_of(sent: Sequence[bytes]) -> Coding | None:
    """What a body is coded by whose `Content-Encoding` headers these are; None for `identity`.

    Raises `UnknownEncoding`, also for several codings one upon the other.
    """
    name = b",".join(sent).decode("latin-1").strip().lower()
    if name == "identity":
        return None
    coding = _BY_NAME.get(name)
    if coding is None:
        raise UnknownEncoding(KNOWN)
    return coding


def unpacked(coding: Coding, body: bytes | Sequence[bytearray]) -> Iterator[bytes]:
    """The body in pieces of at most `PIECE_BYTES`, none of them empty.

    Raises `BrokenEncoding` where it is not such a body, whole, and with nothing behind it; and
    `Undecodable` where it is of more members than it can be worth.
    """
    member: _Member | None = None
    members = size = 0
    for data in _slices(body):
        rest = data
        while rest or (member is not None and not member.needs_input):
            if member is None:
                members += 1
                _count(coding, members, size)
                member = coding.opened(rest)
            piece = _read(coding, member, rest)
            size += len(piece)
            if piece:
                yield piece
            rest = _NOTHING
            if member.eof:
                rest, member = memoryview(member.unused_data), None
    if member is not None or not members:
        raise BrokenEncoding(coding.name)


def _count(coding: Coding, members: int, size: int) -> None:
    if members > 1 and not coding.joined:
        raise BrokenEncoding(coding.name)
    if members > _FREE_MEMBERS + size // _MEMBER_BYTES:
        raise Undecodable("The body is compressed in too many small parts.")


def _read(coding: Coding, member: _Member, data: memoryview) -> bytes:
    try:
        return member.decompress(data, PIECE_BYTES)
    except (zlib.error, zstd.ZstdError):
        raise BrokenEncoding(coding.name) from None


def _slices(body: bytes | Sequence[bytearray]) -> Iterator[memoryview]:
    for part in (body,) if isinstance(body, bytes) else body:
        whole = memoryview(part)
        for at in range(0, len(whole), _SLICE_BYTES):
            yield whole[at : at + _SLICE_BYTES]


def packed(coding: Coding, parts: Iterable[bytes | bytearray | memoryview]) -> bytes:
    """A body of those parts."""
    packer = coding.packer()
    return b"".join([*map(packer.compress, parts), packer.flush()])


def wanted(accepted: bytes) -> Coding | None:
    """What a reply is best coded by for who sends that `Accept-Encoding`; None: by nothing.

    A client that lists none by its name gets none unless it refuses `identity` (RFC 9110, section
    12.5.3).
    """
    weights = dict(_weighed(item) for item in accepted.decode("latin-1").lower().split(","))
    if "x-gzip" in weights:
        weights.setdefault("gzip", weights["x-gzip"])
    others = weights.get("*", 0.0)
    best, most = None, weights.get("identity", others)
    for coding in CODINGS:
        weight = weights.get(coding.name, others)
        named = coding.name in weights and best is None
        if weight > most or (named and weight == most > 0):
            best, most = coding, weight
    return best


def _weighed(item: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in item.split(";"))
    weight = 1.0
    for each in parameters:
        key, _, value = each.partition("=")
        if key.strip() == "q":
            weight = _weight(value.strip())
    return name, weight


def _weight(text: str) -> float:
    # As RFC 9110 writes them; of any other nobody knows what it means, and 0 asks for nothing.
    return min(1.0, float(text)) if _WEIGHT.fullmatch(text) else 0.0
