"""Pages of other origins may ask for predictions, and see what is open to everybody (CORS).

A browser asks first, with OPTIONS, and shows a page no reply without the headers of this file
(Fetch, section 3.3). What is the operator's is never among it: a page that an operator has open
must not be able to reload anything, or to see what the admin token shows.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.config.origins import EVERY
from service.http.delivery import CLIENT, Client
from service.http.errors import Headers
from service.predicting.request import RequestIds

_EXPOSED: Final = (
    b"access-control-expose-headers",
    (
        b"Podium-Model, Podium-Alias, Podium-Version, X-Request-ID, Retry-After, "
        b"Inference-Header-Content-Length"
    ),
)
# Browsers remember for five seconds by themselves, and none for longer than a day.
_MAX_AGE: Final = (b"access-control-max-age", b"7200")
_VARY: Final = (b"vary", b"Origin")
_WANTED: Final = b"access-control-request-method"
# Whatever is neither is the operator's; models may be called anything.
_PREDICTIONS: Final = re.compile(
    r"(/models/.+)?/(predict|invocations)|/v2/(models/.+/infer|repository/index)", re.DOTALL
)
_PAGES: Final = re.compile(
    r"/(ping|version|health(/live|/ready)?|openapi\.json|models(/.+@[^/]+(/ready)?)?"
    r"|v2(/health/(live|ready)|/models/.+)?)",
    re.DOTALL,
)
# RFC 9110, section 5.6.2: names of headers, parted by commas.
_NAMES: Final = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z, \t]{1,1000}")


class CrossOrigin:
    """The application, open to pages of these origins.

    Args:
        app: the whole of HTTP.
        origins: as browsers send them, `https://app.example.com`; `*` stands for all.
        below: a request by the service's own path, without a proxy's prefix.
        ids: gives each request one.
        is_admins: whether an `Authorization` header is the operator's.
    """

    def __init__(
        self,
        app: ASGIApp,
        origins: Iterable[str],
        below: Callable[[Scope], Scope],
        ids: RequestIds,
        is_admins: Callable[[bytes | None], bool] = lambda _: False,
    ) -> None:
        self._app = app
        self._is_admins = is_admins
        self._origins = frozenset(origin.encode("ascii") for origin in origins)
        self._below = below
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers what a browser asks first, and lets it show the replies to what comes then."""
        headers = dict(scope["headers"])
        allowed = self._allowed(headers.get(b"origin"))
        methods = None if allowed is None else _methods(self._below(scope)["path"])
        if allowed is None or methods is None or self._is_admins(headers.get(b"authorization")):
            await self._app(scope, receive, send)
        elif scope["method"] != "OPTIONS":
            await self._app(_by_messages(scope), receive, _with(send, (*allowed, _EXPOSED)))
        elif headers.get(_WANTED, b"").decode("latin-1") in methods:
            request_id = self._ids.accept(headers.get(b"x-request-id"))
            await _admit(send, (*allowed, _id(request_id)), methods, headers)
        else:
            await self._app(scope, receive, send)

    def _allowed(self, origin: bytes | None) -> Headers | None:
        if origin is None:
            return None
        if EVERY.encode() in self._origins:
            return ((b"access-control-allow-origin", b"*"),)
        if origin not in self._origins:
            return None
        return ((b"access-control-allow-origin", origin), _VARY)


def _methods(path: str) -> Collection[str] | None:
    if _PREDICTIONS.fullmatch(path):
        return ("POST",)
    return ("GET", "HEAD") if _PAGES.fullmatch(path) else None


def _id(request_id: str) -> tuple[bytes, bytes]:
    return (b"x-request-id", request_id.encode("ascii"))


class _ByMessages:
    """A client whose replies are all sent by ASGI's messages, to which headers can be added."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def gone(self) -> bool:
        return self._client.gone

    @property
    def too_slow(self) -> bool:
        return self._client.too_slow

    @property
    def waiting(self) -> bool:
        return self._client.waiting

    @waiting.setter
    def waiting(self, waiting: bool) -> None:
        self._client.waiting = waiting

    def listen(self) -> None:
        self._client.listen()

    def reply(self, head: bytes, body: bytes | bytearray) -> bool:
        return False


def _by_messages(scope: Scope) -> Scope:
    client = scope.get(CLIENT)
    return scope if client is None else {**scope, CLIENT: _ByMessages(client)}


def _with(send: Send, headers: Headers) -> Send:
    async def reply(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return reply


async def _admit(
    send: Send, allowed: Headers, methods: Collection[str], headers: Mapping[bytes, bytes]
) -> None:
    names = headers.get(b"access-control-request-headers", b"")
    sent = [
        *allowed,
        (b"access-control-allow-methods", ", ".join(sorted(methods)).encode("ascii")),
        *([(b"access-control-allow-headers", names)] if _NAMES.fullmatch(names) else ()),
        _MAX_AGE,
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": sent})
    await send({"type": "http.response.body", "body": b""})
