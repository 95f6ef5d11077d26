"""Rows and tensors as requests of the Open Inference Protocol, and its replies as records."""

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from math import nan, prod
from typing import Any, Final, Literal, NamedTuple

Entries = Sequence[Mapping[str, Any]]
Form = Literal["flat", "nested", "raw"]
FORMS: Final[tuple[Form, ...]] = ("flat", "nested", "raw")

# The datatype of each type, and how `struct` writes one of its values; BYTES for all others.
_NUMBERS: Final = {
    "boolean": ("BOOL", "?"),
    "integer": ("INT32", "i"),
    "long": ("INT64", "q"),
    "float": ("FP32", "f"),
    "double": ("FP64", "d"),
    "bool": ("BOOL", "?"),
    "float16": ("FP16", "e"),
    "float32": ("FP32", "f"),
    "float64": ("FP64", "d"),
    **{
        f"int{bits}": (f"INT{bits}", letter)
        for bits, letter in zip((8, 16, 32, 64), "bhiq", strict=True)
    },
    **{
        f"uint{bits}": (f"UINT{bits}", letter)
        for bits, letter in zip((8, 16, 32, 64), "BHIQ", strict=True)
    },
}
_TEXTS: Final = frozenset({"string", "datetime", "str"})


class TensorBody(NamedTuple):
    """A request's body, and how much of it is JSON; None: all."""

    body: bytes
    json_bytes: int | None

    @property
    def headers(self) -> dict[str, str]:
        """What clients send with it: no media type."""
        length = self.json_bytes
        return {} if length is None else {"inference-header-content-length": str(length)}


def of_rows(entries: Entries, rows: Sequence[Mapping[str, Any]], form: Form) -> TensorBody:
    """A tensor for each column that any row has; what a row lacks is null."""
    columns = [
        (entry, [row.get(entry["name"]) for row in rows])
        for entry in entries
        if entry["required"] or any(entry["name"] in row for row in rows)
    ]
    shape = [len(rows)] if form != "nested" else [len(rows), 1]
    return _message([(each["name"], each["type"], shape, values) for each, values in columns], form)


def of_arrays(
    entries: Entries, shapes: Sequence[Sequence[int]], flat: Sequence[Sequence[Any]], form: Form
) -> TensorBody:
    """Tensors of these shapes and elements."""
    tensors = [
        (entry.get("name", "input-0"), entry["tensor-spec"]["dtype"], list(shape), list(values))
        for entry, shape, values in zip(entries, shapes, flat, strict=True)
    ]
    return _message(tensors, form)


def _message(tensors: Sequence[tuple[str, str, list[int], list[Any]]], form: Form) -> TensorBody:
    inputs, pieces = [], []
    for name, type_, shape, values in tensors:
        datatype = _NUMBERS[type_][0] if type_ in _NUMBERS else "BYTES"
        tensor: dict[str, Any] = {"name": name, "shape": shape, "datatype": datatype}
        raw = _raw(type_, values) if form == "raw" else None
        if raw is None:
            listed = [_element(type_, value) for value in values]
            tensor["data"] = _nested(listed, shape) if form == "nested" else listed
        else:
            tensor["parameters"] = {"binary_data_size": len(raw)}
            pieces.append(raw)
        inputs.append(tensor)
    text = json.dumps({"inputs": inputs}).encode()
    return TensorBody(b"".join((text, *pieces)), len(text) if form == "raw" else None)


def _element(type_: str, value: Any) -> Any:
    if value is None or type_ in _NUMBERS or type_ in _TEXTS or type_ == "binary":
        return value
    return json.dumps(value)


def _raw(type_: str, values: Sequence[Any]) -> bytes | None:
    """None where a null has no raw bytes."""
    if type_ in ("float", "double"):
        values = [nan if value is None else value for value in values]
    if None in values:
        return None
    if type_ in _NUMBERS:
        letter = _NUMBERS[type_][1]
        whole = letter in "bhiqBHIQ"
        return struct.pack(f"<{len(values)}{letter}", *(int(v) if whole else v for v in values))
    return b"".join(map(_behind_its_length, (_bytes(type_, value) for value in values)))


def _bytes(type_: str, value: Any) -> bytes:
    if type_ == "binary":
        return base64.b64decode(value)
    text: str = _element(type_, value)
    return text.encode()


def _behind_its_length(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def _nested(values: Sequence[Any], shape: Sequence[int]) -> list[Any]:
    listed = list(values)
    for length in reversed(shape[1:]):
        listed = [listed[at : at + length] for at in range(0, len(listed), length or 1)]
    return listed


def outputs_of(body: bytes, json_bytes: int | None) -> dict[str, list[Any]]:
    """The elements of each output of a reply, as JSON has them; NaN and NaT are null."""
    found, start = {}, json_bytes or len(body)
    for output in json.loads(body[:json_bytes])["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            found[output["name"]] = output["data"]
        else:
            raw, start = body[start : start + size], start + size
            found[output["name"]] = _read(output["datatype"], raw, prod(output["shape"]))
        assert len(found[output["name"]]) == prod(output["shape"])
    assert start == len(body)
    return found


def _read(datatype: str, raw: bytes, count: int) -> list[Any]:
    letters = dict(_NUMBERS.values())
    if datatype in letters:
        numbers = struct.unpack(f"<{count}{letters[datatype]}", raw)
        return [None if number != number else number for number in numbers]  # noqa: PLR0124 - NaN alone is not itself
    texts, start = list[str](), 0
    while start < len(raw):
        (length,) = struct.unpack_from("<I", raw, start)
        start += 4 + length
        texts.append(raw[start - length : start].decode(errors="surrogateescape"))
    return texts
