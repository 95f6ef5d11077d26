"""Long JSON for people and generated clients: written beside the loop, and sent piece by piece.

What is written here may be read in any thread, and does not change any more.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import orjson
from fastapi import Response
from starlette.types import Receive, Scope, Send

JSON: Final = "application/json"
# Deeper than columns stand in a request's schema.
_LEVELS: Final = 9
# What a connection is given at a time, as in `service.http.delivery`.
_PIECE_BYTES: Final = 64 * 1024


def json_pieces(value: Any, levels: int = _LEVELS) -> Iterator[bytes]:
    """The value as JSON; what is nested up to `levels` deep is a piece of its own.

    orjson lets no other thread have a turn, for milliseconds where all is written at once.
    """
    if levels and type(value) is dict and value:
        start = b"{"
        for key, inner in value.items():
            yield start + orjson.dumps(key) + b":"
            yield from json_pieces(inner, levels - 1)
            start = b","
        yield b"}"
    elif levels and type(value) is list and any(type(each) in {dict, list} for each in value):
        start = b"["
        for inner in value:
            yield start
            yield from json_pieces(inner, levels - 1)
            start = b","
        yield b"]"
    else:
        yield orjson.dumps(value)


def json_text(value: Any) -> bytes:
    """The same, whole."""
    return b"".join(json_pieces(value))


def json_object(members: Mapping[str, bytes]) -> bytes:
    """An object whose members are written already."""
    return b"{" + b",".join(b"%b:%b" % (orjson.dumps(key), members[key]) for key in members) + b"}"


def cut(pieces: Iterable[bytes]) -> Sequence[bytes]:
    """The same bytes in pieces as long as a connection is given at a time."""
    whole = memoryview(b"".join(pieces))
    return [bytes(whole[at : at + _PIECE_BYTES]) for at in range(0, len(whole), _PIECE_BYTES)]


def reply(
    pieces: Sequence[bytes], media_type: str = JSON, more: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """A reply of known length, with `more` headers.

    Each piece is handed on once the client has taken those before.
    """
    length = str(sum(map(len, pieces)))
    headers = {"content-type": media_type, "content-length": length, **more}
    return _PartByPart(pieces, headers)


class _PartByPart(Response):
    """As Starlette's own for streams is, without the tasks and the libraries that it needs."""

    def __init__(self, pieces: Sequence[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        # ASGI's and uvloop's words for a client that has left.
        with contextlib.suppress(OSError, RuntimeError):
            await send(start)
            for piece in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                # One that takes all at once is not waited for; others have their turn all the same.
                await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": b""})
