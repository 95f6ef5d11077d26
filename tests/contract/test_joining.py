"""Requests have equal join keys exactly where a joined batch has the same dtypes for each (P16)."""

from collections.abc import Hashable
from typing import Any

from tests.contract.signatures import column, contract, param, parse, tensor

TABLE = contract(
    column("double", "a"),
    column("double", "b", required=False),
    column("string", "c", required=False),
)
WITH_PARAMS = contract(column("double", "a"), params=[param("double", "t", 1.0)])


def key(made: Any, body: Any) -> Hashable | None:
    """The join key of a valid body."""
    return parse(made, body).join_key


def test_requests_alike_share_a_key() -> None:
    """The format, the values and the number of rows make no difference."""
    whole = key(TABLE, {"inputs": {"a": 1, "b": 2, "c": "x"}})
    assert whole is not None
    assert whole == key(TABLE, {"dataframe_records": [{"c": "y", "b": 0, "a": 5}] * 3})


def test_columns_and_nulls_tell_requests_apart() -> None:
    """A column left out, one of nulls and one with some nulls each make other dtypes."""
    bodies: list[dict[str, Any]] = [
        {"a": [1, 2], "b": [1, 2], "c": ["x", "y"]},
        {"a": [1, 2], "b": [1, None], "c": ["x", "y"]},
        {"a": [1, 2], "b": [None, None], "c": ["x", "y"]},
        {"a": [1, 2], "b": [1, 2], "c": ["x", None]},
        {"a": [1, 2], "b": [1, None], "c": ["x", None]},
        {"a": [1, 2], "b": [1, 2]},
        {"a": [1, 2], "b": [1, None]},
        {"a": [1, 2], "c": ["x", "y"]},
        {"a": [1, 2]},
    ]
    keys = [key(TABLE, {"inputs": body}) for body in bodies]
    assert len(set(keys)) == len(bodies)
    assert keys == [key(TABLE, {"instances": body}) for body in bodies]


def test_params_tell_requests_apart() -> None:
    """Equal params join, defaults filled in; others do not, not even None."""
    body = {"inputs": {"a": 1}}
    keys = [
        key(WITH_PARAMS, {**body, "params": params})
        for params in ({}, {"t": 1}, {"t": 2}, {"t": None})
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_an_index_is_never_joined() -> None:
    """Indices of two requests cannot stand in one DataFrame."""
    body = {"dataframe_split": {"columns": ["a"], "data": [[1]], "index": [0]}}
    assert key(TABLE, body) is None


def test_no_rows_are_never_joined() -> None:
    """Nobody could tell which part of a reply belongs to no rows."""
    assert key(TABLE, {"inputs": {"a": []}}) is None
    assert key(contract(tensor("float64", [-1])), {"inputs": []}) is None


def test_tensors_join_along_a_free_first_dimension() -> None:
    """All other dimensions must agree, and text be of one width."""
    free = contract(tensor("float64", [-1, -1]))
    assert key(free, {"inputs": [[1, 2]]}) == key(free, {"inputs": [[1, 2], [3, 4]]})
    assert key(free, {"inputs": [[1, 2]]}) != key(free, {"inputs": [[1, 2, 3]]})
    assert key(contract(tensor("float64", [1, 2])), {"inputs": [[1, 2]]}) is None
    assert key(contract(tensor("float64", [])), {"inputs": 1}) is None
    text = contract(tensor("str", [-1]))
    assert key(text, {"inputs": ["ab"]}) == key(text, {"inputs": ["", "cd"]})
    assert key(text, {"inputs": ["ab"]}) != key(text, {"inputs": ["abc"]})


def test_named_tensors_of_unequal_length_stand_alone() -> None:
    """There are no rows to speak of then."""
    two = contract(tensor("float64", [-1], "x"), tensor("float64", [-1], "y"))
    assert key(two, {"inputs": {"x": [1], "y": [1, 2]}}) is None
    assert key(two, {"inputs": {"x": [1, 2], "y": [1, 2]}}) == key(
        two, {"inputs": {"x": [1], "y": [1]}}
    )


def test_keys_of_equal_requests_are_hashable() -> None:
    """The batcher keeps them in a dictionary."""
    bodies = ({"a": 1}, {"a": 1, "b": None}, {"a": 1, "b": 1, "c": "x"})
    assert len({key(TABLE, {"inputs": body}) for body in bodies}) == 3
