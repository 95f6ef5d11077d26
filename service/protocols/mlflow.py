"""MLflow's scoring protocol, as `mlflow models serve` speaks it, without its faults.

The same replies and error shape (mlflow/pyfunc/scoring_server/__init__.py and
mlflow/exceptions.py). A model that raises an exception of MLflow's is answered with its code.
Different on purpose: any other exception of a model is an error of the server's, and no message
holds the client's rows, the model's text or a stack trace (P14).
"""

from collections.abc import Mapping

import orjson

from service.errors import (
    ClientError,
    Forbidden,
    InvalidInput,
    ModelRaisedMlflow,
    NotNow,
    PredictionTimedOut,
    RateExceeded,
    ServiceError,
    Unauthorized,
    UnknownModel,
    Withdrawn,
)
from service.following.servable import Binding
from service.protocols.protocol import Enclosure, by_media_type, in_words, with_id

# The error classes of MLflow's codes (mlflow/error_classification.py); of those that
# mlflow/exceptions.py has a status for.
_CLASSES = {
    "INVALID_PARAMETER_VALUE": "BAD_REQUEST INVALID_PARAMETER_VALUE",
    "RESOURCE_ALREADY_EXISTS": "RESOURCE_ALREADY_EXISTS",
    "PERMISSION_DENIED": "CUSTOMER_UNAUTHORIZED PERMISSION_DENIED",
    "RESOURCE_NOT_FOUND": "ENDPOINT_NOT_FOUND NOT_FOUND RESOURCE_DOES_NOT_EXIST",
    "CLIENT_INTERNAL_ERROR": "INTERNAL_ERROR INVALID_STATE TEMPORARILY_UNAVAILABLE",
    "": "UNAUTHENTICATED ABORTED ALREADY_EXISTS RESOURCE_CONFLICT REQUEST_LIMIT_EXCEEDED "
    "RESOURCE_EXHAUSTED CANCELLED DATA_LOSS NOT_IMPLEMENTED DEADLINE_EXCEEDED",
}
MLFLOW_CODES = {code: name for name, codes in _CLASSES.items() for code in codes.split()}
"""The error class of each code of MLflow's that a reply keeps; empty where it has none."""
# By the nearest class. For most of what clients do wrong MLflow has no code but a bad request.
_NAMES: Mapping[type[ServiceError], str] = {
    Unauthorized: "UNAUTHENTICATED",
    Forbidden: "PERMISSION_DENIED",
    UnknownModel: "RESOURCE_DOES_NOT_EXIST",
    Withdrawn: "RESOURCE_DOES_NOT_EXIST",
    RateExceeded: "REQUEST_LIMIT_EXCEEDED",
    ClientError: "BAD_REQUEST",
    NotNow: "TEMPORARILY_UNAVAILABLE",
    PredictionTimedOut: "DEADLINE_EXCEEDED",
    ServiceError: "INTERNAL_ERROR",
}


class MlflowProtocol:
    """MLflow's protocol for predictions."""

    route = "invocations"
    parse = staticmethod(by_media_type)

    def enclosure(self, binding: Binding) -> Enclosure:
        """The predictions alone; who computed them stands in the headers."""
        return Enclosure((b'{"predictions":', b"}"), (b"", b""))

    def refuse(self, error: ServiceError, request_id: str) -> tuple[str, bytes]:
        """MLflow's error: invalid input is a bad request, a fault of ours names the request's id.

        The code is MLflow's own where a model has raised it, else the error's.
        """
        if isinstance(error, ModelRaisedMlflow) and error.error_code in MLFLOW_CODES:
            return error.error_code, _body(error.error_code, with_id(error, request_id))
        name = next(_NAMES[kind] for kind in type(error).__mro__ if kind in _NAMES)
        code = ClientError.code if isinstance(error, InvalidInput) else error.code
        return code, _body(name, in_words(error, request_id))


def _body(code: str, message: str) -> bytes:
    said = {"error_code": code, "message": message}
    if name := MLFLOW_CODES[code]:  # so that a client of MLflow's finds every key
        said["sqlstate"] = "XXM00" if name == "CLIENT_INTERNAL_ERROR" else "KAM00"
        said["error_class"] = name
    return orjson.dumps(said)
