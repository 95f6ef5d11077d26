"""The HTTP status of every code that protocols refuse with; probes have theirs by themselves."""

import math
from collections.abc import Mapping

from service.errors import (
    BodyTooSlow,
    ClientError,
    NotNow,
    RateExceeded,
    ServiceError,
    Unauthorized,
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
        self.header = b"allow", allow.encode("ascii")


class UnknownEncoding(UnsupportedMediaType):
    """The body's `Content-Encoding` is none that is read, or several: `known` lists those."""

    def __init__(self, known: str) -> None:
        super().__init__(f"Send the body as it is, or with one Content-Encoding of: {known}.")
        self.header = b"accept-encoding", known.encode("ascii")


_CODES: Mapping[int, str] = {
    400: "bad_request undecodable broken_encoding delivery_refused delivery_unreadable BAD_REQUEST "
    "INVALID_PARAMETER_VALUE RESOURCE_ALREADY_EXISTS",
    401: "unauthorized CUSTOMER_UNAUTHORIZED UNAUTHENTICATED",
    403: "forbidden delivery_forged delivery_expired PERMISSION_DENIED",
    404: "not_found unknown_model unknown_version not_prepared not_there_yet ENDPOINT_NOT_FOUND "
    "NOT_FOUND RESOURCE_DOES_NOT_EXIST",
    405: "method_not_allowed",
    408: "body_too_slow",
    409: "delivery_repeated ABORTED ALREADY_EXISTS RESOURCE_CONFLICT",
    410: "withdrawn",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
    429: "rate_exceeded REQUEST_LIMIT_EXCEEDED RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "internal model_failed prediction_failed version_fault passing_fault DATA_LOSS "
    "INTERNAL_ERROR INVALID_STATE",
    501: "NOT_IMPLEMENTED",
    503: "unavailable no_servable not_loaded overloaded TEMPORARILY_UNAVAILABLE",
    504: "prediction_timed_out DEADLINE_EXCEEDED",
}
STATUS = {code: status for status, codes in _CODES.items() for code in codes.split()}
"""By the codes of `service.errors` and of this file; in capitals those of MLflow's that a model's
exception may have (mlflow/exceptions.py, `ERROR_CODE_TO_HTTP_STATUS`)."""


def headers_of(error: ServiceError) -> Headers:
    """What HTTP asks for beside the status.

    `Retry-After` with 429 and 503, `Allow` with 405, `WWW-Authenticate` with 401, `Accept-Encoding`
    with 415 (RFC 9110, RFC 6585, RFC 6750). A body that is not waited for leaves nothing that could
    be read as a next request. That something is gone is kept by nobody: its operator may take it
    back.
    """
    if isinstance(error, BodyTooSlow):
        return ((b"connection", b"close"),)
    if isinstance(error, NotNow | RateExceeded):
        return (retry_after(error.retry_after),)
    if isinstance(error, Withdrawn):
        return ((b"cache-control", b"no-store"),)
    if isinstance(error, MethodNotAllowed | UnknownEncoding):
        return (error.header,)
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
