"""The status of gRPC for every code that a request is refused with."""

from collections.abc import Mapping
from typing import Final

import grpc

from service.errors import ServiceError

_CODES: Final[Mapping[grpc.StatusCode, str]] = {
    grpc.StatusCode.INVALID_ARGUMENT: "bad_request invalid_input undecodable "
    "unsupported_media_type",
    grpc.StatusCode.UNAUTHENTICATED: "unauthorized",
    grpc.StatusCode.PERMISSION_DENIED: "forbidden",
    grpc.StatusCode.NOT_FOUND: "unknown_model not_there_yet unknown_version withdrawn",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "body_too_large rate_exceeded",
    grpc.StatusCode.UNAVAILABLE: "unavailable no_servable not_loaded overloaded",
    grpc.StatusCode.DEADLINE_EXCEEDED: "prediction_timed_out",
    grpc.StatusCode.INTERNAL: "internal model_failed prediction_failed",
}
STATUSES: Final = {code: status for status, codes in _CODES.items() for code in codes.split()}
"""By the codes of `service.errors` that a prediction may come to."""


def status_of(error: ServiceError) -> grpc.StatusCode:
    """What a client is told; whatever is not in the table is a defect of ours."""
    return STATUSES.get(error.code, grpc.StatusCode.INTERNAL)
