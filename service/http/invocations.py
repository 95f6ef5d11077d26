"""MLflow's scoring protocol, as `mlflow models serve` speaks it, without its faults.

The same routes, replies and error shape (mlflow/pyfunc/scoring_server/__init__.py and
mlflow/exceptions.py). A model that raises an exception of MLflow's is answered with its status and
code. Different on purpose: any other exception of a model gives 500 instead of 400, and no message
holds the client's rows, the model's text or a stack trace (P14).
"""

from collections.abc import Callable, Mapping
from importlib import metadata
from time import monotonic
from typing import Any

import orjson
from fastapi import APIRouter, Response

from service.errors import FieldError, InvalidInput, ModelRaisedMlflow, ServiceError
from service.following.servable import Binding
from service.following.slots import Slots
from service.following.waiting import seconds_until_ready
from service.http.errors import retry_after, status_of
from service.http.mlflow_codes import MLFLOW_CODES
from service.http.openapi_parts import REPLY_HEADERS, body_of, text, whole

# What MLflow's exceptions add to their code, so that a client of theirs finds every key.
_CLIENT = {"sqlstate": "KAM00", "error_class": "INVALID_PARAMETER_VALUE"}
_MISSING = {"sqlstate": "KAM00", "error_class": "RESOURCE_NOT_FOUND"}
_SERVER = {"sqlstate": "XXM00", "error_class": "CLIENT_INTERNAL_ERROR"}
# By status; MLflow has no code for 405, 413 and 415 and calls what it refuses a bad request.
_CODES: Mapping[int, tuple[str, Mapping[str, str]]] = {
    401: ("UNAUTHENTICATED", {}),
    403: ("PERMISSION_DENIED", {}),
    404: ("RESOURCE_DOES_NOT_EXIST", _MISSING),
    410: ("RESOURCE_DOES_NOT_EXIST", _MISSING),
    429: ("REQUEST_LIMIT_EXCEEDED", {}),
    500: ("INTERNAL_ERROR", _SERVER),
    503: ("TEMPORARILY_UNAVAILABLE", _SERVER),
    504: ("DEADLINE_EXCEEDED", {}),
}
_FIRST_SERVER_ERROR = 500
_BARE = {"title": "Predictions", "description": "Not wrapped, in answer to a chat-style body."}


class MlflowDialect:
    """MLflow's protocol for predictions."""

    route = "invocations"
    wraps_chats = False

    def enclosure(self, binding: Binding) -> tuple[bytes, bytes]:
        """The predictions alone; who computed them stands in the headers."""
        return b'{"predictions":', b"}"

    def refusal(self, error: ServiceError, request_id: str) -> tuple[int, bytes]:
        """MLflow's error: invalid input is 400, and a fault of ours names the request's id."""
        if isinstance(error, ModelRaisedMlflow) and error.error_code in MLFLOW_CODES:
            kept = MLFLOW_CODES[error.error_code]
            return kept.status, _body(error.error_code, _with_id(error, request_id), kept.classes)
        status = 400 if isinstance(error, InvalidInput) else status_of(error)
        code, classes = _CODES.get(status, ("BAD_REQUEST", _CLIENT))
        return status, _body(code, _message(error, status, request_id), classes)

    @property
    def responses(self) -> Mapping[str, Any]:
        """One version's answer, or MLflow's error."""
        error = "MlflowError"
        return {
            "200": body_of("Invocation", "The predictions of one version.", REPLY_HEADERS),
            "400": body_of(error, "The body does not fit the signature, or cannot be read."),
            "405": body_of(error, "The route takes POST alone."),
            "408": body_of(error, "The rest of the body did not come in time."),
            "410": body_of(error, "An operator has withdrawn the version."),
            "413": body_of(error, "The body is too large."),
            "415": body_of(error, "The media type or encoding is not read here."),
            "500": body_of(error, "The model failed on this request."),
            "503": body_of(error, "No version can answer now, or too much is waiting."),
            "504": body_of(error, "The model took too long."),
            "default": body_of(
                error, "The model raised an exception of MLflow's with this status."
            ),
        }

    @property
    def schemas(self) -> Mapping[str, Any]:
        """The shapes of `responses`."""
        optional = {"properties": text("error_code message sqlstate error_class")}
        return {
            "Invocation": {"anyOf": [whole({"predictions": {}}), _BARE]},
            "MlflowError": whole(text("error_code message")) | optional,
        }


def scoring_router(slots: Slots, stopping: Callable[[], bool]) -> APIRouter:
    """`/ping`, `/health` and `/version` of the default slot, with MLflow's own answers.

    Where there is none, they are about all slots, as `/health/ready` is.
    """
    router = APIRouter(tags=["MLflow's scoring protocol"])
    version = metadata.version("mlflow")

    @router.get("/ping", response_class=Response, responses=_PING)
    @router.get("/health", response_class=Response, responses=_PING)
    async def ping() -> Response:
        """A line feed; 503 while no version can answer on the default routes, or at the stop."""
        waited = [slots.default] if slots.has_default else [*slots.values()]
        ready = slots.default.ready if slots.has_default else slots.ready
        if ready and not stopping():
            return Response(b"\n", media_type="application/json")
        seconds = min((seconds_until_ready(slot, monotonic()) for slot in waited), default=1.0)
        name, value = retry_after(seconds)
        headers = {name.decode(): value.decode()}
        return Response(b"\n", 503, headers, media_type="application/json")

    @router.get("/version", response_class=Response)
    async def mlflow_version() -> Response:
        """The version of MLflow whose protocol this is, as bare text."""
        return Response(version, media_type="application/json")

    return router


_PING: dict[int | str, dict[str, Any]] = {503: {"description": "No version can answer."}}


def _message(error: ServiceError, status: int, request_id: str) -> str:
    if isinstance(error, InvalidInput):
        return " ".join([error.message, *map(_sentence, error.errors)])
    return _with_id(error, request_id) if status >= _FIRST_SERVER_ERROR else error.message


def _with_id(error: ServiceError, request_id: str) -> str:
    return f"{error.message} (request {request_id})"


def _body(code: str, message: str, classes: Mapping[str, str]) -> bytes:
    return orjson.dumps({"error_code": code, "message": message, **classes})


def _sentence(error: FieldError) -> str:
    return f"{'.'.join(map(str, error.loc))}: {error.msg}"
