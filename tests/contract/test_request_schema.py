"""The JSON schema admits what the contract takes, and refuses what is plainly off."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from service.contract.contract import Contract
from service.contract.types.scalars import COLUMN_TYPES
from tests.contract.signatures import (
    ANY,
    array,
    column,
    contract,
    errors,
    map_of,
    nested,
    object_of,
    param,
    parse,
    tensor,
)

NAMED = contract(
    column("double", "a"),
    column("string", "s", required=False),
    params=[param("long", "top", 3), param("string", "tags", ["x"], shape=[-1])],
)
UNNAMED = contract(column("double"), column("string"))
SINGLE = contract(column("double"))
ONE = contract(column("double", "a"))
WIDE = contract(tensor("float64", [-1, 2]))
TWO = contract(tensor("float64", [-1, 2], "x"), tensor("str", [-1], "y"))
CHAT = contract(
    nested(array(object_of({"role": "string"}, {"score": "long"})), "messages"),
    nested(map_of("double"), "weights", required=False),
    nested(object_of({"a": "long"}), "extra", required=False),
)
PROMPT = contract(
    column("string", "prompt"),
    column("long", "n", required=False),
    params=[param("double", "temperature", 0.5)],
)
EITHER = contract(nested(ANY, "input", required=False), nested(ANY, "prompt", required=False))
OBJECT = contract(
    column("double", "a"), params=[{"name": "p", "default": {}, **object_of({}, {"b": "long"})}]
)
MAP = contract(nested(map_of(array("boolean")), "m"), column("long", "n"))
LISTS = contract(nested(array("long")))
ARRAY = contract(nested(array("double"), "a"))
WHATEVER = contract(nested(ANY, "a"))
HINTED = contract(nested(object_of({"a": "datetime"}, {"b": ANY})), from_type_hint=True)
SPLIT, RECORDS = "dataframe_split", "dataframe_records"

BOTH_TAKE: list[tuple[Contract, Any]] = [
    (NAMED, {SPLIT: {"columns": ["s", "a"], "index": ["i"], "data": [["x", 1]]}}),
    (NAMED, {RECORDS: [{"a": 1, "s": None}], "params": {"top": None, "tags": ["y"]}}),
    (NAMED, {"instances": [{"a": 1}]}),
    (NAMED, {"inputs": {"a": [1], "s": "x"}}),
    (NAMED, {"inputs": {"a": 1}}),
    (ONE, {"inputs": [1, 2]}),
    (UNNAMED, {SPLIT: {"data": [[1, "x"]]}}),
    (UNNAMED, {RECORDS: [[1, "x"]]}),
    (UNNAMED, {"inputs": [[1, "x"]]}),
    (SINGLE, {"inputs": 1}),
    (SINGLE, {"instances": [1, 2]}),
    (WIDE, {"inputs": [[1, 2]]}),
    (WIDE, {SPLIT: {"data": [[1, 2]]}}),
    (TWO, {"inputs": {"x": [[1, 2]], "y": ["z"]}}),
    (TWO, {"instances": [{"x": [1, 2], "y": "z"}]}),
    (TWO, {RECORDS: [{"x": [1, 2], "y": "z"}]}),
    (CHAT, {"inputs": {"messages": [{"role": "a", "score": None}], "weights": {"a": 1}}}),
    (CHAT, {"inputs": [{"messages": [], "extra": {}}]}),
    (CHAT, {RECORDS: [{"messages": [{"role": "a"}], "weights": None, "extra": {"a": 1}}]}),
    (CHAT, {SPLIT: {"columns": ["messages"], "data": [[[{"role": "a"}]]]}}),
    (MAP, {"inputs": {"m": [{"a": [True]}], "n": [1]}}),
    (MAP, {"inputs": {"m": {"a": [True]}, "n": 1}}),
    (LISTS, {"inputs": [[1], []]}),
    (LISTS, {RECORDS: [[[1, 2]]]}),
    (ARRAY, {"inputs": [1, None]}),
    (WHATEVER, {"instances": [{"a": None}]}),
    (HINTED, {"inputs": [{"a": "2026-05-01", "b": [1]}]}),
    # The hint may have a default for what is missing.
    (HINTED, {"inputs": [{"b": 1}]}),
    (CHAT, {"messages": [{"role": "a"}], "weights": {"a": 1}}),
    (PROMPT, {"prompt": "a", "n": 1, "temperature": 1}),
    (PROMPT, {"inputs": {"prompt": "a"}, "params": {"temperature": 1}}),
    (EITHER, {"input": ["a", "b"]}),
    (EITHER, {"input": {"a": [1]}, "prompt": None}),
    (OBJECT, {"inputs": {"a": 1}, "params": {"p": {"b": 1}}}),
]

SCHEMA_REFUSES: list[tuple[Contract, Any]] = [
    (NAMED, []),
    (NAMED, {}),
    (NAMED, {"inputs": {"a": 1}, "instances": {"a": 1}}),
    (NAMED, {RECORDS: [{"a": "x"}]}),
    (NAMED, {RECORDS: [{"a": None}]}),
    (NAMED, {RECORDS: [{"s": "x"}]}),
    (NAMED, {"inputs": {"a": 1}, "params": {"top": "x"}}),
    (NAMED, {SPLIT: {"data": [[1]]}}),
    (NAMED, {SPLIT: {"columns": ["a"], "data": [[1]], "more": 1}}),
    (UNNAMED, {"inputs": [[1]]}),
    (WIDE, {"inputs": [[1, 2, 3]]}),
    (WIDE, {"inputs": [1]}),
    (TWO, {"inputs": {"x": [[1, 2]]}}),
    (CHAT, {RECORDS: [{"messages": [{"role": "a", "z": 1}]}]}),
    (CHAT, {RECORDS: [{"messages": [{}]}]}),
    (CHAT, {RECORDS: [{"messages": None}]}),
    (CHAT, {RECORDS: [{"messages": [], "weights": {"a": "x"}}]}),
    (CHAT, {RECORDS: [{"messages": [], "extra": {"b": 1}}]}),
    (LISTS, {"inputs": [["x"]]}),
    (HINTED, {"instances": [{"a": "2026-05-01"}]}),
    (CHAT, {"messages": [{"role": 1}]}),
    (PROMPT, {"prompt": ["a"]}),
    (PROMPT, {"n": 1}),
    (PROMPT, {"prompt": "a", "temperature": "x"}),
    (PROMPT, {"prompt": "a", "params": {}}),
    (PROMPT, {"prompt": "a", "inputs": {"prompt": "a"}}),
    (NAMED, {"prompt": "a"}),
    (OBJECT, {"inputs": {"a": 1}, "params": {"p": {"z": 1}}}),
]


@pytest.mark.parametrize(("made", "body"), SCHEMA_REFUSES)
def test_contract_refuses_what_the_schema_refuses(made: Contract, body: Any) -> None:
    """Nobody is told that a request is wrong which is answered."""
    assert errors(made, body)


def accepts(made: Contract, body: Any) -> bool:
    """Whether the schema admits the body."""
    return bool(Draft202012Validator(made.request_schema).is_valid(body))


@pytest.mark.parametrize(("made", "body"), BOTH_TAKE)
def test_schema_admits_what_the_contract_takes(made: Contract, body: Any) -> None:
    """In all four formats, with optional columns, nulls and params."""
    assert parse(made, body).rows >= 1
    assert accepts(made, body)


@pytest.mark.parametrize(("made", "body"), SCHEMA_REFUSES)
def test_schema_refuses_what_is_plainly_off(made: Contract, body: Any) -> None:
    """Types, required columns and the choice of one format are all in it."""
    assert not accepts(made, body)


@pytest.mark.parametrize("made", [NAMED, UNNAMED, SINGLE, WIDE, TWO, CHAT, MAP, HINTED, PROMPT])
def test_schema_is_a_json_schema(made: Contract) -> None:
    """Of the dialect that OpenAPI 3.1 uses."""
    Draft202012Validator.check_schema(made.request_schema)


@pytest.mark.parametrize("type_", list(COLUMN_TYPES))
def test_every_column_has_its_type_and_nullability(type_: str) -> None:
    """Null is admitted exactly where the contract takes it."""
    made = contract(column(type_, "x", required=False), column(type_, "y"))
    properties = made.request_schema["properties"][RECORDS]["items"]["properties"]
    assert properties["x"]["title"] == type_
    assert ("null" in properties["x"]["type"]) == COLUMN_TYPES[type_].nullable
    assert properties["y"]["type"] == COLUMN_TYPES[type_].schema["type"]


def test_nested_types_are_told_whole() -> None:
    """Every level with MLflow's name, what it requires, and whether it knows other properties."""
    properties = CHAT.request_schema["properties"][RECORDS]["items"]["properties"]
    message = properties["messages"]["items"]
    assert message["required"] == ["role"]
    assert message["additionalProperties"] is False
    assert message["properties"]["score"]["type"] == ["integer", "null"]
    assert properties["weights"]["type"] == ["object", "null"]
    assert properties["weights"]["additionalProperties"]["title"] == "double"
    assert properties["messages"]["title"] == "array"


@pytest.mark.parametrize("made", [NAMED, UNNAMED, WIDE, TWO, CHAT, MAP, LISTS, WHATEVER, HINTED])
def test_whatever_has_a_type_of_mlflows_is_described(made: Contract) -> None:
    """In words of the type's own, at every level: a signature has none, and its names are text."""
    typed = list(_with_titles(made.request_schema))

    assert typed
    assert all(type(each.get("description")) is str for each in typed)


def _with_titles(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, list):
        for each in schema:
            yield from _with_titles(each)
    elif isinstance(schema, dict):
        if type(schema.get("title")) is str:
            yield schema
        yield from _with_titles(list(schema.values()))
