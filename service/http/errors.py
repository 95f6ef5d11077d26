"""The HTTP status of every code that protocols refuse with; the only place where the two meet."""

import math
from collections.abc import Mapping

from service.errors import (
    BodyTooSlow,
    ClientError,
    NotNow,
    RateExceeded,
    ServiceError,
    Unauthorized,
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


STATUS: Mapping[str, int] = {
    "unauthorized": 401,
    "forbidden": 403,
    "delivery_forged": 403,
    "delivery_expired": 403,
    "not_found": 404,
    "unknown_model": 404,
    "not_there_yet": 404,
    "method_not_allowed": 405,
    "body_too_slow": 408,
    "delivery_repeated": 409,
    "withdrawn": 410,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "invalid_input": 422,
    "rate_exceeded": 429,
    "undecodable": 400,
    "delivery_refused": 400,
    "delivery_unreadable": 400,
    "bad_request": 400,
    "no_servable": 503,
    "not_loaded": 503,
    "overloaded": 503,
    "unavailable": 503,
    "prediction_timed_out": 504,
    "model_failed": 500,
    "prediction_failed": 500,
    "version_fault": 500,
    "passing_fault": 500,
    "internal": 500,
}
"""By the codes of `service.errors` and of this file."""

# mlflow/exceptions.py, `ERROR_CODE_TO_HTTP_STATUS`.
MLFLOW_STATUS: Mapping[str, int] = {
    **dict.fromkeys(("BAD_REQUEST", "INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS"), 400),
    **dict.fromkeys(("CUSTOMER_UNAUTHORIZED", "UNAUTHENTICATED"), 401),
    "PERMISSION_DENIED": 403,
    **dict.fromkeys(("ENDPOINT_NOT_FOUND", "NOT_FOUND", "RESOURCE_DOES_NOT_EXIST"), 404),
    **dict.fromkeys(("ABORTED", "ALREADY_EXISTS", "RESOURCE_CONFLICT"), 409),
    **dict.fromkeys(("REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"), 429),
    "CANCELLED": 499,
    **dict.fromkeys(("DATA_LOSS", "INTERNAL_ERROR", "INVALID_STATE"), 500),
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""By the codes of MLflow's that a model's exception may have."""


def status_of(code: str) -> int:
    """The status for what a protocol has refused with this code."""
    return STATUS[code] if code in STATUS else MLFLOW_STATUS[code]


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
