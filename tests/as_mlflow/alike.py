"""Requests that MLflow reads rightly, and Podium therefore in the same way.

Of every type, in every format and notation that each has.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from tests.as_mlflow.chat_differences import CHAT, TURNS
from tests.contract.signatures import (
    ANY,
    array,
    column,
    map_of,
    nested,
    object_of,
    param,
    tensor,
)
from tests.host.handed import Entries
from tests.host.payloads import ELEMENTS

Case = tuple[Entries, Any]
"""A signature, and a body or the columns of a file."""
_PROMPT: Final = column("string", "prompt")
# Of each type two values that MLflow reads rightly.
VALUES: Final[Mapping[str, list[Any]]] = {
    "boolean": [True, False],
    "integer": [2**31 - 1, -(2**31)],
    "long": [2**63 - 1, -(2**63)],
    "float": [0.1, 3],
    "double": [0.1, 3],
    "string": ["a", "5"],
    "binary": ["aGk=", "AAE="],
    "datetime": ["2026-05-01T10:00:00.123456789", "1999-12-31T23:59:59.000000001"],
}
# Where nulls too arrive in MLflow as what they are.
NULLS: Final = [
    *((type_, form) for type_ in ("float", "double", "datetime") for form in ("frame", "tensor")),
    ("string", "frame"),
]
ELEMENT_VALUES: Final[Mapping[str, list[Any]]] = {
    "bool": [True, False, True, True],
    "str": ["a", "", "ä", "longer"],
    **{dtype: [0.1, 1, 2.5, -3] for dtype in ("float16", "float32", "float64")},
    **{f"int{bits}": [0, 1, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1] for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": [0, 1, 2, 2**bits - 1] for bits in (8, 16, 32)},
    "uint64": [0, 1, 2, 2**63],
}


def frames(*columns: list[Any], names: list[str]) -> Iterator[dict[str, Any]]:
    """The columns in every way that `dataframe_*` has."""
    rows = [list(row) for row in zip(*columns, strict=True)]
    yield {"dataframe_split": {"columns": names, "data": rows}}
    yield {"dataframe_split": {"columns": names, "index": ["r", "s"], "data": rows}}
    yield {"dataframe_split": {"columns": names, "index": [7, 7], "data": rows}}
    yield {
        "dataframe_split": {"columns": ["z", *names[::-1]], "data": [[0, *r[::-1]] for r in rows]}
    }
    yield {"dataframe_records": [dict(zip(names, row, strict=True)) for row in rows]}


def lists(*columns: list[Any], names: list[str]) -> Iterator[dict[str, Any]]:
    """The columns in every way that `inputs` and `instances` have."""
    by_name = dict(zip(names, columns, strict=True))
    records = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    for form in ("inputs", "instances"):
        yield {form: {**by_name, "z": [0, 0]}}
        yield {form: records}
        yield {form: {name: values[0] for name, values in by_name.items()}}


def _named_columns(type_: str, *, required: bool) -> Iterator[Case]:
    """Alone and beside a double."""
    ways = [frames] if type_ == "binary" else [frames, lists]
    values, named = VALUES[type_], column(type_, "c", required=required)
    for way in ways:
        for body in way(values, names=["c"]):
            yield [named], body
        for body in way(values, [0.5, 2], names=["c", "d"]):
            yield [named, column("double", "d")], body
    if type_ != "binary":
        yield [named], {"inputs": values}
        yield [named], {"instances": values}


def _nulls(type_: str, form: str) -> Iterator[Case]:
    """Of optional columns, beside values and without any."""
    way = frames if form == "frame" else lists
    entries = [column(type_, "c", required=False), column("double", "d")]
    for places in ([1], [None, 1], [1, None], [None, None]):
        there = [VALUES[type_][0] if place else None for place in places] * (3 - len(places))
        for body in way(there, [0.5, 2], names=["c", "d"]):
            yield entries, body


def _absent_columns(type_: str) -> Iterator[Case]:
    """Optional ones stay absent."""
    entries = [column(type_, "c", required=False), column("double", "d")]
    for way in (frames, lists):
        for body in way([0.5, 2], names=["d"]):
            yield entries, body


def _unnamed_columns(type_: str) -> Iterator[Case]:
    """Where the request does not name them either."""
    values = VALUES[type_]
    rows, beside = [[value] for value in values], [[value, 0.5] for value in values]
    framed = [{"dataframe_split": {"data": rows}}, {"dataframe_records": rows}]
    listed = [{"inputs": rows}, {"instances": rows}, {"inputs": values}, {"inputs": values[0]}]
    for body in framed if type_ == "binary" else framed + listed:
        yield [column(type_)], body
    for body in ({"dataframe_split": {"data": beside}}, {"dataframe_records": beside}):
        yield [column(type_), column("double")], body


def _columns_named_by_integers() -> Iterator[Case]:
    """As in a signature that was inferred from a DataFrame without names."""
    entries = [column("double", 0), column("long", 1)]
    yield entries, {"dataframe_split": {"columns": [0, 1], "data": [[0.5, 2]]}}
    yield entries, {"dataframe_split": {"data": [[0.5, 2]]}}
    yield entries, {"dataframe_records": [[0.5, 2]]}


def _no_rows(type_: str) -> Iterator[Case]:
    """The column has its dtype all the same."""
    entries = [column(type_, "c")]
    yield entries, {"dataframe_split": {"columns": ["c"], "data": []}}
    if type_ != "string":
        yield entries, {"inputs": {"c": []}}
        yield entries, {"instances": []}


def _indexes() -> Iterator[Case]:
    """Whatever plain values they hold."""
    for index in (
        *([5, 6], [5, 5], [0, 1], [1.5, 2], [1, "a"], [True, False], [1, None], [None, None]),
        *(["a", None], [2**63, 1], ["2026-05-01", "2026-05-02"]),
    ):
        split = {"columns": ["c"], "index": index, "data": [[1], [2]]}
        yield [column("double", "c")], {"dataframe_split": split}


def _tensors(dtype: str) -> Iterator[Case]:
    """One or several, with free and with fixed dimensions."""
    flat = ELEMENT_VALUES[dtype]
    pairs = [flat[:2], flat[2:]]
    for shape, value in (
        ([-1], flat),
        ([4], flat),
        ([-1, 2], pairs),
        ([2, -1], pairs),
        ([-1, -1], pairs),
        ([2, 2], pairs),
        ([-1, 1, 2], [[pair] for pair in pairs]),
        ([-1, 1], [[element] for element in flat]),
    ):
        one, named = [tensor(dtype, shape)], [tensor(dtype, shape, "t")]
        several = [tensor(dtype, shape, "t"), tensor("float64", [-1], "u")]
        for form in ("inputs", "instances"):
            yield one, {form: value}
            yield named, {form: value}
            yield named, {form: {"t": value, "z": [0]}}
            yield several, {form: {"u": [0.5] * len(value), "t": value}}
    yield [tensor(dtype, [])], {"inputs": flat[0]}
    yield [tensor(dtype, [-1], "t")], {"inputs": {"t": []}}


def _tensors_in_tables(dtype: str) -> Iterator[Case]:
    """Scalars or flat lists in cells, or a column for each element of a row."""
    flat = ELEMENT_VALUES[dtype]
    for shape in ([-1], [-1, 1]):
        yield [tensor(dtype, shape)], {"dataframe_split": {"data": [[x] for x in flat]}}
    records = [{"t": flat[:2], "u": 1}, {"t": flat[2:], "u": 2}]
    if dtype != "uint64":
        for shape in ([-1, 2], [-1, 1, 2]):
            several = [tensor(dtype, shape, "t"), tensor("int64", [-1], "u")]
            yield several, {"dataframe_records": records}
    if dtype != "str":
        wide = {"columns": ["x", "y"], "data": [flat[:2], flat[2:]]}
        yield [tensor(dtype, [-1, 2])], {"dataframe_split": wide}


def object_param(type_: Any) -> Entries:
    """A param `p`, an object of which nothing is required, with a property `a`."""
    return [{"name": "p", "default": {}, "shape": None, **object_of({}, {"a": type_})}]


def _of_each(
    name: str, kinds: Iterable[str], cases: Callable[[str], Iterator[Case]]
) -> Mapping[str, Sequence[Case]]:
    return {f"{name}, {kind}": list(cases(kind)) for kind in kinds}


TABLES_ALIKE: Final[Mapping[str, Sequence[Case]]] = {
    **_of_each("named columns", VALUES, lambda type_: _named_columns(type_, required=True)),
    **_of_each("optional columns", VALUES, lambda type_: _named_columns(type_, required=False)),
    **{f"nulls, {type_} in a {form}": list(_nulls(type_, form)) for type_, form in NULLS},
    **_of_each("absent columns", VALUES, _absent_columns),
    **_of_each("unnamed columns", VALUES, _unnamed_columns),
    "columns named by integers": list(_columns_named_by_integers()),
    **_of_each("no rows", VALUES, _no_rows),
    "indexes": list(_indexes()),
    **_of_each("tensors", ELEMENTS, _tensors),
    **_of_each("tensors in tables", ELEMENTS, _tensors_in_tables),
}

# One row, or the rows of its lists; without arrays, since MLflow does not parse it.
CHATS_ALIKE: Final[Sequence[Case]] = [
    ([CHAT], {"messages": TURNS}),
    ([CHAT], {"messages": TURNS * 3, "unknown": [1, 2]}),
    ([CHAT], {"messages": []}),
    ([CHAT, column("double", "c", required=False)], {"messages": TURNS, "c": 0.5}),
    ([CHAT, column("double", "c", required=False)], {"messages": TURNS, "c": None}),
    ([CHAT, column("long", "c")], {"messages": TURNS, "c": 5}),
    ([CHAT, column("boolean", "c", required=False)], {"messages": TURNS, "c": True}),
    ([CHAT, column("string", "c", required=False)], {"messages": TURNS, "c": "x"}),
    ([CHAT, column("double", "c")], {"messages": TURNS, "c": 1}),
    ([CHAT, nested(array("string"), "c", required=False)], {"messages": TURNS, "c": ["x"]}),
    ([CHAT, nested(map_of("string"), "c")], {"messages": TURNS, "c": {"a": "b"}}),
    ([CHAT, nested(ANY, "meta", required=False)], {"messages": TURNS, "meta": {"a": [1]}}),
    ([CHAT, nested(ANY, "meta", required=False)], {"messages": TURNS, "meta": None}),
    ([_PROMPT], {"prompt": "hi"}),
    ([_PROMPT, column("double", "t")], {"prompt": "hi", "t": 0.5}),
    ([_PROMPT, column("double", "t")], {"prompt": ["a", "b"], "t": [0.5, 1.5]}),
    ([_PROMPT, column("double", "t")], {"prompt": "a", "t": [0.5, 1.5]}),
    ([nested(array("string"), "input")], {"input": ["a", "b"]}),
    ([nested(array("long"), "input")], {"input": [1, 2]}),
    ([nested(ANY, "input")], {"input": "a"}),
    ([nested(ANY, "input")], {"input": ["a", "b"]}),
    ([nested(ANY, "input")], {"input": [1, 2]}),
    ([nested(ANY, "input")], {"input": [["a"], ["b"]]}),
    ([column("double", "input")], {"input": [1.5, 2.5]}),
    ([column("long", "input")], {"input": 5}),
]  # fmt: skip

PARAMS: Final[Mapping[str, list[Any]]] = {
    "boolean": [True, False, None],
    "integer": [5, -(2**31), None],
    "long": [5, 2**63 - 1, None],
    "float": [1.5, 3, 0.1, None],
    "double": [1.5, 3, 2**53, None],
    "string": ["a", "", "ä\x00", None],
    "datetime": ["2026-05-01", "2026-05-01T10:00:00", "1969-12-31T23:59:59.123456", None],
}


def _params(type_: str) -> Iterator[Case]:
    """Sent or by default, single or in a list; unknown ones are dropped."""
    values, default = PARAMS[type_], PARAMS[type_][0]
    single, listed = [param(type_, "p", default)], [param(type_, "p", [default], shape=[-1])]
    yield from ((single, {"p": value}) for value in values)
    yield from ((listed, {"p": part}) for part in (values, [], [default]))
    yield from ((each, nothing) for each in (single, listed) for nothing in (None, {}, {"z": 1}))


def _object_params() -> Iterator[Case]:
    """Python's own values, as they were sent."""
    for type_, value in (
        *(("boolean", True), ("long", 5), ("double", 0.5), ("string", "a"), ("binary", "aGk=")),
        *((type_, None) for type_ in ("integer", "float", "datetime", "string")),
        *((array("long"), [1, 2]), (array("double"), [0.5, None]), (array("string"), [])),
        *((map_of("double"), {"k": 0.5}), (ANY, [1, {"b": None}]), (ANY, None)),
        (object_of({"b": "long"}, {"c": "string"}), {"b": 1}),
        (array(object_of({"b": "long"})), [{"b": 1}, {"b": 2}]),
    ):
        sent: list[Any] = [{"p": {"a": value}}, {"p": {}}, {}, None]
        yield from ((object_param(type_), params) for params in sent)


PARAMS_ALIKE: Final[Mapping[str, Sequence[Case]]] = {
    **_of_each("params", PARAMS, _params),
    "params that are objects": list(_object_params()),
}

_TIME: Final = 1_700_000_000_123_456_789
_OBJECT: Final = object_of({"a": "long"}, {"b": "long"})
PARQUET_ALIKE: Final[Sequence[Case]] = [
    ([column("boolean", "c")], {"c": [True, False]}),
    ([column("integer", "c")], {"c": pa.array([1, -(2**31)], pa.int32())}),
    ([column("integer", "c")], {"c": pa.array([1, 2**15 - 1], pa.int16())}),
    ([column("long", "c")], {"c": [1, 2**63 - 1]}),
    ([column("long", "c")], {"c": pa.array([1, 2**31 - 1], pa.int32())}),
    ([column("float", "c")], {"c": pa.array([0.1, float("inf")], pa.float32())}),
    ([column("double", "c")], {"c": [0.1, -0.0]}),
    ([column("double", "c")], {"c": [float("inf"), float("-inf")]}),
    ([column("double", "c")], {"c": pa.array([1, 2], pa.decimal128(5, 2))}),
    ([column("double", "c")], {"c": pa.array([1, 2], pa.int32())}),
    ([column("double", "c")], {"c": pa.array([0.5, 1.5], pa.float32())}),
    ([column("double", "c", required=False)], {"c": [0.5, None]}),
    ([column("double", "c", required=False)], {"c": [0.5, float("nan")]}),
    ([column("string", "c")], {"c": ["a", "ä\n"]}),
    ([column("string", "c", required=False)], {"c": ["a", None]}),
    ([column("binary", "c")], {"c": [b"\0\xff", b""]}),
    ([column("datetime", "c")], {"c": pa.array([_TIME, 0], pa.timestamp("ns"))}),
    ([column("datetime", "c")], {"c": pa.array([1, 0], pa.timestamp("us"))}),
    ([column("datetime", "c", required=False)], {"c": pa.array([1, None], pa.timestamp("ms"))}),
    # Order and surplus columns do not matter.
    (
        [column("double", "a"), column("string", "b")],
        {"z": [1, 2], "b": ["x", "y"], "a": [0.5, 1.5]},
    ),
    ([column("double", "a"), column("double", "b", required=False)], {"a": [0.5]}),
    ([column("boolean", "c", required=False)], {"c": [True, None]}),
    ([column("datetime", "c")], {"c": [dt.date(2026, 5, 1)]}),
    ([nested(ANY, "c")], {"c": [{"k": 1}]}),
    ([nested(array("binary"), "c")], {"c": [[b"x"]]}),
    ([nested(map_of("long"), "c")], {"c": [{"k": 1}]}),
    ([nested(array("datetime"), "c")], {"c": pa.array([[1]], pa.list_(pa.timestamp("us")))}),
    ([nested(_OBJECT, "c")], {"c": [{"a": 1, "b": None}]}),
    ([tensor("float64", [-1, 2], "t")], {"t": [[0.5, 1.5]]}),
    ([tensor("str", [-1], "t")], {"t": ["a"]}),
    ([column("double", "c")], {"c": pa.array([], pa.float64())}),
    ([nested(array("long"), "c")], {"c": [[1, 2], [3]]}),
    ([nested(array("string"), "c")], {"c": [["a"], ["b", ""]]}),
    ([nested(array("double"), "c")], {"c": [[0.5], [1.5, 2.5]]}),
    ([nested(object_of({"a": "long", "b": "string"}), "c")], {"c": [{"a": 1, "b": "x"}]}),
    ([tensor("float64", [-1, 2])], {"a": [0.5, 1.5], "b": [2.5, 3.5]}),
    ([tensor("int64", [-1], "t")], {"t": [1, 2]}),
]
