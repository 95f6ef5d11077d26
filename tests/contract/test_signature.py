"""A signature means to the contract what it means to MLflow."""

import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

from service.contract.contract import Limits, compile_contract
from service.contract.scalars import COLUMN_TYPES
from service.contract.signature import ColumnSpec, read_signature
from service.contract.signature import TensorSpec as OurTensorSpec
from service.contract.tensor_types import TENSOR_TYPES
from service.errors import VersionFault
from tests.contract.signatures import column, param, tensor

COLUMNS = Schema([ColSpec("double", "x")])


def as_mlflow(spec: ColumnSpec | OurTensorSpec) -> Any:
    """The same column or tensor as MLflow's own class."""
    if isinstance(spec, ColumnSpec):
        return ColSpec(spec.type, cast("str", spec.name), spec.required)
    return TensorSpec(np.dtype(spec.dtype), spec.shape, cast("str", spec.name))


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
        ParamSpec(each.name, each.type, each.default, (-1,) if each.is_list else None)
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
    ],
)
def test_inferred_signatures_compile(example: Any, names: list[Any]) -> None:
    """Whatever MLflow infers from flat data can be served."""
    texts = infer_signature(example).to_dict()
    read = read_signature(texts)
    assert [as_mlflow(each).name for each in read.columns or read.tensors] == names
    assert compile_contract(texts, Limits(10)).request_schema["type"] == "object"


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
        ({"inputs": json.dumps([column("any", "secret sauce")])}, "unsupported_signature"),
        ({"inputs": json.dumps([tensor("object", [-1], "secret sauce")])}, "unsupported_signature"),
        (
            {"inputs": json.dumps([{**column("array", "secret sauce"), "items": {}}])},
            "unsupported_signature",
        ),
    ],
)
def test_signature_that_cannot_be_served_is_the_versions_fault(
    texts: Mapping[str, str | None], reason: str
) -> None:
    """Its reason is stable, and its detail names the input."""
    with pytest.raises(VersionFault) as caught:
        compile_contract(texts, Limits(10))
    assert (caught.value.stage, caught.value.reason) == ("contract", reason)
    assert "secret sauce" not in caught.value.message
    if reason == "unsupported_signature":
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
    assert compile_contract(texts, Limits(10)).describe() == {
        "inputs": [column("double", "x")],
        "outputs": outputs,
        "params": [param("double", "p", None), param("string", "q", "x")],
    }
