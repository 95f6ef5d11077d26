"""A model is handed what MLflow's own scoring server would hand it, but where that corrupts it.

`tests.host.differences` and `nested_differences` list every kind of request where they differ.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import event, given

from service.errors import InvalidInput
from tests.contract.signatures import column, tensor
from tests.host.differences import DIFFERENT_TABLES
from tests.host.handed import Signed, brief, seen
from tests.host.nested_differences import DIFFERENT_NESTED
from tests.host.payloads import ELEMENTS, bodies, signatures
from tests.host.rules import cases
from tests.support.exploring import exploring

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


def assert_same(signed: Signed, body: Any) -> None:
    """Both hand the model the same; Podium's enforcement found nothing to do."""
    handed = seen(signed.by_podium(body))
    assert handed == seen(signed.by_mlflow(body)), body
    assert handed == seen(signed.batch(body).data), body


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("type_", VALUES)
def test_named_columns_are_mlflows(type_: str, required: bool) -> None:  # noqa: FBT001 - a table's column
    """Of every type, required or optional, alone and beside a double."""
    ways = [frames] if type_ == "binary" else [frames, lists]
    values, named = VALUES[type_], column(type_, "c", required=required)
    for way in ways:
        for body in way(values, names=["c"]):
            assert_same(Signed([named]), body)
        for body in way(values, [0.5, 2], names=["c", "d"]):
            assert_same(Signed([named, column("double", "d")]), body)
    if type_ != "binary":
        assert_same(Signed([named]), {"inputs": values})
        assert_same(Signed([named]), {"instances": values})


@pytest.mark.parametrize("values", [[1], [None, 1], [1, None], [None, None]])
@pytest.mark.parametrize(("type_", "form"), NULLS)
def test_nulls_of_optional_columns_are_mlflows(type_: str, form: str, values: list[Any]) -> None:
    """Beside values, and without any."""
    there = [VALUES[type_][0] if value else None for value in values] * (3 - len(values))
    way = frames if form == "frame" else lists
    for body in way(there, [0.5, 2], names=["c", "d"]):
        assert_same(Signed([column(type_, "c", required=False), column("double", "d")]), body)


@pytest.mark.parametrize("type_", VALUES)
def test_absent_optional_columns_are_mlflows(type_: str) -> None:
    """They stay absent."""
    signed = Signed([column(type_, "c", required=False), column("double", "d")])
    for way in (frames, lists):
        for body in way([0.5, 2], names=["d"]):
            assert_same(signed, body)


@pytest.mark.parametrize("type_", VALUES)
def test_unnamed_columns_are_mlflows(type_: str) -> None:
    """Where the request does not name them either."""
    values = VALUES[type_]
    rows = [[value] for value in values]
    one, two = Signed([column(type_)]), Signed([column(type_), column("double")])
    beside = [[value, 0.5] for value in values]
    framed = [{"dataframe_split": {"data": rows}}, {"dataframe_records": rows}]
    listed = [{"inputs": rows}, {"instances": rows}, {"inputs": values}, {"inputs": values[0]}]
    for body in framed if type_ == "binary" else framed + listed:
        assert_same(one, body)
    for body in ({"dataframe_split": {"data": beside}}, {"dataframe_records": beside}):
        assert_same(two, body)


def test_columns_named_by_integers_are_mlflows() -> None:
    """As in a signature that was inferred from a DataFrame without names."""
    signed = Signed([column("double", 0), column("long", 1)])
    assert_same(signed, {"dataframe_split": {"columns": [0, 1], "data": [[0.5, 2]]}})
    assert_same(signed, {"dataframe_split": {"data": [[0.5, 2]]}})
    assert_same(signed, {"dataframe_records": [[0.5, 2]]})


@pytest.mark.parametrize("type_", VALUES)
def test_no_rows_are_mlflows(type_: str) -> None:
    """The column has its dtype all the same."""
    signed = Signed([column(type_, "c")])
    assert_same(signed, {"dataframe_split": {"columns": ["c"], "data": []}})
    if type_ != "string":
        assert_same(signed, {"inputs": {"c": []}})
        assert_same(signed, {"instances": []})


def test_indexes_are_mlflows() -> None:
    """Whatever plain values they hold."""
    signed = Signed([column("double", "c")])
    for index in (
        *([5, 6], [5, 5], [0, 1], [1.5, 2], [1, "a"], [True, False], [1, None], [None, None]),
        *(["a", None], [2**63, 1], ["2026-05-01", "2026-05-02"]),
    ):
        split = {"columns": ["c"], "index": index, "data": [[1], [2]]}
        assert_same(signed, {"dataframe_split": split})


@pytest.mark.parametrize("dtype", ELEMENTS)
def test_tensors_are_mlflows(dtype: str) -> None:
    """Of every dtype, one or several, with free and with fixed dimensions."""
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
        one, named = Signed([tensor(dtype, shape)]), Signed([tensor(dtype, shape, "t")])
        several = Signed([tensor(dtype, shape, "t"), tensor("float64", [-1], "u")])
        for form in ("inputs", "instances"):
            assert_same(one, {form: value})
            assert_same(named, {form: value})
            assert_same(named, {form: {"t": value, "z": [0]}})
            assert_same(several, {form: {"u": [0.5] * len(value), "t": value}})
    assert_same(Signed([tensor(dtype, [])]), {"inputs": flat[0]})
    assert_same(Signed([tensor(dtype, [-1], "t")]), {"inputs": {"t": []}})


@pytest.mark.parametrize("dtype", ELEMENTS)
def test_tensors_in_tables_are_mlflows(dtype: str) -> None:
    """Scalars or flat lists in cells, or a column for each element of a row."""
    flat = ELEMENT_VALUES[dtype]
    for shape in ([-1], [-1, 1]):
        assert_same(
            Signed([tensor(dtype, shape)]), {"dataframe_split": {"data": [[x] for x in flat]}}
        )
    records = [{"t": flat[:2], "u": 1}, {"t": flat[2:], "u": 2}]
    if dtype != "uint64":
        for shape in ([-1, 2], [-1, 1, 2]):
            several = Signed([tensor(dtype, shape, "t"), tensor("int64", [-1], "u")])
            assert_same(several, {"dataframe_records": records})
    if dtype != "str":
        wide = {"columns": ["x", "y"], "data": [flat[:2], flat[2:]]}
        assert_same(Signed([tensor(dtype, [-1, 2])]), {"dataframe_split": wide})


@pytest.mark.parametrize(
    ("entries", "body", "mlflows", "podiums"), cases(DIFFERENT_TABLES, DIFFERENT_NESTED)
)
def test_podium_differs_from_mlflow_only_as_listed(
    entries: list[dict[str, Any]], body: Any, mlflows: str, podiums: str
) -> None:
    """Where MLflow alters, invents or fails, Podium hands over what was sent, or refuses it."""
    signed = Signed(entries)
    assert brief(lambda: signed.by_mlflow(body)) == mlflows
    assert brief(lambda: signed.by_podium(body)) == podiums


@exploring(60)
@given(st.data())
def test_p14_what_the_contract_takes_is_never_refused_by_mlflows_enforcement(
    data: st.DataObject,
) -> None:
    """That would be a 500 for a valid request; nor does the enforcement change it any more."""
    entries = data.draw(signatures())
    body = data.draw(bodies(entries, spoilt=True))
    signed = Signed(entries)
    try:
        batch = signed.batch(body)
    except InvalidInput:
        event("refused")
        return
    event("taken")
    before = seen(batch.data)
    assert seen(signed.enforced(batch)[0]) == before
