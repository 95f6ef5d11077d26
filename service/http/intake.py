"""A request's id and body, bounded before a byte too many is held."""

import itertools
import re
import secrets
from collections.abc import Mapping

from starlette.types import Receive

from service.errors import BodyTooLarge, UnsupportedMediaType

_USABLE_ID = re.compile(rb"[\x20-\x7e]{1,128}")
# A length of more digits is too large for any limit; int() itself refuses 4300 of them.
_MOST_DIGITS = 18
# A client may send a byte at a time; what is kept of it are pieces of at least that.
_PIECE_BYTES = 64 * 1024


class ClientGone(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


class RequestIds:
    """Gives every request an id: the client's if it is usable, else one of this process's own.

    Usable are 1 to 128 printable ASCII characters. Own ids are a random text drawn once and a
    number, because drawing one per request costs as much as the rest of the intake.
    """

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def accept(self, sent: bytes | None) -> str:
        """The id for a request that came with this `X-Request-ID`."""
        if sent is not None and _USABLE_ID.fullmatch(sent):
            return sent.decode("ascii")
        return f"{self._prefix}-{next(self._numbers):x}"


async def read_body(
    headers: Mapping[bytes, bytes], receive: Receive, limit: int
) -> bytes | list[bytearray]:
    """The whole body, of at most `limit` bytes; in pieces if it did not come at once.

    Refuses by `Content-Length` before reading, and counts while reading. Raises `BodyTooLarge`,
    `UnsupportedMediaType` for a compressed body, and `ClientGone`.
    """
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMediaType("Send the body uncompressed: no Content-Encoding is read here.")
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and (len(declared) > _MOST_DIGITS or int(declared) > limit):
        raise _too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        return await _read_rest(body, receive, limit)
    if message["type"] == "http.disconnect":
        raise ClientGone
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _read_rest(first: bytes, receive: Receive, limit: int) -> list[bytearray]:
    # Not one buffer: to make it, or a copy of it, holds the loop up when it has many megabytes.
    pieces = [bytearray(first)]
    size = len(first)
    more = True
    while more and size <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body = message.get("body", b"")
        size += len(body)
        if len(pieces[-1]) >= _PIECE_BYTES:
            pieces.append(bytearray())
        pieces[-1] += body
        more = message.get("more_body", False)
    if size > limit:
        raise _too_large(limit)
    return pieces


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is longer than the {limit} bytes that this service accepts.")
