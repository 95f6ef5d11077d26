"""Every error's HTTP status, in one table; the only place where the two meet.

MLflow's protocol differs from it in one entry, which stands in its own file.
"""

import math
from collections.abc import Mapping

from service.errors import (
    BodyTooLarge,
    BodyTooSlow,
    ClientError,
    DeliveryExpired,
    DeliveryForged,
    DeliveryRepeated,
    InvalidInput,
    ModelFailed,
    NoServable,
    NotNow,
    Overloaded,
    PredictionFailed,
    PredictionTimedOut,
    ServiceError,
    Undecodable,
    UnknownModel,
    UnsupportedMediaType,
    Withdrawn,
)

Headers = tuple[tuple[bytes, bytes], ...]
_LATER = frozenset({429, 503})


class NotFound(ClientError):
    """No route has that path."""

    code = "not_found"


class MethodNotAllowed(ClientError):
    """The route exists, for other methods: `allow` lists them."""

    code = "method_not_allowed"

    def __init__(self, allow: str) -> None:
        super().__init__(f"This route takes {allow}.")
        self.allow = allow


class Unauthorized(ClientError):
    """The route asks for a bearer key or token, and none that it knows came with the request."""

    code = "unauthorized"


class Forbidden(ClientError):
    """The service was not set up to allow this to anybody."""

    code = "forbidden"


class RateExceeded(ClientError):
    """The key asks more often than it may; it has a request again after `retry_after` seconds."""

    code = "rate_exceeded"

    def __init__(self, retry_after: int) -> None:
        super().__init__("This key asks more often than it may.")
        self.retry_after = retry_after


STATUS: Mapping[type[ServiceError], int] = {
    Unauthorized: 401,
    Forbidden: 403,
    DeliveryForged: 403,
    DeliveryExpired: 403,
    NotFound: 404,
    UnknownModel: 404,
    MethodNotAllowed: 405,
    BodyTooSlow: 408,
    DeliveryRepeated: 409,
    Withdrawn: 410,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    InvalidInput: 422,
    RateExceeded: 429,
    Undecodable: 400,
    ClientError: 400,
    NoServable: 503,
    Overloaded: 503,
    NotNow: 503,
    PredictionTimedOut: 504,
    ModelFailed: 500,
    PredictionFailed: 500,
    ServiceError: 500,
}


def status_of(error: ServiceError) -> int:
    """The status of the error's class, or of the nearest one that it derives from."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def headers_of(error: ServiceError) -> Headers:
    """What HTTP asks for beside the status.

    `Retry-After` with 429 and 503, `Allow` with 405, `WWW-Authenticate` with 401 (RFC 9110, RFC
    6585, RFC 6750). A body that is not waited for leaves nothing that could be read as a next
    request. That something is gone is kept by nobody: its operator may take it back.
    """
    if isinstance(error, BodyTooSlow):
        return ((b"connection", b"close"),)
    if isinstance(error, NotNow | RateExceeded):
        return (retry_after(error.retry_after),)
    if isinstance(error, Withdrawn):
        return ((b"cache-control", b"no-store"),)
    if isinstance(error, MethodNotAllowed):
        return ((b"allow", error.allow.encode("ascii")),)
    if isinstance(error, Unauthorized):
        return ((b"www-authenticate", b"Bearer"),)
    return ()


def headers_with(status: int, error: ServiceError) -> Headers:
    """The same for a protocol that has given this error that status.

    A model may say itself that it is asked too much, or cannot answer now; for how long it does not
    say.
    """
    headers = headers_of(error)
    if status in _LATER and not isinstance(error, NotNow):
        return (*headers, retry_after(NotNow("").retry_after))
    return headers


def retry_after(seconds: float) -> tuple[bytes, bytes]:
    """The header: whole seconds, at least 1."""
    return b"retry-after", b"%d" % max(1, math.ceil(seconds))
