"""A request's body, bounded before a byte too many is held."""

from collections.abc import Mapping

from starlette.types import Receive

from service.errors import BodyTooLarge, BodyTooSlow, UnsupportedMediaType
from service.http.client import Client
from service.predicting.held import RequestShare
from service.predicting.request import ClientGone, RequestBody

# A length of more digits is too large for any limit; int() itself refuses 4300 of them.
_MOST_DIGITS = 18
# A client may send a byte at a time; what is kept of it are pieces of at least that.
_PIECE_BYTES = 64 * 1024


async def read_body(
    headers: Mapping[bytes, bytes],
    receive: Receive,
    limit: int,
    holding: RequestShare,
    client: Client | None = None,
) -> RequestBody:
    """The whole body, of at most `limit` bytes; in pieces if it did not come at once.

    What is read is held, also when this raises. Refuses by `Content-Length` before
    reading, and counts while reading. Raises `BodyTooLarge`, `UnsupportedMediaType` for a
    compressed body, `BodyTooSlow`, `Overloaded`, and `ClientGone`.
    """
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMediaType("Send the body uncompressed: no Content-Encoding is read here.")
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and (len(declared) > _MOST_DIGITS or int(declared) > limit):
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        return await _Pieces(limit, holding, client).read(body, receive)
    if len(body) > limit:
        raise _too_large(limit)
    holding.take(len(body))
    return body


class _Pieces:
    """A body that comes in parts, counted from the first on."""

    def __init__(self, limit: int, holding: RequestShare, client: Client | None) -> None:
        self._limit = limit
        self._holding = holding
        self._client = client
        self._size = 0
        # Not one buffer: to make it, or a copy of it, holds the loop up when it has many megabytes.
        self._pieces = [bytearray()]

    async def read(self, first: bytes, receive: Receive) -> list[bytearray]:
        self._add(first)
        while await self._part(receive):
            pass
        return self._pieces

    async def _part(self, receive: Receive) -> bool:
        if self._client is not None and self._client.too_slow:
            raise BodyTooSlow("The rest of the body did not come in time.")
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        self._add(message.get("body", b""))
        more: bool = message.get("more_body", False)
        return more

    def _add(self, part: bytes) -> None:
        if self._size + len(part) > self._limit:
            raise _too_large(self._limit)
        self._holding.take_piece(len(part))
        self._size += len(part)
        if len(self._pieces[-1]) >= _PIECE_BYTES:
            self._pieces.append(bytearray())
        self._pieces[-1] += part


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is longer than the {limit} bytes that this service accepts.")
