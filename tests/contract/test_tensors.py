"""Tensors arrive in their shape and dtype, exactly, or are refused."""

from typing import Any

import pytest

from service.contract.contract import RequestLimits
from tests.contract.signatures import contract, parse, places, tensor, values

WIDE = contract(tensor("float64", [-1, 4]))
FLAT = contract(tensor("float64", [-1]))
THIN = contract(tensor("float64", [-1, 1]))
CUBE = contract(tensor("float64", [-1, 2, 2]))
FIXED = contract(tensor("int64", [2, 2]))
ANY = contract(tensor("int64", [-1, -1]))
SCALAR = contract(tensor("float64", []))
TWO = contract(tensor("float64", [-1, 2], "x"), tensor("int64", [-1], "y"))
ONE = contract(tensor("float64", [-1, 2], "x"))
SPLIT, RECORDS = "dataframe_split", "dataframe_records"

TAKEN: list[tuple[Any, Any, list[tuple[list[Any], tuple[int, ...]]]]] = [
    (WIDE, {"inputs": [[1, 2.5, 3, 4]]}, [([1, 2.5, 3, 4], (1, 4))]),
    (WIDE, {"instances": [[1, 2, 3, 4], [5, 6, 7, 8]]}, [([1, 2, 3, 4, 5, 6, 7, 8], (2, 4))]),
    (WIDE, {SPLIT: {"data": [[1, 2, 3, 4]]}}, [([1, 2, 3, 4], (1, 4))]),
    (WIDE, {SPLIT: {"columns": [*"dcba"], "data": [[1, 2, 3, 4]]}}, [([1, 2, 3, 4], (1, 4))]),
    (WIDE, {SPLIT: {"columns": ["a"], "data": [[[1, 2, 3, 4]]]}}, [([1, 2, 3, 4], (1, 4))]),
    (WIDE, {RECORDS: [{"a": 1, "b": 2, "c": 3, "d": 4}]}, [([1, 2, 3, 4], (1, 4))]),
    (WIDE, {RECORDS: [{"a": [1, 2, 3, 4]}]}, [([1, 2, 3, 4], (1, 4))]),
    (WIDE, {RECORDS: [[1, 2, 3, 4]]}, [([1, 2, 3, 4], (1, 4))]),
    (FLAT, {"inputs": [1, 2]}, [([1, 2], (2,))]),
    (FLAT, {"inputs": []}, [([], (0,))]),
    (FLAT, {SPLIT: {"data": [[1], [2]]}}, [([1, 2], (2,))]),
    (FLAT, {SPLIT: {"data": [1, 2]}}, [([1, 2], (2,))]),
    (THIN, {"inputs": [[1], [2]]}, [([1, 2], (2, 1))]),
    (THIN, {SPLIT: {"data": [[1], [2]]}}, [([1, 2], (2, 1))]),
    (THIN, {SPLIT: {"data": [[[1]], [[2]]]}}, [([1, 2], (2, 1))]),
    (CUBE, {"inputs": [[[1, 2], [3, 4]]]}, [([1, 2, 3, 4], (1, 2, 2))]),
    (CUBE, {SPLIT: {"columns": ["a"], "data": [[[1, 2, 3, 4]]]}}, [([1, 2, 3, 4], (1, 2, 2))]),
    (FIXED, {"inputs": [[1, 2], [3, 4.0]]}, [([1, 2, 3, 4], (2, 2))]),
    (ANY, {"inputs": [[1, 2, 3]]}, [([1, 2, 3], (1, 3))]),
    (SCALAR, {"inputs": 1.5}, [([1.5], ())]),
    (TWO, {"inputs": {"x": [[1, 2]], "y": [3], "z": 1}}, [([1, 2], (1, 2)), ([3], (1,))]),
    (TWO, {"inputs": {"y": [3, 4], "x": [[1, 2]]}}, [([1, 2], (1, 2)), ([3, 4], (2,))]),
    (TWO, {"instances": {"x": [[1, 2]], "y": [3]}}, [([1, 2], (1, 2)), ([3], (1,))]),
    (TWO, {"instances": [{"x": [1, 2], "y": 3}]}, [([1, 2], (1, 2)), ([3], (1,))]),
    (TWO, {SPLIT: {"columns": ["y", "x"], "data": [[3, [1, 2]]]}}, [([1, 2], (1, 2)), ([3], (1,))]),
    (TWO, {RECORDS: [{"y": 3, "x": [1, 2]}]}, [([1, 2], (1, 2)), ([3], (1,))]),
    (ONE, {"inputs": [[1, 2]]}, [([1, 2], (1, 2))]),
    (ONE, {"instances": [[1, 2]]}, [([1, 2], (1, 2))]),
]

REFUSED: list[tuple[Any, Any, list[tuple[tuple[str | int, ...], str]]]] = [
    (WIDE, {"inputs": [[1, 2, 3, 4], [1, 2, 3]]}, [(("inputs", 1), "shape")]),
    (WIDE, {"inputs": [[1, 2, 3]]}, [(("inputs", 0), "shape")]),
    (WIDE, {"inputs": []}, [(("inputs",), "shape")]),
    (WIDE, {"inputs": [[]]}, [(("inputs", 0), "shape")]),
    (WIDE, {"inputs": "x"}, [(("inputs",), "shape")]),
    (WIDE, {"inputs": None}, [(("inputs",), "shape")]),
    (WIDE, {"inputs": {"x": [[1, 2, 3, 4]]}}, [(("inputs",), "type")]),
    (WIDE, {"inputs": [[1, 2, 3, None]]}, [(("inputs", 0, 3), "null")]),
    (
        WIDE,
        {"inputs": [[1, [2], 3, "4"]]},
        [(("inputs", 0, 1), "shape"), (("inputs", 0, 3), "type")],
    ),
    (WIDE, {SPLIT: {"data": []}}, [((SPLIT, "data"), "missing")]),
    (WIDE, {SPLIT: {"columns": ["a"], "data": []}}, [((SPLIT, "data"), "missing")]),
    (WIDE, {SPLIT: {"data": [[1, 2, 3, 4], [1]]}}, [((SPLIT, "data", 1), "shape")]),
    (WIDE, {SPLIT: {"data": [[[1, 2, 3]]]}}, [((SPLIT, "data", 0, 0), "shape")]),
    (WIDE, {SPLIT: {"data": [[1, 2, 3, "x"]]}}, [((SPLIT, "data", 0, 3), "type")]),
    (FIXED, {"inputs": [[1, 2]]}, [(("inputs",), "shape")]),
    (FIXED, {"inputs": [[1.7, 2], [3, 4]]}, [(("inputs", 0, 0), "fraction")]),
    (FIXED, {SPLIT: {"data": [[[1, 2, 3, 4]]]}}, [((SPLIT, "data", 0), "shape")]),
    (SCALAR, {"inputs": [1.5]}, [(("inputs",), "shape")]),
    (SCALAR, {"inputs": True}, [(("inputs",), "type")]),
    (TWO, {"inputs": {"x": [[1, 2]]}}, [(("inputs", "y"), "missing")]),
    (TWO, {"inputs": [[1, 2]]}, [(("inputs",), "type")]),
    (TWO, {"instances": {"x": [[1, 2]], "y": [3, 4]}}, [(("instances",), "shape")]),
    (
        TWO,
        {"inputs": {"x": [[1, "2"]], "y": 3}},
        [(("inputs", "x", 0, 1), "type"), (("inputs", "y"), "shape")],
    ),
    (
        TWO,
        {"instances": [{"x": [1, 2], "y": 3}, {"x": [1]}]},
        [(("instances", 1, "y"), "missing"), (("instances", 1, "x"), "shape")],
    ),
    (
        TWO,
        {RECORDS: [{"x": [1, None], "y": 1.5}]},
        [((RECORDS, 0, "x", 1), "null"), ((RECORDS, 0, "y"), "fraction")],
    ),
]

DTYPES = [
    ("bool", [True, False], [1, 0], "B", 1),
    ("int8", [-128, 127], [-128, 127], "b", 128),
    ("int16", [-(2**15), 2**15 - 1], [-(2**15), 2**15 - 1], "h", 2**15),
    ("int32", [-(2**31)], [-(2**31)], "i", 2**31),
    ("int64", [2**63 - 1], [2**63 - 1], "q", 2**63),
    ("uint8", [0, 255.0], [0, 255], "B", -1),
    ("uint16", [2**16 - 1], [2**16 - 1], "H", 2**16),
    ("uint32", [2**32 - 1], [2**32 - 1], "I", -1),
    ("uint64", [2**64 - 1], [2**64 - 1], "Q", 2**64),
    ("float16", [65504.0, 65519.9], [65504.0, 65519.9], "d", 65520),
    ("float32", [0.5, 2], [0.5, 2.0], "f", 1e39),
    ("float64", [0.1, 2], [0.1, 2.0], "d", 2**53 + 1),
    ("str", ["a", ""], ["a", ""], None, 5),
]


@pytest.mark.parametrize(("made", "body", "expected"), TAKEN)
def test_tensor_arrives_flat_with_its_shape(made: Any, body: Any, expected: Any) -> None:
    """Elements are in C order, in every format that MLflow reads as a tensor."""
    found = [(list(each.values), each.shape) for each in parse(made, body).columns]
    assert found == expected


@pytest.mark.parametrize(("made", "body", "expected"), REFUSED)
def test_element_or_shape_that_is_off_is_named(made: Any, body: Any, expected: Any) -> None:
    """Every place at which a tensor does not fit is named, and nothing else."""
    assert places(made, body) == expected


@pytest.mark.parametrize(("dtype", "sent", "expected", "typecode", "wrong"), DTYPES)
def test_dtype_takes_what_it_can_hold(
    dtype: str, sent: list[Any], expected: list[Any], typecode: str | None, wrong: Any
) -> None:
    """Bounds are exact for every dtype, and elements lie in an array of their width."""
    made = contract(tensor(dtype, [-1]))
    (found,) = parse(made, {"inputs": sent}).columns
    assert list(found.values) == expected
    assert found.dtype == dtype
    assert getattr(found.values, "typecode", None) == typecode
    assert len(places(made, {"inputs": [*sent, wrong]})) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": [1, 2, 3]},
        {"dataframe_records": [{"a": 1}, {"a": 2}, {"a": 3}]},
        {"dataframe_split": {"data": [[1], [2], [3]]}},
    ],
)
def test_longer_tensors_than_allowed_are_refused(body: Any) -> None:
    """The limit on rows is one on the first dimension."""
    strict = contract(tensor("int64", [-1]), limits=RequestLimits(max_rows=2))
    assert [error for _, error in places(strict, body)] == ["too_many_rows"]


def test_kind_tells_one_tensor_from_named_ones() -> None:
    """A single unnamed tensor is handed on by itself, named ones by their names."""
    assert parse(WIDE, {"inputs": [[1, 2, 3, 4]]}).kind == "tensor"
    assert parse(ONE, {"inputs": [[1, 2]]}).kind == "tensors"
    assert parse(ONE, {"inputs": [[1, 2]]}).columns[0].name == "x"


def test_rows_are_the_first_dimension() -> None:
    """The batcher counts by it; a tensor without dimensions counts as one row."""
    assert parse(WIDE, {"inputs": [[1, 2, 3, 4]] * 3}).rows == 3
    assert parse(SCALAR, {"inputs": 1}).rows == 1
    assert values(SCALAR, {"inputs": 1}) == [[1.0]]
