"""MLflow's error codes that mean something to HTTP, and what its errors say beside them.

(mlflow/exceptions.py, `ERROR_CODE_TO_HTTP_STATUS`; mlflow/error_classification.py)
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def _class(name: str) -> Mapping[str, str]:
    state = "XXM00" if name == "CLIENT_INTERNAL_ERROR" else "KAM00"
    return {"sqlstate": state, "error_class": name}


_INTERNAL: Final = _class("CLIENT_INTERNAL_ERROR")
_MISSING: Final = _class("RESOURCE_NOT_FOUND")
_DENIED: Final = _class("PERMISSION_DENIED")
_INVALID: Final = _class("INVALID_PARAMETER_VALUE")

MLFLOW_CODES: Final[Mapping[str, Mapping[str, str]]] = {
    "BAD_REQUEST": _INVALID,
    "INVALID_PARAMETER_VALUE": _INVALID,
    "RESOURCE_ALREADY_EXISTS": _class("RESOURCE_ALREADY_EXISTS"),
    "CUSTOMER_UNAUTHORIZED": _DENIED,
    "UNAUTHENTICATED": _NOTHING,
    "PERMISSION_DENIED": _DENIED,
    "ENDPOINT_NOT_FOUND": _MISSING,
    "NOT_FOUND": _MISSING,
    "RESOURCE_DOES_NOT_EXIST": _MISSING,
    "ABORTED": _NOTHING,
    "ALREADY_EXISTS": _NOTHING,
    "RESOURCE_CONFLICT": _NOTHING,
    "REQUEST_LIMIT_EXCEEDED": _NOTHING,
    "RESOURCE_EXHAUSTED": _NOTHING,
    "CANCELLED": _NOTHING,
    "DATA_LOSS": _NOTHING,
    "INTERNAL_ERROR": _INTERNAL,
    "INVALID_STATE": _INTERNAL,
    "NOT_IMPLEMENTED": _NOTHING,
    "TEMPORARILY_UNAVAILABLE": _INTERNAL,
    "DEADLINE_EXCEEDED": _NOTHING,
}
