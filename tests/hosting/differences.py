"""Every kind of request that Podium and MLflow's scoring server read differently, with reasons.

Each is a signature, a request, what MLflow hands the model, and what Podium does.
"""

from typing import Any, Final

from tests.contract.signatures import column, tensor

Different = tuple[list[dict[str, Any]], dict[str, Any], str, str]


def _one(type_: str, value: Any, *, required: bool = True) -> tuple[Any, Any]:
    return [column(type_, "c", required=required)], {"dataframe_records": [{"c": value}]}


def _listed(type_: str, *values: Any, required: bool = True) -> tuple[Any, Any]:
    return [column(type_, "c", required=required)], {"inputs": {"c": list(values)}}


# MLflow casts before it checks.
_CAST: Final = [
    (*_one("long", 1.7), "", ""),
    (*_listed("long", 1.7), "", ""),
    (*_one("long", "7"), "", ""),
    (*_one("long", True), "", ""),
    (*_one("integer", 2**40), "", ""),
    (*_one("boolean", "false"), "", ""),
    (*_one("boolean", 2), "", ""),
    (*_one("double", "3.5"), "", ""),
    (*_one("double", True), "", ""),
    (*_one("double", 2**53 + 1), "", ""),
    (*_one("float", 1e300), "", ""),
    (*_one("string", 5), "", ""),
    (*_one("string", {"a": 1}), "", ""),
    (*_listed("string", 5), "", ""),
    (*_one("binary", "***"), "", ""),
    (*_one("datetime", 1700000000), "", ""),
    ([tensor("int64", [-1])], {"inputs": [1.7]}, "", ""),
    ([tensor("uint8", [-1])], {"inputs": [True]}, "", ""),
    ([tensor("float32", [-1])], {"inputs": ["1.5"]}, "", ""),
    ([tensor("str", [-1])], {"inputs": [5]}, "", ""),
]
