"""Whatever a client sends, the contract answers with a model input or with field errors (P14)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.contract import Contract
from service.contract.model_input import ModelInput
from service.errors import InvalidInput
from tests.contract.signatures import (
    ANY,
    array,
    column,
    contract,
    map_of,
    nested,
    object_of,
    param,
    tensor,
)
from tests.support.exploring import did_something, exploring, floor

MANY = exploring(150)

TYPES = ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]
CONTRACTS = [
    contract(
        *(column(type_, type_, required=place % 2 == 0) for place, type_ in enumerate(TYPES)),
        params=[param("long", "a", 1), param("datetime", "b", [], shape=[-1])],
    ),
    contract(column("double", "a"), column("string", "b", required=False)),
    contract(column("double", "a")),
    contract(column("binary"), column("datetime")),
    contract(column("long")),
    contract(column("float", 0), column("float", 1)),
    contract(tensor("float64", [-1, 2])),
    contract(tensor("int8", [-1])),
    contract(tensor("str", [])),
    contract(tensor("float16", [-1, -1, 2])),
    contract(tensor("bool", [-1, 2], "a"), tensor("uint64", [-1], "b")),
    contract(
        nested(array(object_of({"a": "binary"}, {"b": map_of(array("datetime"))})), "a"),
        nested(map_of("float"), "b", required=False),
    ),
    contract(nested(ANY, "a"), nested(map_of(ANY), "b", required=False)),
    contract(nested(object_of({"a": array(array("double"))}, {"b": ANY}))),
    contract(nested(object_of({"a": "datetime"}, {"b": array("long")})), from_type_hint=True),
    contract(
        nested(array(object_of({"a": "string"}, {"b": ANY})), "messages", required=False),
        column("string", "prompt", required=False),
        nested(map_of(ANY), "a", required=False),
        params=[
            param("double", "b", 0.5),
            {"name": "p", "default": {}, **object_of({}, {"a": ANY})},
        ],
    ),
    contract(nested(ANY, "input"), nested(ANY, "a", required=False)),
]

ROW: dict[str, Any] = {
    "boolean": True,
    "integer": 1,
    "long": 2.0,
    "float": 0.5,
    "double": 1.5,
    "string": "x",
    "binary": "aGk=",
    "datetime": "2026-05-01T00:00:00Z",
}
VALID: list[tuple[Contract, Any]] = [
    (CONTRACTS[0], {"dataframe_split": {"columns": [*ROW], "data": [[*ROW.values()]] * 2}}),
    (CONTRACTS[0], {"dataframe_records": [ROW, ROW], "params": {"a": 2, "b": ["2026-05-01"]}}),
    (CONTRACTS[0], {"inputs": {name: [value, value] for name, value in ROW.items()}}),
    (CONTRACTS[0], {"instances": ROW}),
    (CONTRACTS[1], {"dataframe_split": {"columns": ["b", "a"], "index": [1], "data": [["x", 1]]}}),
    (CONTRACTS[2], {"inputs": [1, 2]}),
    (CONTRACTS[3], {"inputs": [["aGk=", "2026-05-01"]]}),
    (CONTRACTS[4], {"instances": 5}),
    (CONTRACTS[5], {"dataframe_split": {"data": [[1, 2]]}}),
    (CONTRACTS[6], {"inputs": [[1, 2], [3, 4]]}),
    (CONTRACTS[6], {"dataframe_split": {"data": [[1, 2], [3, 4]]}}),
    (CONTRACTS[6], {"dataframe_records": [{"x": [1, 2]}]}),
    (CONTRACTS[7], {"dataframe_records": [1, 2]}),
    (CONTRACTS[8], {"inputs": "x"}),
    (CONTRACTS[9], {"instances": [[[1, 2], [3, 4]]]}),
    (CONTRACTS[10], {"instances": [{"a": [True, False], "b": 1}]}),
    (CONTRACTS[10], {"dataframe_split": {"columns": ["b", "a"], "data": [[1, [True, True]]]}}),
    (CONTRACTS[11], {"inputs": {"a": [{"a": "aGk=", "b": {"z": ["2026-05-01"]}}], "b": {"a": 1}}}),
    (CONTRACTS[11], {"dataframe_split": {"columns": ["a"], "data": [[[{"a": ""}]]]}}),
    (CONTRACTS[12], {"instances": {"a": [1, None], "b": [{"a": [1]}, {}]}}),
    (CONTRACTS[12], {"dataframe_records": [{"a": "x", "b": {"a": None}}, {"a": [1]}]}),
    (CONTRACTS[13], {"dataframe_split": {"data": [[{"a": [[1], [None]]}], [{"a": []}]]}}),
    (CONTRACTS[14], {"inputs": [{"a": "2026-05-01"}, {"a": "2026-05-01", "b": [1]}]}),
    (CONTRACTS[15], {"messages": [{"a": "x", "b": [1]}], "a": {"k": 1}, "b": 1, "p": {"a": {}}}),
    (CONTRACTS[15], {"prompt": "x", "b": None}),
    (CONTRACTS[16], {"input": [1, 2], "a": "x"}),
    (CONTRACTS[16], {"input": ["x"], "a": {"k": 1}}),
]

KEYS = st.sampled_from(["a", "b", "0", "1", "data", "columns", "index", "z", *TYPES])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.sampled_from(["aGk=", "2026-05-01", "2026-05-01T00:00:00Z", "9999-01-01", "a", "b"]),
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
SPLITS = st.fixed_dictionaries(
    {"data": st.lists(st.one_of(st.lists(LEAVES, max_size=3), ANYTHING), max_size=4)},
    optional={
        "columns": st.one_of(st.lists(st.one_of(KEYS, LEAVES), max_size=3), ANYTHING),
        "index": st.one_of(st.lists(LEAVES, max_size=4), ANYTHING),
    },
)
BODIES = st.one_of(
    st.fixed_dictionaries({"dataframe_split": SPLITS}, optional={"params": ANYTHING}),
    st.dictionaries(
        st.sampled_from(["dataframe_split", "dataframe_records", "instances", "inputs", "params"]),
        ANYTHING,
        max_size=2,
    ),
    st.dictionaries(
        st.sampled_from(["messages", "prompt", "input", "params", "a", "b", "p"]),
        ANYTHING,
        min_size=1,
        max_size=3,
    ),
    ANYTHING,
)


def check(made: Contract, body: bytes) -> None:
    """Either errors, or an input that is whole."""
    outcome: ModelInput | InvalidInput
    try:
        outcome = made.parse(body, "application/json")
    except InvalidInput as error:
        outcome = error
    if isinstance(outcome, ModelInput):
        assert_whole(outcome)
        did_something()
    else:
        assert outcome.errors
        assert all(each.loc[0] == "body" and each.msg for each in outcome.errors)


def assert_whole(parsed: ModelInput) -> None:
    """Columns are as long as the input says, and their flags are true."""
    assert parsed.columns
    hash(parsed.join_key)
    for each in parsed.by_column().columns:
        if parsed.kind in ("table", "block"):
            assert len(each.values) == parsed.rows
        assert each.has_null == (None in each.values)
        if each.shape is not None:
            assert len(each.values) == _size(each.shape)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


@MANY
@given(st.sampled_from(CONTRACTS), BODIES)
def test_p14_any_json_gives_an_input_or_errors(made: Contract, body: Any) -> None:
    """No other exception, for any signature."""
    check(made, json.dumps(body).encode())


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Contract, Any]:
    """A contract, and a valid body for it in which one thing was replaced, taken out or doubled."""
    made, body = draw(st.sampled_from(VALID))
    body = json.loads(json.dumps(body))
    root: Any = {"": body}
    parent: Any = root
    key: Any = ""
    for _ in range(draw(st.integers(0, 5))):
        inner = parent[key]
        if not inner or not isinstance(inner, list | dict):
            break
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        parent, key = inner, draw(st.sampled_from(keys))
    match draw(st.sampled_from(["replace", "remove", "double", "nothing"])):
        case "replace":
            parent[key] = draw(ANYTHING)
        case "remove":
            del parent[key]
        case "double" if isinstance(parent, list):
            parent.append(parent[key])
    return made, root.get("")


@floor(0.1, MANY)
@MANY
@given(damaged())
def test_p14_a_body_with_one_fault_gives_an_input_or_errors(
    case: tuple[Contract, Any],
) -> None:
    """Most of a request is right, as most bad requests are."""
    made, body = case
    check(made, json.dumps(body).encode())


@pytest.mark.parametrize(("made", "body"), VALID)
def test_what_is_damaged_was_valid(made: Contract, body: Any) -> None:
    """Otherwise the faults would hide behind others."""
    assert_whole(made.parse(json.dumps(body).encode(), ""))


@MANY
@given(st.sampled_from(CONTRACTS), st.binary(max_size=30), st.integers(0, 60), st.integers(0, 9))
def test_p14_any_bytes_give_an_input_or_errors(
    made: Contract, junk: bytes, start: int, cut: int
) -> None:
    """A valid body with junk in it, at any place."""
    body = b'{"inputs": {"a": [1, 2], "b": ["x", "y"]}, "params": {"a": 1}}'
    check(made, body[:start] + junk + body[start + cut :])
