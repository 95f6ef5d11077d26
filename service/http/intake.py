"""A request by HTTP: its body, bounded before a byte too many is held, and its time.

It may take as long as the service says, or less where its client says so.
"""

import re
from collections.abc import Awaitable, Mapping
from time import monotonic
from typing import Final

from starlette.requests import Request
from starlette.types import Receive, Scope

from service.errors import (
    BodyTooLarge,
    BodyTooSlow,
    FieldError,
    InvalidInput,
    Overloaded,
    UnsupportedMediaType,
)
from service.http.codings import Coding, coding_of
from service.http.compression import Compression
from service.http.delivery import CLIENT, Client, Framing
from service.http.errors import MethodNotAllowed
from service.predicting.request import (
    ClientGone,
    HeldBytes,
    PredictionRequest,
    RequestBody,
    RequestShare,
)

KEY: Final = "podium.key"
"""Where an ASGI scope holds the name of the API key that a request came with."""
VERSION: Final = "podium.version"
"""Where it holds the version that is to answer, if the path names one."""
TIMEOUT: Final = b"podium-timeout-ms"
"""The header by which a client gives its request less time than the service would."""

_ENCODING: Final = b"content-encoding"
_WHOLE_NUMBER: Final = re.compile(rb"[+-]?[0-9]+")
# Of more digits is any number longer than a service gives; int() itself refuses 4300 of them.
_MOST_DIGITS: Final = 18
_TIMEOUT_LOC: Final = ("header", TIMEOUT.decode())
_EXPECTED_TIMEOUT: Final = "must be a whole number of milliseconds, 1 or more"
# A length of more digits is too large for any limit; int() itself refuses 4300 of them.
_MOST_LENGTH_DIGITS = 18
_TOO_LATE: Final = "The request's time was over before it was unpacked."
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
    reading, and counts while reading. Raises `BodyTooLarge`, `BodyTooSlow`, `Overloaded`, and
    `ClientGone`.
    """
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and (len(declared) > _MOST_LENGTH_DIGITS or int(declared) > limit):
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


class SmallBodies:
    """Bodies of a route that is asked now and then: of so many bytes, and so many at once."""

    def __init__(self, longest: int, at_once: int = 16) -> None:
        self._longest = longest
        self._held = HeldBytes(at_once * longest)

    async def read(self, request: Request) -> bytes:
        """The whole body; raises what `read_body` does, and where it is compressed."""
        headers, client = dict(request.scope["headers"]), request.scope.get(CLIENT)
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise UnsupportedMediaType("Send the body as it is: no Content-Encoding is read here.")
        holding = RequestShare(self._held)
        try:
            body = await read_body(headers, request.receive, self._longest, holding, client)
            return body if isinstance(body, bytes) else b"".join(body)
        finally:
            holding.release()


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is longer than the {limit} bytes that this service accepts.")


def seconds_of(sent: bytes, most: float) -> float:
    """The seconds that a request with this header may take: at most `most`.

    Raises `InvalidInput` where it is no positive whole number.
    """
    return min(_milliseconds_of(sent.strip()) / 1000, most)


def _milliseconds_of(sent: bytes) -> int:
    if not _WHOLE_NUMBER.fullmatch(sent):
        raise _bad_timeout("type")
    if sent[:1] == b"-" or not (digits := sent.lstrip(b"+0")):
        raise _bad_timeout("out_of_range")
    return int(digits[:_MOST_DIGITS])


def _bad_timeout(type_: str) -> InvalidInput:
    error = FieldError(_TIMEOUT_LOC, _EXPECTED_TIMEOUT, type_)
    return InvalidInput((error,), "The request's time limit cannot be read.")


class HttpRequest(PredictionRequest[Framing]):
    """A request whose body is still to be read."""

    __slots__ = ("_coding", "_compression", "_receive", "_scope", "client")

    def __init__(  # noqa: PLR0913, PLR0917 - what a request by HTTP is
        self,
        request_id: str,
        headers: Mapping[bytes, bytes],
        scope: Scope,
        receive: Receive,
        share: RequestShare,
        compression: Compression,
    ) -> None:
        self.client: Client | None = scope.get(CLIENT)
        super().__init__(request_id, scope.get(KEY), headers, self.client, share)
        self.pin = scope.get(VERSION)
        self._scope = scope
        self._receive = receive
        self._compression = compression
        self._coding: Coding | None = None

    def body(self, limit: int) -> Awaitable[RequestBody]:
        """As `read_body`; raises `MethodNotAllowed` for what is no POST, and `UnknownEncoding`."""
        if self._scope["method"] != "POST":
            raise MethodNotAllowed("POST")
        if _ENCODING in self.headers:
            sent = [value for name, value in self._scope["headers"] if name == _ENCODING]
            self._coding = coding_of(sent)
            self.packed = self._coding is not None
        return read_body(self.headers, self._receive, limit, self.share, self.client)

    async def unpacked(self, body: RequestBody, limit: int, deadline: float) -> RequestBody:
        """As its coding says; raises what `Unpacking.step` raises, `BodyTooLarge`, `Overloaded`."""
        if self._coding is None:
            return body
        unpacking = self._compression.unpacking(self._coding, body)
        kept: list[bytearray] = []
        size, ended = 0, False
        while not ended:
            pieces, ended = await unpacking.step()
            added = sum(map(len, pieces))
            size += added
            if size > limit:
                raise _too_large(limit)
            if monotonic() >= deadline:
                raise Overloaded(_TOO_LATE)
            if ended and len(kept) + len(pieces) <= 1:
                self.share.take(size)
                return b"".join(pieces)
            self.share.take_piece(added)
            kept += map(bytearray, pieces)
        self.share.exchange(size)
        return kept

    def seconds(self, most: float) -> float:
        """As `Podium-Timeout-Ms` says, if it is there."""
        sent = self.headers.get(TIMEOUT)
        return most if sent is None else seconds_of(sent, most)
