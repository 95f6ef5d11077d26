"""Who may do what: API keys for predictions, one token for what is the operator's.

Both come as `Authorization: Bearer ...` (RFC 6750). What is compared are SHA-256 sums. How long a
comparison takes depends on the sums alone, and whoever does not know a key cannot choose its sum
byte by byte: there is nothing to be learned from the time. That holds for keys that cannot be
guessed, and those alone may be hashed without salt and once: 32 random bytes, say.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ClientError, Forbidden, Unauthorized
from service.http.delivery import JSON_HEADERS, send_refusal
from service.http.errors import STATUS, headers_of
from service.http.intake import KEY
from service.http.key_limits import EVERYTHING, KeyLimiter, LimitsByKey, Scoped
from service.predicting.request import RequestRecord
from service.predicting.route import RouteContext
from service.protocols.protocol import PredictionProtocol

ADMIN: Final = "admin"
"""The name of the admin token among OpenAPI's security schemes."""
_SCHEME: Final = b"bearer"
# More is nobody's key, and hashing it would take time.
_LONGEST_KEY: Final = 1024
_NO_KEY: Final = "This route needs an API key: Authorization: Bearer KEY."

KeyNames = Mapping[bytes, str]
"""The names of the keys that are known, by the SHA-256 sum (32 bytes) of each key."""


def bearer(authorization: bytes | None) -> bytes | None:
    """The key of an `Authorization` header; None without one, or where it is none of that kind."""
    if authorization is None or len(authorization) > _LONGEST_KEY:
        return None
    scheme, _, key = authorization.strip().partition(b" ")
    return key.strip() or None if scheme.lower() == _SCHEME else None


class ApiKeys:
    """The keys that are known now; replaced whole when their file changes."""

    def __init__(self, names: KeyNames, limits: LimitsByKey = MappingProxyType({})) -> None:
        self._names = names
        self._limiter = KeyLimiter(limits)

    def replace(self, names: KeyNames, limits: LimitsByKey = MappingProxyType({})) -> None:
        """From the next request on these and no others are known, and these limits hold."""
        self._names = names
        self._limiter.replace(limits, names)

    def name_of(self, authorization: bytes | None) -> str | None:
        """The name of the key that the header holds; None for one that is not known, or no key."""
        key = bearer(authorization)
        return None if key is None else self._names.get(sha256(key).digest())

    def refusal(self, authorization: bytes | None, name: str, slot: str) -> ClientError | None:
        """Why the known key of that header, which has that name, may not ask the slot now.

        None if it may; asked once for each request.
        """
        key = None if self._limiter.idle else bearer(authorization)
        return None if key is None else self._limiter.refusal(sha256(key).digest(), name, slot)

    def scope_of(self, request: Request) -> Scoped | None:
        """What the key of the request may see; None without one that is known."""
        return self.scope_in(_authorization(request))

    def scope_in(self, authorization: bytes | None) -> Scoped | None:
        """The same of the key in that header."""
        key = bearer(authorization)
        if key is None or self.name_of(authorization) is None:
            return None
        return self._limiter.scope(sha256(key).digest())


class Admin:
    """The operator, known by a token; without one nobody is."""

    def __init__(self, token: str | None) -> None:
        self._sum = None if token is None else sha256(token.encode()).digest()

    @property
    def exists(self) -> bool:
        """Whether there is a token at all."""
        return self._sum is not None

    @property
    def security(self) -> dict[str, Any]:
        """What the OpenAPI document says of its routes."""
        return {"security": [{ADMIN: []}]} if self.exists else {}

    def allows(self, request: Request) -> bool:
        """Whether the request comes with the token."""
        return self.is_in(_authorization(request))

    def is_in(self, authorization: bytes | None) -> bool:
        """Whether that header holds the token."""
        token = bearer(authorization)
        if self._sum is None or token is None:
            return False
        return hmac.compare_digest(sha256(token).digest(), self._sum)

    def require(self, request: Request) -> None:
        """Raises `Forbidden` where there is no token to come with, `Unauthorized` without it."""
        if self._sum is None:
            raise Forbidden(
                "Admin routes are off: this service has no admin token (PODIUM_ADMIN_TOKEN)."
            )
        if not self.allows(request):
            raise Unauthorized("This needs the admin token: Authorization: Bearer TOKEN.")


def _authorization(request: Request) -> bytes:
    return request.headers.get("authorization", "").encode("latin-1")


NOBODY: Final = Admin(None)
"""The operator of a service without a token."""


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may see signatures and examples, which show what versions were trained on.

    Anybody, where predictions need no key; else who comes with one, or with the admin token.
    """

    keys: ApiKeys | None
    admin: Admin

    def allow(self, request: Request, slot: str) -> bool:
        """Whether whoever asks may see those of that slot."""
        scope = self._scope(request)
        return scope is not None and scope.admits(slot)

    def require(self, request: Request) -> Scoped:
        """What whoever asks may see. Raises `Unauthorized` for who may see nothing."""
        scope = self._scope(request)
        if scope is None:
            raise Unauthorized(_NO_KEY)
        return scope

    def scope_in(self, authorization: bytes | None) -> Scoped | None:
        """What whoever comes with that header may see; None: nothing."""
        if self.keys is None or self.admin.is_in(authorization):
            return EVERYTHING
        return self.keys.scope_in(authorization)

    def _scope(self, request: Request) -> Scoped | None:
        return self.scope_in(_authorization(request))


@dataclass(eq=False, repr=False)
class Guarded:
    """A prediction route that answers to known keys alone; anybody else gets 401, body unread.

    So does who asks for what its key may not (403), or more often than it may (429).
    """

    _inner: ASGIApp
    _slot: str
    _protocol: PredictionProtocol
    _context: RouteContext
    _keys: ApiKeys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on with the key's name in its scope, or refuses it.

        What no key would help, a method that the route does not have, is handed on as it is.
        """
        headers = dict(scope["headers"])
        authorization = headers.get(b"authorization")
        name = self._keys.name_of(authorization)
        if scope["method"] != "POST":
            await self._inner({**scope, KEY: name}, receive, send)
            return
        if name is None:
            await self._refuse(headers, send, Unauthorized(_NO_KEY), None)
            return
        refusal = self._keys.refusal(authorization, name, self._slot)
        if refusal is None:
            await self._inner({**scope, KEY: name}, receive, send)
        else:
            await self._refuse(headers, send, refusal, name)

    async def _refuse(
        self, headers: Mapping[bytes, bytes], send: Send, error: ClientError, name: str | None
    ) -> None:
        started = monotonic()
        request_id = self._context.ids.accept(headers.get(b"x-request-id"))
        code, body = self._protocol.refuse(error, request_id)
        sent = JSON_HEADERS + headers_of(error)
        status = await send_refusal(send, STATUS[code], sent, body, request_id)
        seconds = monotonic() - started
        record = RequestRecord(
            *(self._slot, self._protocol.route, None, status, seconds, 0, request_id),
            *(error.code, name),
        )
        for observer in self._context.observers:
            observer.answered(record)
