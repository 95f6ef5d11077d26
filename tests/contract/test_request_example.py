"""The request that is made of a signature is one that its contract takes."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mlflow.types.agent import CHAT_AGENT_INPUT_SCHEMA
from mlflow.types.llm import CHAT_MODEL_INPUT_SCHEMA
from mlflow.types.responses import RESPONSES_AGENT_INPUT_SCHEMA

from service.contract.contract import Contract
from service.contract.definition import Definition
from service.contract.types.scalars import COLUMN_TYPES, TENSOR_TYPES
from tests.contract.signatures import (
    ANY,
    LIMITS,
    array,
    column,
    contract,
    map_of,
    nested,
    object_of,
    param,
    parse,
    tensor,
)
from tests.contract.test_fuzz import CONTRACTS
from tests.contract.test_request_schema import BOTH_TAKE

TYPES = [{"type": type_} for type_ in COLUMN_TYPES]
NESTED = [
    *(array(type_) for type_ in TYPES),
    *(map_of(type_) for type_ in TYPES),
    *(object_of({"a": type_}, {"b": type_}) for type_ in TYPES),
    *(ANY, array(ANY), map_of(ANY), array(array(object_of({}, {"a": ANY})))),
]
SHAPES: list[list[int]] = [[-1], [-1, 3], [-1, -1, 2], [2, 2], [], [0], [-1, 0]]
PARAMS = [
    param("double", "a", 0.5),
    param("double", "never", float("nan")),
    param("integer", "long", 2**40),
    param("datetime", "when", "2026-05-01"),
    param("string", "words", ["x"], shape=[-1]),
    {"name": "object", "default": {"a": 1}, **object_of({}, {"a": "long"})},
]
SIGNED: dict[str, list[Contract]] = {
    "fuzzed": CONTRACTS,
    "shown": [made for made, _ in BOTH_TAKE],
    "named": [contract(nested(type_, "x"), params=PARAMS) for type_ in (*TYPES, *NESTED)],
    "optional": [contract(nested(type_, "x", required=False)) for type_ in (*TYPES, *NESTED)],
    "unnamed": [contract(nested(type_)) for type_ in (*TYPES, *NESTED)],
    "hinted": [contract(nested(type_), from_type_hint=True) for type_ in (*TYPES, *NESTED)],
    "tensors": [contract(tensor(dtype, [-1, 3])) for dtype in TENSOR_TYPES],
    "shapes": [contract(tensor("float32", shape)) for shape in SHAPES],
    "named tensors": [
        contract(tensor(dtype, [-1, 2], "x"), tensor("str", [-1], "y"), params=PARAMS)
        for dtype in TENSOR_TYPES
    ],
    "like chats": [contract(nested(type_, "input")) for type_ in (*TYPES, *NESTED)],
    "numbered": [contract(column("double", 0), column("string", 1))],
    "chats": [
        contract(*json.loads(schema.to_json()), params=PARAMS[:1])
        for schema in (
            CHAT_MODEL_INPUT_SCHEMA,
            CHAT_AGENT_INPUT_SCHEMA,
            RESPONSES_AGENT_INPUT_SCHEMA,
        )
    ],
}


@pytest.mark.parametrize("kind", SIGNED)
def test_example_of_a_signature_is_taken(kind: str) -> None:
    """By the contract, and by the schema that stands beside it."""
    for made in SIGNED[kind]:
        example = json.loads(json.dumps(made.request_example, allow_nan=False))
        assert parse(made, example)
        assert Draft202012Validator(made.request_schema).is_valid(example)


@pytest.mark.parametrize(
    ("made", "example"),
    [
        (
            contract(column("double", "a"), column("string", "b", required=False), params=PARAMS),
            {
                "dataframe_split": {"columns": ["a", "b"], "data": [[0.0, "text"]]},
                "params": {
                    "a": 0.5,
                    "when": "2026-05-01",
                    "words": ["x"],
                    "object": {"a": 1},
                },
            },
        ),
        (contract(column("long")), {"dataframe_split": {"data": [[0]]}}),
        (contract(tensor("float32", [-1, 2])), {"inputs": [[0.0, 0.0]]}),
        (contract(nested(array("long")), from_type_hint=True), {"inputs": [[0]]}),
        (
            contract(
                nested(array(object_of({"role": "string"}, {"name": "string"})), "messages"),
                column("double", "x", required=False),
                params=PARAMS[:1],
            ),
            {"messages": [{"role": "user"}], "a": 0.5},
        ),
        (
            contract(column("string", "input")),
            {"dataframe_split": {"columns": ["input"], "data": [["text"]]}},
        ),
    ],
)  # fmt: skip
def test_example_is_in_the_format_of_a_models_own(made: Contract, example: Any) -> None:
    """One format, with the params that a client could send."""
    assert made.request_example == example


@pytest.mark.parametrize("params", [None, json.dumps(PARAMS[:1])])
def test_example_without_a_signature_is_taken(params: str | None) -> None:
    """Of what the inputs are nothing is known."""
    made = Definition({"params": params}, from_type_hint=False, limits=LIMITS, unsigned=True)
    contract_ = made.compile()
    assert contract_.parse(json.dumps(contract_.request_example).encode(), "").rows == 1


@pytest.mark.parametrize("shape", [[-1, 3, 224, 224], [-1, 1_000_000_000_000]])
def test_p15_large_tensors_have_no_made_up_example(shape: list[int]) -> None:
    """It would be made for each version, and stop the loop as a page."""
    assert contract(tensor("float32", shape)).request_example is None
