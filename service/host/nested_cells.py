"""Nested values as MLflow's enforcement leaves them, or as a type hint takes them.

In a DataFrame scalars in objects and maps are numpy's; those in an array are Python's, numbers of
32 bits excepted, which the enforcement makes Python's; an array of datetimes is numpy's, because
lists of them become integers there. Null in an array is NaN or NaT, elsewhere None
(mlflow/models/utils.py, `_enforce_datatype`, `_enforce_array`).
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

NestedEntry = Mapping[str, Any]
Build = Callable[[Any], Any]

_NAT: Final = np.iinfo(np.int64).min
_NAN: Final = float("nan")


def _same(value: Any) -> Any:
    return value


# The enforcement takes no pandas Timestamp in an object, and makes one of numpy's.
_IN_OBJECTS: Final[Mapping[str, Build]] = {
    "boolean": np.bool_,
    "integer": np.int32,
    "long": np.int64,
    "float": np.float32,
    "double": np.float64,
    "string": _same,
    "binary": base64.b64decode,
    "datetime": lambda time: np.datetime64(time, "ns"),
}
_IN_ARRAYS: Final[Mapping[str, Build]] = {
    "boolean": _same,
    "integer": np.int32,
    "long": _same,
    "float": lambda value: np.float32(_NAN if value is None else value),
    "double": lambda value: _NAN if value is None else value,
    "string": _same,
    "binary": base64.b64decode,
}
_HINTED: Final[Mapping[str, Build]] = {
    **dict.fromkeys(("boolean", "integer", "long", "float", "double", "string"), _same),
    "binary": base64.b64decode,
    "datetime": datetime.fromisoformat,
}


def cells(entry: NestedEntry, values: Sequence[Any], *, arrays: bool) -> list[Any]:
    """The values of a column of that type, one a row, from what the wire has."""
    build = _nullable(_enforced(entry))
    built = [build(value) for value in values]
    if not arrays:
        return built
    return [_as_array(cell, of_any=_innermost(entry) == "any") for cell in built]


def hinted(entry: NestedEntry, values: Sequence[Any]) -> list[Any]:
    """The same for a list of which a type hint takes each value."""
    build = _nullable(_nested(entry, _hinted, _HINTED))
    return [build(value) for value in values]


def _enforced(entry: NestedEntry) -> Build:
    items = entry.get("items", entry)["type"]
    if entry["type"] == "array" and items == "datetime":
        return _times
    if entry["type"] == "array" and items in _IN_ARRAYS:
        return _each(_IN_ARRAYS[items])
    return _nested(entry, _enforced, _IN_OBJECTS)


def _hinted(entry: NestedEntry) -> Build:
    return _nested(entry, _hinted, _HINTED)


def _nested(
    entry: NestedEntry, inner: Callable[[NestedEntry], Build], leaves: Mapping[str, Build]
) -> Build:
    match entry["type"]:
        case "array":
            return _each(_nullable(inner(entry["items"])))
        case "map":
            return _each_value(_nullable(inner(entry["values"])))
        case "object":
            properties = entry["properties"]
            return _properties({name: _nullable(inner(properties[name])) for name in properties})
        case "any":
            return _same
    return leaves[entry["type"]]


def _nullable(build: Build) -> Build:
    return build if build is _same else lambda value: None if value is None else build(value)


def _each(build: Build) -> Build:
    return _same if build is _same else lambda values: [build(value) for value in values]


def _each_value(build: Build) -> Build:
    return lambda found: {key: build(value) for key, value in found.items()}


def _properties(builds: Mapping[str, Build]) -> Build:
    return lambda found: {name: builds[name](value) for name, value in found.items()}


def _times(values: Sequence[int | None]) -> Any:
    if not values:
        return []
    return np.array([_NAT if time is None else time for time in values]).view("datetime64[ns]")


def _as_array(cell: Any, *, of_any: bool) -> Any:
    try:
        made = np.array(cell)
    except ValueError:
        # Ragged lists make no array; MLflow fails on them.
        return cell
    if cell is None or (of_any and not _alike(made.tolist(), cell)):
        return cell
    return made


def _innermost(entry: NestedEntry) -> Any:
    while entry["type"] == "array":
        entry = entry["items"]
    return entry["type"]


def _alike(made: Any, sent: Any) -> bool:
    # numpy writes a number beside text as text, and true beside a number as 1.
    if type(made) is list and type(sent) is list:
        return len(made) == len(sent) and all(map(_alike, made, sent))
    numbers = {type(made), type(sent)} <= {int, float}
    return bool((numbers or type(made) is type(sent)) and made == sent)
