"""Whether a model was handed exactly what a client has sent, by the signature alone.

Written down from the types of MLflow, and from neither of the two implementations: for every value
that was sent, the one value that means the same for its type.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

Entry = Mapping[str, Any]

_BITS = {"integer": 32, "long": 64}


def faithful(entries: Sequence[Entry], body: Mapping[str, Any], handed: Any) -> bool:
    """Every row that was sent is there, and every value in it is what was sent."""
    ((form, payload),) = ((form, body[form]) for form in body if form != "params")
    if entries[0]["type"] == "tensor":
        return _tensors(entries, form, payload, handed)
    # A list for a column of any type may be its value or its rows: MLflow reads it by what else
    # there is, and either is what was sent.
    return any(
        _as_sent(_columns(entries, form, payload, single), handed)
        for single in (("array", "any"), ("array",))
    )


def _as_sent(wanted: tuple[int, list[tuple[Entry, list[Any]]]] | None, handed: Any) -> bool:
    if wanted is None or not isinstance(handed, pd.DataFrame):
        return False
    rows, columns = wanted
    if not rows:
        return handed.empty
    labels = [entry.get("name", place) for place, (entry, _) in enumerate(columns)]
    if len(handed) != rows or list(handed.columns) != labels:
        return False
    got = [handed.iloc[:, place].tolist() for place in range(handed.shape[1])]
    return all(
        _same_column(entry, values, found)
        for (entry, values), found in zip(columns, got, strict=True)
    )


def _columns(
    entries: Sequence[Entry], form: str, payload: Any, single: Sequence[str]
) -> tuple[int, list[tuple[Entry, list[Any]]]] | None:
    """How many rows, and for each column of the signature that was sent its values."""
    records = _records(entries, form, payload, single)
    if records is None or not all(type(record) is dict for record in records):
        return None
    found = []
    for place, entry in enumerate(entries):
        name = str(entry.get("name", place))
        having = [name in record for record in records]
        if not any(having) and not entry["required"]:
            continue
        found.append((entry, [record.get(name) for record in records]))
    return len(records), found


def _records(
    entries: Sequence[Entry], form: str, payload: Any, single: Sequence[str]
) -> list[Any] | None:
    """The rows as objects; by position where the signature has no names."""
    named = "name" in entries[0]
    if form == "dataframe_split":
        names = payload.get("columns") if named else list(range(len(entries)))
        return [dict(zip(map(str, names), row, strict=True)) for row in payload["data"]]
    if type(payload) is dict:
        return _of_columns(entries, payload, single)
    if named:
        return payload if type(payload) is list else None
    rows = [list(row.values()) if type(row) is dict else row for row in payload]
    return [_by_position(row if type(row) is list else [row]) for row in rows]


def _of_columns(
    entries: Sequence[Entry], payload: Mapping[str, Any], single: Sequence[str]
) -> list[dict[str, Any]]:
    """One row of values; or as many as the lists are long, where those are no values themselves."""
    types = {entry["name"]: entry["type"] for entry in entries if "name" in entry}
    lists = [
        values
        for name, values in payload.items()
        if type(values) is list and types.get(name) not in single
    ]
    if not lists and not all(type(values) is list for values in payload.values()):
        return [dict(payload)]
    count = len((lists or [*payload.values()])[0])
    columns = {
        name: values if type(values) is list else [values] * count
        for name, values in payload.items()
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _by_position(row: Sequence[Any]) -> dict[str, Any]:
    return {str(place): value for place, value in enumerate(row)}


def _same_column(entry: Entry, sent: Sequence[Any], got: Sequence[Any]) -> bool:
    required = entry["required"]
    return len(sent) == len(got) and all(
        same(entry, value, found, required=required) for value, found in zip(sent, got, strict=True)
    )


def same(entry: Entry, sent: Any, got: Any, *, required: bool = True) -> bool:
    """Whether a value, however nested, means for its type what was sent."""
    if sent is None and entry["type"] != "any":
        return _is_null(got) and (not required or _holds_any(entry))
    match entry["type"]:
        case "array":
            found = _is_list(got) and type(sent) is list and len(sent) == len(got)
            return found and _each(entry["items"], sent, got, required=required)
        case "map":
            found = type(sent) is dict and type(got) is dict and sent.keys() == got.keys()
            values = [got[key] for key in sent] if found else []
            return found and _each(entry["values"], [*sent.values()], values, required=required)
        case "object":
            return _is_object(entry["properties"], sent, got)
        case "any":
            return bool(_plain(got) == _plain(sent))
        case name:
            return not _is_null(got) and _same_scalar(name, sent, got)


def _each(entry: Entry, sent: Sequence[Any], got: Sequence[Any], *, required: bool) -> bool:
    # An optional column may have nulls at every depth; and where numpy has NaN or NaT for them.
    needed = required and entry["type"] not in ("float", "double", "datetime")
    return all(
        same(entry, value, found, required=needed) for value, found in zip(sent, got, strict=True)
    )


def _holds_any(entry: Entry) -> bool:
    # MLflow takes null for these, required or not.
    inner = entry.get("items", entry.get("values", {}))
    return bool(inner.get("type") == "any")


def _is_object(properties: Mapping[str, Entry], sent: Any, got: Any) -> bool:
    if type(sent) is not dict or type(got) is not dict or sent.keys() != got.keys():
        return False
    return sent.keys() <= properties.keys() and all(
        same(properties[key], value, got[key], required=properties[key]["required"])
        for key, value in sent.items()
    )


def _same_scalar(name: str, sent: Any, got: Any) -> bool:
    kind = type(sent)
    match name:
        case "boolean" | "bool":
            return kind is bool and isinstance(got, bool | np.bool_) and bool(got) is sent
        case "string" | "str":
            return kind is str and isinstance(got, str) and got == sent
        case "binary":
            return kind is str and isinstance(got, bytes) and _decoded(sent) == got
        case "datetime":
            return kind is str and _moment(sent) == _moment(got)
        case _:
            return kind in (int, float) and _same_number(name, sent, got)


def _same_number(name: str, sent: float, got: Any) -> bool:
    if isinstance(got, bool | np.bool_ | str | bytes):
        return False
    if name in ("float", "float16", "float32"):
        nearest = np.float16(sent) if name == "float16" else np.float32(sent)
        exact = type(sent) is float or int(nearest) == sent if math.isfinite(nearest) else False
        return bool(exact and nearest == got)
    # Python compares integers and floats by their values, without rounding either.
    return bool(sent == got)


def _decoded(sent: str) -> bytes | None:
    try:
        return base64.b64decode(sent, validate=True)
    except ValueError:
        return None


def _moment(value: Any) -> pd.Timestamp | None:
    try:
        moment = pd.Timestamp(value)
    except (ValueError, TypeError):
        return None
    return moment if moment.tz is None else moment.tz_convert(None)


def _is_null(got: Any) -> bool:
    if isinstance(got, np.datetime64):
        return bool(np.isnat(got))
    return (
        got is None or got is pd.NaT or (isinstance(got, float | np.floating) and math.isnan(got))
    )


def _is_list(got: Any) -> bool:
    return isinstance(got, list) or (isinstance(got, np.ndarray) and got.ndim > 0)


def _plain(value: Any) -> Any:
    """Lists for arrays, Python's values for numpy's; with the types that Python confuses."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return (isinstance(value, bool), isinstance(value, str), None if _is_null(value) else value)


def _tensors(entries: Sequence[Entry], form: str, payload: Any, handed: Any) -> bool:
    named = "name" in entries[0]
    sent = _tensor_values(entries, form, payload)
    arrays = handed if named else {None: handed}
    if sent is None or not isinstance(arrays, dict):
        return False
    return all(
        isinstance(arrays.get(entry.get("name")), np.ndarray)
        and _same_tensor(entry["tensor-spec"]["dtype"], values, arrays[entry.get("name")])
        for entry, values in zip(entries, sent, strict=True)
    )


def _tensor_values(entries: Sequence[Entry], form: str, payload: Any) -> list[Any] | None:
    """For each tensor what was sent, flattened."""
    named = "name" in entries[0]
    if form in ("inputs", "instances"):
        if not named:
            return [_flat(payload)]
        return [_flat(payload[entry["name"]]) for entry in entries]
    if form == "dataframe_split":
        names, rows = payload["columns"], payload["data"]
    else:
        names, rows = list(payload[0]) if payload else [], [list(row.values()) for row in payload]
    if not named:
        return [_flat(rows)]
    return [_flat([row[names.index(entry["name"])] for row in rows]) for entry in entries]


def _flat(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _flat(item)] if type(value) is list else [value]


def _same_tensor(dtype: str, sent: Sequence[Any], got: "np.ndarray[Any, Any]") -> bool:
    found = got.reshape(-1).tolist()
    right = got.dtype.kind == "U" if dtype == "str" else str(got.dtype) == dtype
    return (
        right
        and len(sent) == len(found)
        and all(_same_scalar(dtype, value, each) for value, each in zip(sent, found, strict=True))
    )
