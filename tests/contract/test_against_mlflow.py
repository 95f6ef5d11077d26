"""Where MLflow's own scoring server takes values unchanged, the contract takes the same ones.

The oracle is what MLflow's server does with a body before the model is called: its parsing, then
its enforcement of the signature.
"""

import json
import logging
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.models.utils import _enforce_schema
from mlflow.pyfunc.scoring_server import _split_data_and_params, infer_and_parse_data
from mlflow.types import Schema

from service.contract.contract import compile_contract
from service.contract.model_input import Column, ModelInput
from service.errors import InvalidInput
from tests.contract.signatures import LIMITS, column, tensor
from tests.support.exploring import did_something, exploring, floor

Inputs = list[dict[str, Any]]
Body = dict[str, Any]

MANY = exploring(100, HealthCheck.function_scoped_fixture)

SCALARS = ["boolean", "integer", "long", "float", "double", "string", "datetime"]
DTYPES = ["bool", "int8", "int32", "int64", "uint16", "uint64", "float32", "float64", "str"]
PYTHON = {"boolean": bool, "bool": bool, "string": str, "str": str}
SHOWN: dict[str, Callable[[Any], Any]] = {
    "boolean": bool,
    "bool": bool,
    "datetime": pd.Timestamp,
}


def likely(kind: str) -> st.SearchStrategy[Any]:
    """Values that a column or tensor of that type is likely to be sent, most of them valid."""
    if kind in {"boolean", "bool"}:
        return st.booleans()
    if kind.startswith(("int", "uint", "long")):
        return st.one_of(st.integers(-100, 100), st.integers(0, 100).map(float), edges())
    if kind.startswith(("float", "double")):
        return st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9))
    if kind == "datetime":
        years = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1700, 2200))
        return st.datetimes(*years).map(datetime.isoformat)
    return st.text(max_size=5)


def edges() -> st.SearchStrategy[int]:
    """Integers about the bounds of integer types."""
    bounds = [2**7, 2**8, 2**15, 2**16, 2**31, 2**32, 2**53, 2**63]
    near = [sign * bound + off for bound in bounds for off in (-1, 0, 1) for sign in (-1, 1)]
    # Longer integers are doubles to the contract, as they are to most of JSON's readers.
    return st.sampled_from([each for each in near if each >= -(2**63)])


def anything() -> st.SearchStrategy[Any]:
    """Any plain JSON value, hardly ever valid."""
    return st.one_of(st.none(), st.booleans(), edges(), st.floats(-9, 9), st.text(max_size=2))


def often_likely(kind: str) -> st.SearchStrategy[st.SearchStrategy[Any]]:
    """Two columns in three are sent likely values."""
    return st.sampled_from([likely(kind), likely(kind), anything()])


@st.composite
def tables(draw: st.DrawFn) -> tuple[Inputs, Body]:
    """A column signature and a body in one of the formats."""
    types = draw(st.lists(st.sampled_from(SCALARS), min_size=1, max_size=3))
    names = [f"c{place}" for place in range(len(types))]
    inputs = [
        column(type_, name, required=draw(st.booleans()))
        for type_, name in zip(types, names, strict=True)
    ]
    row = st.tuples(*[draw(often_likely(each)) for each in types])
    rows = [list(each) for each in draw(st.lists(row, min_size=1, max_size=3))]
    records = [dict(zip(names, each, strict=True)) for each in rows]
    by_name = {name: [record[name] for record in records] for name in names}
    bodies: list[Body] = [
        {"dataframe_split": {"columns": names, "data": rows}},
        {"dataframe_records": records},
        {"instances": records},
        {"instances": by_name},
        {"inputs": by_name},
        {"inputs": records},
        {"inputs": records[0]},
    ]
    return inputs, draw(st.sampled_from(bodies))


@st.composite
def tensors(draw: st.DrawFn) -> tuple[Inputs, Body]:
    """A tensor signature and a body in one of the formats."""
    dtype = draw(st.sampled_from(DTYPES))
    element = draw(often_likely(dtype))
    width = draw(st.integers(1, 3))
    row = st.lists(element, min_size=width, max_size=width)
    rows = draw(st.lists(row, min_size=1, max_size=3))
    first = [row[0] for row in rows]
    named = [tensor(dtype, [-1, width], "x"), tensor(dtype, [-1], "y")]
    cases: list[tuple[Inputs, Body]] = [
        ([tensor(dtype, [-1, width])], {"inputs": rows}),
        ([tensor(dtype, [-1, -1])], {"instances": rows}),
        ([tensor(dtype, [-1])], {"inputs": first}),
        ([tensor(dtype, [-1, 2])], {"inputs": rows}),
        (named, {"inputs": {"x": rows, "y": first}}),
        (named, {"instances": [{"x": x, "y": x[0]} for x in rows]}),
    ]
    return draw(st.sampled_from(cases))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


def of_mlflow(inputs: Inputs, body: Body) -> Any:
    """What a model behind MLflow's server would be called with, or None if it refuses."""
    schema = Schema.from_json(json.dumps(inputs))
    data, _ = _split_data_and_params(json.dumps(body))  # type: ignore[no-untyped-call]
    try:
        return _enforce_schema(infer_and_parse_data(data, schema), schema)
    except (MlflowException, ValueError, TypeError, AttributeError, OverflowError):
        return None


def of_contract(inputs: Inputs, body: Body) -> ModelInput | None:
    """What the contract makes of the body, or None if it refuses."""
    made = compile_contract({"inputs": json.dumps(inputs)}, LIMITS)
    try:
        return made.parse(json.dumps(body).encode(), "")
    except InvalidInput:
        return None


def sent(body: Body, name: str | None) -> list[Any]:
    """The values of one column or tensor as the client wrote them, flat."""
    (payload,) = body.values()
    if name is None:
        values = payload
    elif "data" in payload:
        values = [row[payload["columns"].index(name)] for row in payload["data"]]
    elif type(payload) is list:
        values = [record[name] for record in payload]
    else:
        values = payload[name] if type(payload[name]) is list else [payload[name]]
    return [each for row in values for each in row] if type(values[0]) is list else values


def plain(values: Any) -> list[Any]:
    """An array's or column's values as Python's own."""
    return [each.item() if isinstance(each, np.generic) else each for each in values]


def ours(found: Column) -> list[Any]:
    """A column's values as MLflow would show them."""
    _, dtype, values, *_ = found
    show = SHOWN.get(dtype, lambda value: value)
    return [None if value is None else show(value) for value in values]


def same(left: Any, right: Any) -> bool:
    """Equal and of one type, or both null."""
    if left is None or right is None:
        return bool(pd.isna(left) and pd.isna(right))
    return type(left) is type(right) and bool(left == right)


def unchanged(value: Any, got: Any, type_: str) -> bool:
    """Whether `got` is what was sent, as the type writes it."""
    if value is None:
        return same(value, got)
    if type_ in PYTHON:
        return type(value) is PYTHON[type_] and same(value, got)
    if type_ == "datetime":
        return type(value) is str and bool(pd.Timestamp(value) == got)
    if type(value) not in {int, float}:
        return False
    if type(value) is float and type_ in {"float", "float32"}:
        return bool(np.float32(value) == got and math.isfinite(got))
    return bool(value == got)


def all_unchanged(values: list[Any], got: list[Any], type_: str) -> bool:
    """Whether every one of them is."""
    return all(unchanged(*pair, type_) for pair in zip(values, got, strict=True))


def compare(case: tuple[Inputs, Body], theirs: dict[str | None, list[Any]]) -> ModelInput | None:
    """Asserts what must hold, and returns the contract's reading if MLflow changed nothing."""
    inputs, body = case
    parsed = of_contract(inputs, body)
    kept = {} if parsed is None else {each.name: ours(each) for each in parsed.by_column().columns}
    changed = False
    for spec in inputs:
        name, type_ = spec.get("name"), spec.get("tensor-spec", {}).get("dtype", spec["type"])
        values = sent(body, name)
        if None in values and spec.get("required", True):
            assert parsed is None
            return None
        if not all_unchanged(values, theirs[name], type_):
            changed = True
            assert parsed is None or all_unchanged(values, kept[name], type_)
        elif parsed is not None:
            assert all(same(*pair) for pair in zip(kept[name], theirs[name], strict=True))
    assert changed or parsed is not None
    if not changed:
        did_something()
    return None if changed else parsed


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")  # numpy and pandas, where MLflow has them cast
@floor(0.1, MANY)
@MANY
@given(tables())
def test_columns_that_mlflow_leaves_unchanged_are_the_same(case: tuple[Inputs, Body]) -> None:
    """Taken by both with equal values, or changed by MLflow: then refused, or kept as sent."""
    frame = of_mlflow(*case)
    if frame is not None and len(frame.columns) == len(case[0]):
        compare(case, {name: plain(frame[name]) for name in frame.columns})


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
@floor(0.1, MANY)
@MANY
@given(tensors())
def test_tensors_that_mlflow_leaves_unchanged_are_the_same(case: tuple[Inputs, Body]) -> None:
    """The same for elements, and the shape is the same as well."""
    theirs = of_mlflow(*case)
    if theirs is None:
        return
    arrays = theirs if isinstance(theirs, dict) else {None: theirs}
    parsed = compare(case, {name: plain(each.ravel()) for name, each in arrays.items()})
    if parsed is not None:
        assert all(each.shape == arrays[each.name].shape for each in parsed.columns)


@pytest.mark.parametrize("form", ["inputs", "instances", "dataframe_records"])
def test_zone_is_converted_whatever_mlflow_makes_of_it(form: str) -> None:
    """The instant is what was meant, in every format."""
    noon = int(datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()) * 10**9
    parsed = of_contract([column("datetime", "t")], {form: [{"t": "2026-05-01T14:00:00+02:00"}]})
    assert parsed is not None
    assert ours(parsed.columns[0]) == [pd.Timestamp(noon)]
