"""Where MLflow's own scoring server takes values unchanged, the contract takes the same ones.

The oracle is what MLflow's server does with a body before the model is called: its parsing, then
its enforcement of the signature.
"""

import json
import logging
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.models.utils import _enforce_schema
from mlflow.pyfunc.scoring_server import _split_data_and_params, infer_and_parse_data
from mlflow.types import Schema

from service.contract.contract import compile_contract
from service.contract.model_input import Column, ModelInput
from service.errors import InvalidInput
from tests.contract.signatures import LIMITS, column, tensor

# The same examples on every run: a build must not fail for luck.
STEADY = settings(
    max_examples=250,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

SCALARS = ["boolean", "integer", "long", "float", "double", "string", "datetime"]
DTYPES = ["bool", "int8", "int32", "int64", "uint16", "uint64", "float32", "float64", "str"]


def likely(kind: str) -> st.SearchStrategy[Any]:
    """Values that a column or tensor of that type is likely to be sent, most of them valid."""
    if kind in {"boolean", "bool"}:
        return st.booleans()
    if kind.startswith(("int", "uint", "long")):
        return st.one_of(st.integers(-200, 200), st.integers(-100, 100).map(float), edges())
    if kind.startswith(("float", "double")):
        return st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9))
    if kind == "datetime":
        return st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(datetime.isoformat)  # noqa: DTZ001 - MLflow's have no zone
    return st.text(max_size=5)


def edges() -> st.SearchStrategy[int]:
    """Integers about the bounds of integer types."""
    bounds = [2**7, 2**8, 2**15, 2**16, 2**31, 2**32, 2**53, 2**63]
    return st.builds(
        lambda bound, off, sign: sign * (bound + off),
        st.sampled_from(bounds),
        st.integers(-1, 1),
        st.sampled_from([-1, 1]),
    )


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A column signature and a body in one of the formats."""
    types = draw(st.lists(st.sampled_from(SCALARS), min_size=1, max_size=3))
    names = [f"c{place}" for place in range(len(types))]
    inputs = [
        column(type_, name, required=draw(st.booleans()))
        for type_, name in zip(types, names, strict=True)
    ]
    row = st.tuples(
        *[draw(st.sampled_from([likely(each), likely(each), anything()])) for each in types]
    )
    rows = [list(each) for each in draw(st.lists(row, min_size=1, max_size=3))]
    columns = [list(each) for each in zip(*rows, strict=True)]
    records = [dict(zip(names, each, strict=True)) for each in rows]
    by_name = dict(zip(names, columns, strict=True))
    return inputs, draw(
        st.sampled_from(
            [
                {"dataframe_split": {"columns": names, "data": rows}},
                {"dataframe_records": records},
                {"instances": records},
                {"instances": by_name},
                {"inputs": by_name},
                {"inputs": records},
                {"inputs": records[0]},
            ]
        )
    )


@st.composite
def tensors(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A tensor signature and a body in one of the formats."""
    dtype = draw(st.sampled_from(DTYPES))
    element = draw(st.sampled_from([likely(dtype), likely(dtype), anything()]))
    width = draw(st.integers(1, 3))
    row = st.lists(element, min_size=width, max_size=width)
    rows = draw(st.lists(row, min_size=1, max_size=3))
    flat = [each for row in rows for each in row]
    named = [tensor(dtype, [-1, width], "x"), tensor(dtype, [-1], "y")]
    first = [row[0] for row in rows]
    return draw(
        st.sampled_from(
            [
                ([tensor(dtype, [-1, width])], {"inputs": rows}),
                ([tensor(dtype, [-1, -1])], {"instances": rows}),
                ([tensor(dtype, [-1])], {"inputs": flat}),
                ([tensor(dtype, [-1, 2])], {"inputs": rows}),
                (named, {"inputs": {"x": rows, "y": first}}),
                (named, {"instances": [{"x": x, "y": x[0]} for x in rows]}),
            ]
        )
    )


def anything() -> st.SearchStrategy[Any]:
    """Any JSON value, hardly ever valid."""
    return st.one_of(st.none(), st.booleans(), edges(), st.floats(-9, 9), st.text(max_size=2))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


def of_mlflow(inputs: list[dict[str, Any]], body: dict[str, Any]) -> Any:
    """What a model behind MLflow's server would be called with, or None if it refuses."""
    schema = Schema.from_json(json.dumps(inputs))
    data, _ = _split_data_and_params(json.dumps(body))
    try:
        return _enforce_schema(infer_and_parse_data(data, schema), schema)
    except (MlflowException, ValueError, TypeError, AttributeError, OverflowError):
        return None


def of_contract(inputs: list[dict[str, Any]], body: dict[str, Any]) -> ModelInput | None:
    """What the contract makes of the body, or None if it refuses."""
    try:
        return compile_contract({"inputs": json.dumps(inputs)}, LIMITS).parse(
            json.dumps(body).encode(), ""
        )
    except InvalidInput:
        return None


def sent(body: dict[str, Any], name: str) -> list[Any]:
    """The values of one column as the client wrote them."""
    (payload,) = body.values()
    if "data" in payload:
        return [row[payload["columns"].index(name)] for row in payload["data"]]
    if type(payload) is list:
        return [record[name] for record in payload]
    values = payload[name]
    return list(values) if type(values) is list else [values]


def unchanged(value: Any, got: Any, type_: str) -> bool:
    """Whether MLflow handed on what was sent, as the type writes it."""
    if value is None:
        return got is None or got is pd.NaT or (isinstance(got, float) and math.isnan(got))
    if type_ == "datetime":
        return type(value) is str and pd.Timestamp(value) == got
    if type_ in {"boolean", "string", "bool", "str"}:
        return type(value) is type(got) and value == got
    if type(value) not in {int, float}:
        return False
    if type(value) is float and type_.startswith("float"):
        return bool(np.dtype("float32" if type_ == "float" else type_).type(value) == got)
    return bool(math.isfinite(got) and value == got)


def plain(values: Any) -> list[Any]:
    """An array's or column's values as Python's own."""
    return [each.item() if isinstance(each, np.generic) else each for each in values]


def ours(found: Column) -> list[Any]:
    """A column's values as MLflow would show them."""
    if found.dtype in {"boolean", "bool"}:
        return [None if value is None else bool(value) for value in found.values]
    if found.dtype == "datetime":
        return [None if value is None else pd.Timestamp(value) for value in found.values]
    return list(found.values)


def same(left: Any, right: Any) -> bool:
    """Equal, or both null."""
    return bool(pd.isna(left) and pd.isna(right)) or (type(left) is type(right) and left == right)


@STEADY
@given(tables())
def test_columns_that_mlflow_leaves_unchanged_are_the_same(
    case: tuple[list[dict[str, Any]], dict[str, Any]],
) -> None:
    """Taken by both with equal values, or refused, or changed by MLflow: there is no fourth."""
    inputs, body = case
    frame, parsed = of_mlflow(inputs, body), of_contract(inputs, body)
    required = {each["name"]: each["required"] for each in inputs}
    if frame is None or len(frame.columns) != len(inputs):
        return
    for spec in inputs:
        name, values = spec["name"], sent(body, spec["name"])
        got = plain(frame[name])
        if not all(map(unchanged, values, got, [spec["type"]] * len(got), strict=True)):
            assert parsed is None or same_as_sent(parsed, name, values)
            return
        if required[name] and None in values:
            assert parsed is None
            return
    assert parsed is not None
    for found in parsed.columns:
        assert all(map(same, ours(found), plain(frame[found.name]), strict=True))


def same_as_sent(parsed: ModelInput, name: str, values: list[Any]) -> bool:
    """Whether the contract kept what MLflow changed."""
    (found,) = [each for each in parsed.columns if each.name == name]
    return all(map(unchanged, values, ours(found), [found.dtype] * len(values), strict=True))


@STEADY
@given(tensors())
def test_tensors_that_mlflow_leaves_unchanged_are_the_same(
    case: tuple[list[dict[str, Any]], dict[str, Any]],
) -> None:
    """Taken by both with equal elements and shape, or refused, or changed by MLflow."""
    inputs, body = case
    theirs, parsed = of_mlflow(inputs, body), of_contract(inputs, body)
    if theirs is None:
        return
    arrays = theirs if isinstance(theirs, dict) else {None: theirs}
    (payload,) = body.values()
    for spec in inputs:
        name = spec.get("name")
        values = payload if name is None else sent(body, name)
        flat = [each for row in values for each in row] if type(values[0]) is list else values
        got, dtype = plain(arrays[name].ravel()), spec["tensor-spec"]["dtype"]
        if None in flat or not all(map(unchanged, flat, got, [dtype] * len(got), strict=True)):
            assert parsed is None or None not in flat
            return
    assert parsed is not None
    for found in parsed.columns:
        assert found.shape == arrays[found.name].shape
        assert all(map(same, ours(found), plain(arrays[found.name].ravel()), strict=True))


def test_zone_is_converted_where_mlflow_drops_or_refuses_it() -> None:
    """The instant is what was meant, in every format."""
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    inputs = [column("datetime", "t")]
    for form in (
        {"inputs": {"t": ["2026-05-01T14:00:00+02:00"]}},
        {"dataframe_records": [{"t": "2026-05-01T14:00:00+02:00"}]},
    ):
        parsed = of_contract(inputs, form)
        assert parsed is not None
        assert parsed.columns[0].values[0] == int(noon.timestamp()) * 10**9
