"""Whatever a client sends, the contract answers with a model input or with field errors (P14)."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.contract.contract import Contract
from service.contract.model_input import ModelInput
from service.errors import InvalidInput
from tests.contract.signatures import column, contract, param, tensor

STEADY = settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

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
    else:
        assert outcome.errors
        assert all(each.loc[0] == "body" and each.msg for each in outcome.errors)


def assert_whole(parsed: ModelInput) -> None:
    """Columns are as long as the input says, and their flags are true."""
    assert parsed.columns
    hash(parsed.join_key)
    for each in parsed.columns:
        if parsed.kind == "table":
            assert len(each.values) == parsed.rows
        assert each.has_null == (None in each.values)
        if each.shape is not None:
            assert len(each.values) == _size(each.shape)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


@STEADY
@given(st.sampled_from(CONTRACTS), BODIES)
def test_p14_any_json_gives_an_input_or_errors(made: Contract, body: Any) -> None:
    """No other exception, for any signature."""
    check(made, json.dumps(body).encode())


@STEADY
@given(st.sampled_from(CONTRACTS), st.binary(max_size=30), st.integers(0, 60), st.integers(0, 9))
def test_p14_any_bytes_give_an_input_or_errors(
    made: Contract, junk: bytes, start: int, cut: int
) -> None:
    """A valid body with junk in it, at any place."""
    body = b'{"inputs": {"a": [1, 2], "b": ["x", "y"]}, "params": {"a": 1}}'
    check(made, body[:start] + junk + body[start + cut :])
