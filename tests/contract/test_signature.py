"""A signature means to the contract what it means to MLflow."""

import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types import schema as mlflows

from service.contract.contract import RequestLimits, compile_contract
from service.contract.signature import ColumnSpec, read_signature
from service.contract.signature import TensorSpec as OurTensorSpec
from service.contract.types import declared as types
from service.contract.types.scalars import COLUMN_TYPES, TENSOR_TYPES
from service.errors import VersionFault
from tests.contract.signatures import (
    ANY,
    array,
    column,
    contract,
    deep,
    nested,
    param,
    parse,
    tensor,
)
from tests.host.payloads import types as types_of_mlflow
from tests.support.exploring import exploring

COLUMNS = Schema([ColSpec("double", "x")])


def as_mlflow(spec: ColumnSpec | OurTensorSpec) -> Any:
    """The same column or tensor as MLflow's own class."""
    if isinstance(spec, ColumnSpec):
        return ColSpec(type_of_mlflow(spec.type), cast("str", spec.name), spec.required)
    return TensorSpec(np.dtype(spec.dtype), spec.shape, cast("str", spec.name))


def type_of_mlflow(type_: types.Type) -> Any:
    """The same type as MLflow's own class."""
    match type_:
        case types.Array(items):
            return mlflows.Array(type_of_mlflow(items))
        case types.Map(values):
            return mlflows.Map(type_of_mlflow(values))
        case types.Object(properties):
            made = [
                mlflows.Property(each.name, type_of_mlflow(each.type), each.required)
                for each in properties
            ]
            return mlflows.Object(made)
        case types.AnyType():
            return mlflows.AnyType()  # type: ignore[no-untyped-call]  # MLflow annotates little
    return DataType[type_]


def test_every_scalar_type_of_mlflow_is_known() -> None:
    """No more and no fewer."""
    assert set(COLUMN_TYPES) == {each.name for each in DataType}


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("type_", list(DataType))
def test_column_is_read_as_mlflow_reads_it(type_: DataType, required: bool) -> None:  # noqa: FBT001 - a table
    """Name, type and whether it is required, for every scalar type."""
    schema = Schema([ColSpec(type_, "sepal length (cm)", required), ColSpec("long", "b")])
    (read, other) = read_signature(ModelSignature(inputs=schema).to_dict()).columns
    again = Schema([as_mlflow(read), as_mlflow(other)])
    assert again == schema


def test_unnamed_columns_are_read_as_mlflow_reads_them() -> None:
    """They stay without names, in order."""
    schema = Schema([ColSpec("double"), ColSpec("string")])
    read = read_signature({"inputs": schema.to_json()})
    assert Schema(list(map(as_mlflow, read.columns))) == schema
    assert not read.named


@exploring(100)
@given(types_of_mlflow(depth=3), st.booleans())
def test_nested_columns_are_read_as_mlflow_reads_them(
    entry: dict[str, Any],
    required: bool,  # noqa: FBT001 - Hypothesis gives it by place
) -> None:
    """Array, object, map and any within each other; and written again they are the same."""
    entries = [nested(entry, "x", required=required)]
    theirs = Schema.from_json(json.dumps(entries))
    (read,) = read_signature({"inputs": theirs.to_json()}).columns
    assert Schema([as_mlflow(read)]) == theirs
    assert json.loads(theirs.to_json()) == [
        {**types.type_entry(read.type), "name": "x", "required": read.required}
    ]
    assert read_signature({"inputs": Schema([as_mlflow(read)]).to_json()}).columns == (read,)


def test_nested_column_that_says_nothing_is_optional_as_in_mlflow() -> None:
    """But for unnamed ones, which MLflow's enforcement takes for required."""
    entry = array("long")
    (named,) = read_signature({"inputs": json.dumps([{**entry, "name": "x"}])}).columns
    (unnamed,) = read_signature({"inputs": json.dumps([entry])}).columns
    assert (named.required, unnamed.required) == (False, True)
    assert not Schema.from_json(json.dumps([{**entry, "name": "x"}])).inputs[0].required


def test_deep_signature_is_served() -> None:
    """As deep as the service takes them."""
    made = contract(nested(deep(ANY, 98), "a"))
    value: Any = 5
    for _ in range(198):
        value = [value]
    assert len(parse(made, {"inputs": {"a": value}}).columns) == 1
    json.dumps(made.request_schema)


@pytest.mark.parametrize("dtype", list(TENSOR_TYPES))
def test_tensor_is_read_as_mlflow_reads_it(dtype: str) -> None:
    """Name, dtype and shape, for every dtype that JSON has values of."""
    for schema in (
        Schema([TensorSpec(np.dtype(dtype), (-1, 2))]),
        Schema([TensorSpec(np.dtype(dtype), (-1,), "x"), TensorSpec(np.dtype(dtype), (), "y")]),
    ):
        read = read_signature({"inputs": schema.to_json()}).tensors
        assert Schema(list(map(as_mlflow, read))) == schema


def test_params_are_read_as_mlflow_reads_them() -> None:
    """Name, type, default and shape."""
    schema = ParamSchema(
        [
            ParamSpec("a", "double", 0.5),
            ParamSpec("b", "long", [1, 2], (-1,)),
            ParamSpec("c", "string", None),
            ParamSpec("d", "boolean", default=True),
        ]
    )
    read = read_signature({"inputs": COLUMNS.to_json(), "params": schema.to_json()}).params
    assert read is not None
    again = [
        ParamSpec(each.name, str(each.type), each.default, (-1,) if each.is_list else None)
        for each in read
    ]
    assert ParamSchema(again) == schema


@pytest.mark.filterwarnings("ignore::UserWarning")  # MLflow warns of integers without nulls
@pytest.mark.parametrize(
    ("example", "names"),
    [
        (pd.DataFrame({"a": [1], "b": ["x"]}), ["a", "b"]),
        (pd.DataFrame(np.zeros((2, 3))), [0, 1, 2]),
        (np.zeros((2, 3)), [None]),
        ({"x": np.zeros((2, 3)), "y": np.zeros(2)}, ["x", "y"]),
        ([1.0, 2.0], [None]),
        ("text", [None]),
        ([[1.0, 2.0]], [None]),
        ({"a": {"b": [None, 1]}, "c": None}, ["a", "c"]),
        (pd.DataFrame({"a": [[{"b": [1.5]}]], "c": [{"d": b"x"}]}), ["a", "c"]),
    ],
)
def test_inferred_signatures_compile(example: Any, names: list[Any]) -> None:
    """Whatever MLflow infers can be served."""
    texts = infer_signature(example).to_dict()
    read = read_signature(texts)
    assert [as_mlflow(each).name for each in read.columns or read.tensors] == names
    assert compile_contract(texts, RequestLimits(10)).request_schema["type"] == "object"


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({}, "no_inputs"),
        ({"inputs": None}, "no_inputs"),
        ({"inputs": "[]"}, "no_inputs"),
        ({"inputs": "{"}, "bad_signature"),
        ({"inputs": "[" * 100_000}, "bad_signature"),
        ({"inputs": '[{"type": "double", "name": "\\ud800"}]'}, "bad_signature"),
        ({"inputs": '{"type": "double"}'}, "bad_signature"),
        ({"inputs": "[1]"}, "bad_signature"),
        ({"inputs": json.dumps([column("decimal", "x")])}, "bad_signature"),
        ({"inputs": json.dumps([{"name": "x"}])}, "bad_signature"),
        ({"inputs": json.dumps([{"name": "x", "type": ["double"]}])}, "bad_signature"),
        ({"inputs": json.dumps([column("double", "x"), column("double")])}, "bad_signature"),
        ({"inputs": json.dumps([column("double", "x")] * 2)}, "bad_signature"),
        ({"inputs": json.dumps([column("double", "")])}, "bad_signature"),
        ({"inputs": json.dumps([column("double", required=False)])}, "bad_signature"),
        ({"inputs": json.dumps([{**column("double", "x"), "optional": True}])}, "bad_signature"),
        ({"inputs": json.dumps([tensor("int8", [1]), column("double")])}, "bad_signature"),
        ({"inputs": json.dumps([tensor("int8", [1])] * 2)}, "bad_signature"),
        ({"inputs": json.dumps([tensor("int8", [-2])])}, "bad_signature"),
        ({"inputs": json.dumps([{"type": "tensor"}])}, "bad_signature"),
        ({"inputs": COLUMNS.to_json(), "params": "[{}]"}, "bad_signature"),
        (
            {"inputs": COLUMNS.to_json(), "params": json.dumps([param("binary", "p", "")])},
            "bad_signature",
        ),
        (
            {"inputs": COLUMNS.to_json(), "params": json.dumps([param("long", "p", 1)] * 2)},
            "bad_signature",
        ),
        (
            {"inputs": COLUMNS.to_json(), "params": json.dumps([param("long", "p", 1, shape=[2])])},
            "bad_signature",
        ),
        ({"inputs": COLUMNS.to_json(), "outputs": "{"}, "bad_signature"),
        ({"inputs": json.dumps([{**column("array", "a"), "items": "double"}])}, "bad_signature"),
        ({"inputs": json.dumps([{**column("array", "a"), "items": {}}])}, "bad_signature"),
        ({"inputs": json.dumps([column("array", "a")])}, "bad_signature"),
        ({"inputs": json.dumps([column("map", "a")])}, "bad_signature"),
        ({"inputs": json.dumps([column("object", "a")])}, "bad_signature"),
        ({"inputs": json.dumps([{**column("object", "a"), "properties": {}}])}, "bad_signature"),
        (
            {"inputs": json.dumps([{**column("object", "a"), "properties": {"p": "long"}}])},
            "bad_signature",
        ),
        ({"inputs": json.dumps([{**column("any", "a"), "required": "yes"}])}, "bad_signature"),
        ({"inputs": json.dumps([column("any", required=False)])}, "bad_signature"),
        (
            {"inputs": json.dumps([column("sparkml_vector", "secret sauce")])},
            "unsupported_signature",
        ),
        ({"inputs": json.dumps([tensor("object", [-1], "secret sauce")])}, "unsupported_signature"),
        (
            {"inputs": json.dumps([nested(array("sparkml_vector"), "secret sauce")])},
            "unsupported_signature",
        ),
        ({"inputs": json.dumps([nested(deep(ANY, 100), "a")])}, "unsupported_signature"),
        (
            {"inputs": COLUMNS.to_json(), "outputs": json.dumps([nested(deep(ANY, 300), "a")])},
            "unsupported_signature",
        ),
    ],
)
def test_signature_that_cannot_be_served_is_the_versions_fault(
    texts: Mapping[str, str | None], reason: str
) -> None:
    """Its reason is stable, and its detail names the input."""
    with pytest.raises(VersionFault) as caught:
        compile_contract(texts, RequestLimits(10))
    assert (caught.value.stage, caught.value.reason) == ("contract", reason)
    assert "secret sauce" not in caught.value.message
    if reason == "unsupported_signature" and "secret" in str(texts):
        assert "secret sauce" in caught.value.detail


def test_description_is_the_signature_as_json() -> None:
    """Lists as MLmodel has them, outputs of every kind included; no NaN."""
    outputs = [{"type": "array", "items": {"type": "double"}, "required": True}]
    params = [param("double", "p", float("nan")), param("string", "q", "x")]
    texts = {
        "inputs": COLUMNS.to_json(),
        "outputs": json.dumps(outputs),
        "params": json.dumps(params),
    }
    assert compile_contract(texts, RequestLimits(10)).describe() == {
        "inputs": [column("double", "x")],
        "outputs": outputs,
        "params": [param("double", "p", None), param("string", "q", "x")],
    }
