"""MLflow's error codes that have an HTTP status of their own, and what its errors say beside them.

(mlflow/exceptions.py, `ERROR_CODE_TO_HTTP_STATUS`; mlflow/error_classification.py)
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def _class(name: str) -> Mapping[str, str]:
    state = "XXM00" if name == "CLIENT_INTERNAL_ERROR" else "KAM00"
    return {"sqlstate": state, "error_class": name}


class MlflowCode(NamedTuple):
    """What stands for one code in a reply."""

    status: int
    classes: Mapping[str, str] = _NOTHING


_INTERNAL: Final = _class("CLIENT_INTERNAL_ERROR")
_MISSING: Final = _class("RESOURCE_NOT_FOUND")
_DENIED: Final = _class("PERMISSION_DENIED")
_INVALID: Final = _class("INVALID_PARAMETER_VALUE")

MLFLOW_CODES: Final[Mapping[str, MlflowCode]] = {
    "BAD_REQUEST": MlflowCode(400, _INVALID),
    "INVALID_PARAMETER_VALUE": MlflowCode(400, _INVALID),
    "RESOURCE_ALREADY_EXISTS": MlflowCode(400, _class("RESOURCE_ALREADY_EXISTS")),
    "CUSTOMER_UNAUTHORIZED": MlflowCode(401, _DENIED),
    "UNAUTHENTICATED": MlflowCode(401),
    "PERMISSION_DENIED": MlflowCode(403, _DENIED),
    "ENDPOINT_NOT_FOUND": MlflowCode(404, _MISSING),
    "NOT_FOUND": MlflowCode(404, _MISSING),
    "RESOURCE_DOES_NOT_EXIST": MlflowCode(404, _MISSING),
    "ABORTED": MlflowCode(409),
    "ALREADY_EXISTS": MlflowCode(409),
    "RESOURCE_CONFLICT": MlflowCode(409),
    "REQUEST_LIMIT_EXCEEDED": MlflowCode(429),
    "RESOURCE_EXHAUSTED": MlflowCode(429),
    "CANCELLED": MlflowCode(499),
    "DATA_LOSS": MlflowCode(500),
    "INTERNAL_ERROR": MlflowCode(500, _INTERNAL),
    "INVALID_STATE": MlflowCode(500, _INTERNAL),
    "NOT_IMPLEMENTED": MlflowCode(501),
    "TEMPORARILY_UNAVAILABLE": MlflowCode(503, _INTERNAL),
    "DEADLINE_EXCEEDED": MlflowCode(504),
}
