"""Every signature that MLflow can write means the same to the contract, and comes back the same.

From MLflow's own objects to MLmodel's JSON, to the contract, to its description, and to MLflow's
objects again.
"""

import json
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.models.utils import _enforce_schema
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import AnyType, Array, Map, Object, Property

from service.contract.contract import RequestLimits, compile_contract
from service.contract.signature import read_signature
from service.contract.types.scalars import TENSOR_TYPES
from service.errors import VersionFault
from tests.contract.signatures import column, nested, object_of, tensor
from tests.contract.test_signature import as_mlflow, type_of_mlflow
from tests.support.exploring import exploring

SCALARS: Final = st.sampled_from(list(DataType))
# `cls` is one that MLflow writes and cannot read.
TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4).filter(
    lambda text: text != "cls"
)


def wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Types made of others."""
    return st.one_of(inner.map(Array), inner.map(Map), objects(inner))


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Object]:
    """With required and optional properties."""
    properties = st.dictionaries(TEXTS, st.tuples(inner, st.booleans()), min_size=1, max_size=3)
    return properties.map(
        lambda found: Object([Property(name, *each) for name, each in found.items()])
    )


TYPES: Final = st.recursive(SCALARS | st.builds(AnyType), wider, max_leaves=5)


@st.composite
def column_schemas(draw: st.DrawFn) -> Schema:
    """Named by text or by integers from 0 on, or not named at all."""
    types = draw(st.lists(TYPES, min_size=1, max_size=4))
    texts = st.lists(TEXTS, min_size=len(types), max_size=len(types), unique=True)
    names: Any = draw(st.none() | st.just(list(range(len(types)))) | texts)
    if names is None:
        return Schema([ColSpec(type_) for type_ in types])
    specs = zip(types, names, strict=True)
    return Schema([ColSpec(type_, name, draw(st.booleans())) for type_, name in specs])


@st.composite
def tensor_schemas(draw: st.DrawFn) -> Schema:
    """One without a name, or several with."""
    names = draw(st.just([None]) | st.lists(TEXTS, min_size=1, max_size=3, unique=True))
    return Schema(
        [
            TensorSpec(
                np.dtype(draw(st.sampled_from(sorted(TENSOR_TYPES)))),
                tuple(draw(st.lists(st.sampled_from([-1, 0, 1, 7]), max_size=3))),
                name,
            )
            for name in names
        ]
    )


DEFAULTS: Final[dict[DataType, st.SearchStrategy[Any]]] = {
    DataType.boolean: st.booleans(),
    DataType.integer: st.integers(-5, 5),
    DataType.long: st.integers(-(2**63), 2**63 - 1),
    DataType.float: st.floats(-9, 9) | st.integers(-9, 9),
    DataType.double: st.floats(-9, 9) | st.integers(-9, 9),
    DataType.string: st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    DataType.datetime: st.datetimes(),
}


@st.composite
def params(draw: st.DrawFn) -> ParamSchema | None:
    """Of every scalar type, single or in lists, and objects."""
    names = draw(st.lists(TEXTS, max_size=4, unique=True))
    return ParamSchema([draw(param(name)) for name in names]) if names else None


@st.composite
def param(draw: st.DrawFn, name: str) -> ParamSpec:
    """One of that name."""
    if draw(st.integers(0, 3)) == 0:
        inner = Object([Property("a", DataType.long), Property("b", Array(DataType.string), False)])
        return ParamSpec(name, inner, draw(st.sampled_from([{"a": 1}, {"a": 2, "b": ["x"]}])))
    type_ = draw(st.sampled_from(list(DEFAULTS)))
    value = DEFAULTS[type_]
    if draw(st.booleans()):
        return ParamSpec(name, type_, draw(st.lists(value, max_size=2)), (-1,))
    return ParamSpec(name, type_, draw(value))


@exploring(100)
@given(column_schemas() | tensor_schemas(), params(), TYPES)
def test_signature_comes_back_as_it_was(
    inputs: Schema, given_params: ParamSchema | None, output: Any
) -> None:
    """All that it says of inputs, outputs and params, through text and through plain values."""
    theirs = ModelSignature(inputs, Schema([ColSpec(output)]), given_params)  # type: ignore[arg-type]  # its annotation forgets None
    texts = theirs.to_dict()
    read = read_signature(texts)
    assert Schema(list(map(as_mlflow, read.columns or read.tensors))) == inputs
    described = compile_contract(texts, RequestLimits(10)).describe()
    assert Schema.from_json(json.dumps(described["inputs"])) == inputs
    assert Schema.from_json(json.dumps(described["outputs"])) == Schema([ColSpec(output)])
    if given_params is None:
        assert read.params is described["params"] is None
        return
    assert ParamSchema.from_json(json.dumps(described["params"])) == given_params
    assert ParamSchema([as_param(each) for each in read.params or ()]) == given_params


def as_param(spec: Any) -> ParamSpec:
    """The same param as MLflow's own class."""
    type_ = spec.type if isinstance(spec.type, str) else type_of_mlflow(spec.type)
    return ParamSpec(spec.name, type_, spec.default, (-1,) if spec.is_list else None)


NOT_SERVED: Final[list[tuple[str, list[dict[str, Any]]]]] = [
    # MLflow writes it, and cannot read it.
    ("bad_signature", [nested(object_of({"cls": "long"}), "a")]),
    # MLflow reads it, and then takes 0 for no name.
    ("unsupported_signature", [column("double", 5), column("double", 0)]),
    ("unsupported_signature", [column("double", "a"), column("double", 0)]),
    # Names that no request can have, or two inputs of one name.
    ("bad_signature", [column("double", "")]),
    ("bad_signature", [column("double", 1), column("double", "1")]),
    ("bad_signature", [{**column("double"), "name": 1.5}]),
    # Values that JSON does not have.
    *(
        ("unsupported_signature", [tensor(dtype, [-1])])
        for dtype in ("bytes", "complex64", "datetime64[ns]", "object", "float128")
    ),
]


@pytest.mark.parametrize(("reason", "entries"), NOT_SERVED)
def test_signature_that_mlflow_has_and_podium_does_not_serve(
    reason: str, entries: list[dict[str, Any]]
) -> None:
    """All of them, each refused before anything is loaded."""
    with pytest.raises(VersionFault) as caught:
        compile_contract({"inputs": json.dumps(entries)}, RequestLimits(10))
    assert caught.value.reason == reason


def test_mlflow_itself_fails_with_what_is_not_served() -> None:
    """A property `cls` ends its reader, and a second column 0 is missing from every request."""
    with pytest.raises(TypeError):
        Schema.from_json(json.dumps([nested(object_of({"cls": "long"}), "a")]))
    schema = Schema.from_json(json.dumps([column("double", 5), column("double", 0)]))
    with pytest.raises(MlflowException, match="missing inputs"):
        _enforce_schema(pd.DataFrame({5: [0.5], 0: [0.5]}), schema)


BAD_PARAMS: Final[list[dict[str, Any]]] = [
    {"name": "p", "type": "long"},
    {"type": "long", "default": 1},
    {"name": "p", "type": "long", "default": "x"},
    {"name": "p", "type": "long", "default": 5.0},
    {"name": "p", "type": "long", "default": True},
    {"name": "p", "type": "boolean", "default": 1},
    {"name": "p", "type": "string", "default": 5},
    {"name": "p", "type": "long", "default": [1]},
    {"name": "p", "type": "long", "default": 1, "shape": [-1]},
    {"name": "p", "type": "long", "default": None, "shape": [-1]},
    {"name": "p", "type": "long", "default": [[1]], "shape": [-1]},
    {"name": "p", "type": "long", "default": 1, "shape": [3]},
    {"name": "p", "type": "object", "default": {}},
    {"name": "p", "default": {}, **object_of({"a": "long"})},
    {"name": "p", "default": None, **object_of({"a": "long"})},
    {"name": "p", "default": [{"a": 1}], "shape": [-1], **object_of({"a": "long"})},
    {"name": "p", "type": "binary", "default": "aGk="},
    {"name": "p", "type": "array", "items": {"type": "long"}, "default": [1]},
    {"name": "p", "type": "decimal", "default": 1},
]


@pytest.mark.parametrize("entry", BAD_PARAMS)
def test_param_that_mlflow_cannot_read_is_the_versions_fault(entry: dict[str, Any]) -> None:
    """Its default included, which is checked like a value."""
    with pytest.raises((MlflowException, KeyError, TypeError, AttributeError)):
        ParamSchema.from_json(json.dumps([entry]))
    texts = {"inputs": json.dumps([column("double", "x")]), "params": json.dumps([entry])}
    with pytest.raises(VersionFault) as caught:
        compile_contract(texts, RequestLimits(10))
    assert caught.value.reason == "bad_signature"


@pytest.mark.parametrize("required", [None, True, False])
def test_what_is_neither_required_nor_optional_is_what_mlflow_takes_it_for(
    required: bool | None,  # noqa: FBT001 - a table
) -> None:
    """Null means optional wherever MLflow reads it."""
    for entry in (
        {"type": "long", "name": "a", "required": required},
        {"type": "any", "name": "a", "required": required},
        nested(
            {"type": "object", "properties": {"p": {"type": "long", "required": required}}}, "a"
        ),
    ):
        theirs = Schema.from_json(json.dumps([entry]))
        (read,) = read_signature({"inputs": json.dumps([entry])}).columns
        assert Schema([as_mlflow(read)]).to_json() == theirs.to_json().replace("null", "false")
