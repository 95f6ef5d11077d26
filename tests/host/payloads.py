"""Signatures and requests for them, drawn by Hypothesis: valid, and sometimes spoilt."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import prod
from typing import Any, Final

import hypothesis.strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from service.contract.formats.table_formats import FORMATS
from tests.contract.signatures import column, tensor

Entries = list[dict[str, Any]]
Nested = Any

_TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def _integers(bits: int, *, signed: bool = True) -> SearchStrategy[int]:
    if signed:
        return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
    return st.integers(0, (1 << bits) - 1)


def _floats(width: Any, digits: int) -> SearchStrategy[float]:
    exact = st.integers(-(1 << digits), 1 << digits)
    return st.floats(allow_nan=False, allow_infinity=False, width=width) | exact


SCALARS: Final[Mapping[str, SearchStrategy[Any]]] = {
    "boolean": st.booleans(),
    "integer": _integers(32),
    "long": _integers(64),
    "float": _floats(32, 24),
    "double": _floats(64, 53),
    "string": _TEXT,
    "binary": st.binary(max_size=5).map(lambda data: base64.b64encode(data).decode()),
    "datetime": st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(datetime.isoformat),  # noqa: DTZ001 - zones have their own tests
}
ELEMENTS: Final[Mapping[str, SearchStrategy[Any]]] = {
    "bool": st.booleans(),
    "int8": _integers(8),
    "int16": _integers(16),
    "int32": _integers(32),
    "int64": _integers(64),
    "uint8": _integers(8, signed=False),
    "uint16": _integers(16, signed=False),
    "uint32": _integers(32, signed=False),
    "uint64": _integers(64, signed=False),
    "float16": _floats(16, 11),
    "float32": _floats(32, 24),
    "float64": _floats(64, 53),
    # numpy's text cannot end with NUL.
    "str": _TEXT.map(lambda text: text.rstrip("\0")),
}
JUNK: Final[SearchStrategy[Any]] = st.sampled_from(
    [None, "x", "", 1.5, 5, -1, 1e300, 2**63, True, [], [1], {}, "1970"]
)
NULLABLE: Final = SCALARS.keys() - {"integer", "long"}
# Such as arrays of them can hold in numpy.
_IN_ARRAYS: Final[Mapping[str, SearchStrategy[Any]]] = {
    **SCALARS,
    "string": _TEXT.map(lambda text: text.rstrip("\0")),
    "binary": st.binary(max_size=5).map(lambda data: base64.b64encode(data.rstrip(b"\0")).decode()),
    **{type_: SCALARS[type_] | st.none() for type_ in ("float", "double", "datetime")},
}
ANYTHING: Final[SearchStrategy[Any]] = st.recursive(
    st.none()
    | st.booleans()
    | _integers(64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)


def types(*, depth: int = 3) -> SearchStrategy[dict[str, Any]]:
    """Types of MLflow as a column, a property, `items` or `values` has them."""
    leaves = st.sampled_from([*SCALARS, "any"]).map(lambda name: {"type": name})
    if not depth:
        return leaves
    inner = types(depth=depth - 1)
    # MLflow cannot read a signature with a property of that name (mlflow/types/schema.py).
    names = _TEXT.filter("cls".__ne__)
    properties = st.dictionaries(names, st.tuples(inner, st.booleans()), min_size=1, max_size=3)
    return st.one_of(
        leaves,
        inner.map(lambda items: {"type": "array", "items": items}),
        inner.map(lambda values: {"type": "map", "values": values}),
        properties.map(_object),
    )


def _object(properties: Mapping[str, tuple[dict[str, Any], bool]]) -> dict[str, Any]:
    # MLflow sorts them.
    each = {name: {**type_, "required": need} for name, (type_, need) in sorted(properties.items())}
    return {"type": "object", "properties": each}


def values_of(entry: Mapping[str, Any], *, required: bool = True) -> SearchStrategy[Any]:
    """Values that the contract takes for a type: null among them, where MLflow has null."""
    bare = _bare(entry, required=required)
    return bare if required or entry["type"] == "any" else st.none() | bare


def _bare(entry: Mapping[str, Any], *, required: bool) -> SearchStrategy[Any]:
    match entry["type"]:
        case "array" if entry["items"]["type"] in SCALARS:
            return st.lists(_IN_ARRAYS[entry["items"]["type"]], max_size=3)
        case "array":
            return st.lists(values_of(entry["items"], required=required), max_size=3)
        case "map":
            inner = values_of(entry["values"], required=required)
            return st.dictionaries(_TEXT, inner, max_size=3)
        case "object":
            return _objects(entry["properties"])
        case "any":
            return ANYTHING
    return SCALARS[entry["type"]]


def _objects(properties: Mapping[str, Mapping[str, Any]]) -> SearchStrategy[Any]:
    needed = {name: values_of(each) for name, each in properties.items() if each["required"]}
    others = {
        name: values_of(each, required=False)
        for name, each in properties.items()
        if not each["required"]
    }
    return st.fixed_dictionaries(needed, optional=others)


@st.composite
def signatures(draw: DrawFn) -> Entries:
    """Columns or tensors, named or not."""
    if draw(st.booleans()):
        return draw(_tensors())
    types = draw(st.lists(st.sampled_from(sorted(SCALARS)), min_size=1, max_size=4))
    if not draw(st.booleans()):
        return [column(type_) for type_ in types]
    names = draw(_names(len(types)))
    return [
        column(type_, name, required=draw(st.booleans()))
        for type_, name in zip(types, names, strict=True)
    ]


@st.composite
def _tensors(draw: DrawFn) -> Entries:
    names = draw(st.sampled_from([(None,), ("t",), ("t", "u")]))
    return [
        tensor(
            draw(st.sampled_from(sorted(ELEMENTS))),
            draw(st.lists(st.sampled_from([-1, -1, 1, 2]), max_size=3)),
            name,
        )
        for name in names
    ]


@st.composite
def optional_columns(draw: DrawFn) -> Entries:
    """Two columns that may be null or absent, beside one that is always there."""
    types = [draw(st.sampled_from(sorted(NULLABLE))) for _ in range(2)]
    optional = [column(type_, f"c{place}", required=False) for place, type_ in enumerate(types)]
    return [column("double", "d"), *optional]


def text_tensors() -> SearchStrategy[Entries]:
    """Text, whose dtype depends on how long it is."""
    return st.sampled_from([[tensor("str", shape)] for shape in ([-1], [-1, 1], [-1, 2])])


def _names(count: int) -> SearchStrategy[list[Any]]:
    # By integers MLflow numbers a DataFrame without names. It stumbles over a 0 anywhere but first
    # (mlflow/types/schema.py, `input_names`), with its own input too.
    texts = st.lists(_TEXT.filter(bool), min_size=count, max_size=count, unique=True)
    return texts | st.just(list(range(count)))


@st.composite
def bodies(draw: DrawFn, entries: Entries, *, spoilt: bool) -> dict[str, Any]:
    """A request for the signature; `spoilt`: now and then with something that may not fit."""
    if entries[0]["type"] == "tensor":
        framed = all(_fits_a_table(entry["tensor-spec"]["shape"]) for entry in entries)
        form = draw(st.sampled_from(FORMATS if framed else ("instances", "inputs")))
        return {form: draw(_tensor_payload(entries, form, spoilt=spoilt))}
    form, rows = draw(st.sampled_from(FORMATS)), draw(st.integers(1, 3))
    columns = [draw(_values(entry, rows, spoilt=spoilt)) for entry in entries]
    if not any(columns):
        columns[0] = draw(_values({**entries[0], "required": True}, rows, spoilt=spoilt))
    names = [entry.get("name", f"x{place}") for place, entry in enumerate(entries)]
    present = [(n, c) for n, c in zip(names, columns, strict=True) if c is not None]
    return {form: draw(_laid_out(form, present, named="name" in entries[0]))}


def _fits_a_table(shape: list[int]) -> bool:
    return shape[:1] == [-1] and -1 not in shape[1:]


@st.composite
def _values(draw: DrawFn, entry: dict[str, Any], rows: int, *, spoilt: bool) -> Any:
    if not entry["required"] and draw(st.integers(0, 3)) == 0:
        return None
    value = SCALARS[entry["type"]]
    if not entry["required"] and entry["type"] in NULLABLE and draw(st.booleans()):
        value = value | st.none()
    values = draw(st.lists(value, min_size=rows, max_size=rows))
    return _maybe_spoil(draw, values) if spoilt else values


def _maybe_spoil(draw: DrawFn, values: list[Any]) -> list[Any]:
    if values and draw(st.integers(0, 9)) == 0:
        values[draw(st.integers(0, len(values) - 1))] = draw(JUNK)
    return values


@st.composite
def _laid_out(
    draw: DrawFn, form: str, columns: Sequence[tuple[Any, list[Any]]], *, named: bool
) -> Any:
    rows = [list(row) for row in zip(*(values for _, values in columns), strict=True)]
    names = [name for name, _ in columns]
    if form == "dataframe_split":
        header = {"columns": names} if named or draw(st.booleans()) else {}
        index = {"index": list(range(7, 7 + len(rows)))} if draw(st.integers(0, 4)) == 0 else {}
        return {**header, **index, "data": rows}
    if not named:
        return rows
    if form != "dataframe_records" and draw(st.booleans()):
        return {str(name): values for name, values in columns}
    return [dict(zip(map(str, names), row, strict=True)) for row in rows]


@st.composite
def _tensor_payload(draw: DrawFn, entries: Entries, form: str, *, spoilt: bool) -> Any:
    first = draw(st.integers(0 if spoilt else 1, 3))
    values = [
        draw(_nested(entry["tensor-spec"], first, flat="frame" in form, spoilt=spoilt))
        for entry in entries
    ]
    names = [entry.get("name", "t") for entry in entries]
    if form in ("instances", "inputs"):
        return dict(zip(names, values, strict=True)) if "name" in entries[0] else values[0]
    cells = zip(*(value if type(value) is list else [value] for value in values), strict=False)
    rows = [list(row) for row in cells]
    if form == "dataframe_split":
        return {"columns": names, "data": rows}
    return [dict(zip(names, row, strict=True)) for row in rows]


@st.composite
def _nested(draw: DrawFn, spec: dict[str, Any], first: int, *, flat: bool, spoilt: bool) -> Nested:
    # The free dimensions but the first are two long, so that requests can be joined.
    shape = [2 if length == -1 else length for length in spec["shape"]]
    if spec["shape"][:1] == [-1]:
        shape[0] = first
    size = prod(shape)
    value = ELEMENTS[spec["dtype"]]
    elements = draw(st.lists(value, min_size=size, max_size=size))
    if spoilt:
        elements = _maybe_spoil(draw, elements)
    if flat and len(shape) > 1:
        shape = [shape[0], size // max(shape[0], 1)]
    return _fold(elements, shape)


def _fold(elements: list[Any], shape: list[int]) -> Nested:
    if not shape:
        return elements[0]
    step = len(elements) // shape[0] if shape[0] else 0
    parts = (elements[place * step : (place + 1) * step] for place in range(shape[0]))
    return [_fold(part, shape[1:]) for part in parts]
