"""The four formats mean for columns what they mean to MLflow."""

from typing import Any

import pytest

from service.contract.contract import RequestLimits
from tests.contract.signatures import column, contract, parse, places, values

NAMED = contract(column("double", "a"), column("long", "b"))
OPTIONAL = contract(column("double", "a"), column("string", "s", required=False))
SINGLE = contract(column("double", "a"))
UNNAMED = contract(column("double"), column("long"))
UNNAMED_SINGLE = contract(column("double"))
NUMBERED = contract(column("double", 0), column("long", 1))

ROW = [[1.5], [2]]
SPLIT, RECORDS = "dataframe_split", "dataframe_records"

TAKEN = [
    (NAMED, {SPLIT: {"columns": ["a", "b"], "data": [[1.5, 2]]}}, ROW),
    (NAMED, {SPLIT: {"columns": ["b", "a"], "data": [[2, 1.5]]}}, ROW),
    (NAMED, {SPLIT: {"columns": ["z", "b", None, "a", 3], "data": [[{}, 2, 0, 1.5, []]]}}, ROW),
    (NAMED, {SPLIT: {"columns": ["a", "b"], "data": []}}, [[], []]),
    (NAMED, {RECORDS: [{"b": 2, "z": "?", "a": 1.5}]}, ROW),
    (NAMED, {RECORDS: [{"a": 1.5, "b": 2}, {"b": 4, "a": 3}]}, [[1.5, 3.0], [2, 4]]),
    (NAMED, {"instances": [{"a": 1.5, "b": 2, "z": [1]}]}, ROW),
    (NAMED, {"instances": {"a": [1.5], "b": [2]}}, ROW),
    (NAMED, {"inputs": {"a": [1.5], "b": [2], "z": [1, 2]}}, ROW),
    (NAMED, {"inputs": {"a": 1.5, "b": 2}}, ROW),
    (NAMED, {"inputs": {"a": [1.5, 2.5], "b": 2}}, [[1.5, 2.5], [2, 2]]),
    (NAMED, {"inputs": {"a": 1.5, "b": 2, "z": [0, 0]}}, [[1.5, 1.5], [2, 2]]),
    (NAMED, {"inputs": {"a": [], "b": []}}, [[], []]),
    (NAMED, {"inputs": [{"a": 1.5, "b": 2}]}, ROW),
    (OPTIONAL, {RECORDS: [{"a": 1.5}]}, [[1.5]]),
    (OPTIONAL, {RECORDS: [{"a": 1.5}, {"a": 2, "s": "x"}]}, [[1.5, 2.0], [None, "x"]]),
    (OPTIONAL, {"instances": [{"a": 1.5, "s": "x"}, {"a": 2}]}, [[1.5, 2.0], ["x", None]]),
    (OPTIONAL, {"inputs": {"a": 1.5, "s": None}}, [[1.5], [None]]),
    (OPTIONAL, {SPLIT: {"columns": ["a"], "data": [[1]]}}, [[1.0]]),
    (SINGLE, {"inputs": [1.5, 2]}, [[1.5, 2.0]]),
    (SINGLE, {"instances": [1.5]}, [[1.5]]),
    (SINGLE, {"inputs": []}, [[]]),
    (SINGLE, {SPLIT: {"columns": ["a"], "data": [1.5, 2]}}, [[1.5, 2.0]]),
    (UNNAMED, {SPLIT: {"data": [[1.5, 2]]}}, ROW),
    (UNNAMED, {SPLIT: {"data": [[1.5, 2, "dropped"]]}}, ROW),
    (UNNAMED, {SPLIT: {"columns": ["p", "q"], "data": [[1.5, 2]]}}, ROW),
    (UNNAMED, {SPLIT: {"columns": [1, 0], "data": [[1.5, 2]]}}, ROW),
    (UNNAMED, {RECORDS: [{"p": 1.5, "q": 2}, {"q": 4, "p": 3}]}, [[1.5, 3.0], [2, 4]]),
    (UNNAMED, {RECORDS: [[1.5, 2]]}, ROW),
    (UNNAMED, {"instances": [{"p": 1.5, "q": 2}]}, ROW),
    (UNNAMED, {"inputs": [[1.5, 2]]}, ROW),
    (UNNAMED_SINGLE, {"inputs": 1.5}, [[1.5]]),
    (UNNAMED_SINGLE, {"instances": [1.5, 2]}, [[1.5, 2.0]]),
    (UNNAMED_SINGLE, {"inputs": [[1.5], [2]]}, [[1.5, 2.0]]),
    (UNNAMED_SINGLE, {RECORDS: [1.5]}, [[1.5]]),
    (NUMBERED, {SPLIT: {"data": [[1.5, 2]]}}, ROW),
    (NUMBERED, {SPLIT: {"columns": [1, 0], "data": [[2, 1.5]]}}, ROW),
    (NUMBERED, {RECORDS: [{"1": 2, "0": 1.5}]}, ROW),
    (NUMBERED, {RECORDS: [[1.5, 2]]}, ROW),
    (NUMBERED, {"inputs": {"0": [1.5], "1": 2}}, ROW),
]

REFUSED: list[tuple[Any, Any, list[tuple[tuple[str | int, ...], str]]]] = [
    (NAMED, {SPLIT: [1]}, [((SPLIT,), "format")]),
    (NAMED, {SPLIT: {"columns": ["a", "b"]}}, [((SPLIT,), "format")]),
    (NAMED, {SPLIT: {"data": [], "columns": ["a"], "x": 1}}, [((SPLIT,), "format")]),
    (NAMED, {SPLIT: {"columns": ["a", "b"], "data": {}}}, [((SPLIT, "data"), "type")]),
    (NAMED, {SPLIT: {"columns": "ab", "data": [[1, 2]]}}, [((SPLIT, "columns"), "type")]),
    (NAMED, {SPLIT: {"columns": [["a"], "b"], "data": []}}, [((SPLIT, "columns", 0), "type")]),
    (
        NAMED,
        {SPLIT: {"columns": ["a", "b", "a", "a"], "data": [[1, 2, 1, 1]]}},
        [
            ((SPLIT, "columns", 2), "duplicate_column"),
            ((SPLIT, "columns", 3), "duplicate_column"),
        ],
    ),
    (NAMED, {SPLIT: {"columns": ["a"], "data": [[1]]}}, [((SPLIT, "columns", "b"), "missing")]),
    (
        NAMED,
        {SPLIT: {"data": [[1.5, 2]]}},
        [((SPLIT, "data", "a"), "missing"), ((SPLIT, "data", "b"), "missing")],
    ),
    (
        NAMED,
        {SPLIT: {"columns": ["a", "b"], "data": [[1, 2], [1], 5, {"a": 1}, [1, 2, 3]]}},
        [
            ((SPLIT, "data", 1), "shape"),
            ((SPLIT, "data", 2), "type"),
            ((SPLIT, "data", 3), "type"),
            ((SPLIT, "data", 4), "shape"),
        ],
    ),
    (NAMED, {SPLIT: {"columns": ["a", "b"], "data": [5]}}, [((SPLIT, "data", 0), "type")]),
    (NAMED, {SPLIT: {"columns": ["a", "b"], "data": [[]]}}, [((SPLIT, "data", 0), "shape")]),
    (NAMED, {RECORDS: []}, [((RECORDS,), "missing")]),
    (NAMED, {RECORDS: {"a": 1}}, [((RECORDS,), "type")]),
    (NAMED, {RECORDS: None}, [((RECORDS,), "type")]),
    (
        NAMED,
        {RECORDS: [{"a": 1.5, "b": 2}, {"a": "x"}, 7]},
        [((RECORDS, 2), "type"), ((RECORDS, 1, "b"), "missing"), ((RECORDS, 1, "a"), "type")],
    ),
    (NAMED, {"inputs": {"a": [1, 2], "b": [1]}}, [(("inputs",), "shape")]),
    (NAMED, {"inputs": {"a": 1}}, [(("inputs", "b"), "missing")]),
    (NAMED, {"inputs": {"a": "x", "b": 1}}, [(("inputs", "a"), "type")]),
    (NAMED, {"inputs": {"a": "x", "b": [1, 2]}}, [(("inputs", "a"), "type")]),
    (NAMED, {"inputs": {"a": [[1]], "b": [1]}}, [(("inputs", "a", 0), "type")]),
    (NAMED, {"inputs": 1.5}, [(("inputs",), "type")]),
    (NAMED, {"instances": []}, [(("instances",), "missing")]),
    (SINGLE, {"inputs": 1.5}, [(("inputs",), "type")]),
    (SINGLE, {"inputs": [[1.5]]}, [(("inputs", 0), "type")]),
    (SINGLE, {"inputs": ["x"]}, [(("inputs", 0), "type")]),
    (UNNAMED, {"inputs": {"a": [1], "b": [2]}}, [(("inputs",), "type")]),
    (UNNAMED, {"inputs": [1.5, 2]}, [(("inputs",), "shape")]),
    (UNNAMED, {RECORDS: [{"p": 1}]}, [((RECORDS, 0), "shape")]),
    (UNNAMED, {RECORDS: [{"p": 1, "q": 2}, {"p": 1}]}, [((RECORDS, 1, 1), "missing")]),
    (UNNAMED, {SPLIT: {"data": [["x", 2]]}}, [((SPLIT, "data", 0, 0), "type")]),
    (UNNAMED_SINGLE, {"inputs": None}, [(("inputs",), "type")]),
    (UNNAMED_SINGLE, {"inputs": "x"}, [(("inputs",), "type")]),
    (contract(column("long", "n", required=False)), {RECORDS: [{}]}, [((RECORDS,), "missing")]),
]


@pytest.mark.parametrize(("made", "body", "expected"), TAKEN)
def test_format_is_read_as_mlflow_reads_it(made: Any, body: Any, expected: Any) -> None:
    """Columns come out in the signature's order, whatever the layout."""
    assert values(made, body) == expected


@pytest.mark.parametrize(("made", "body", "expected"), REFUSED)
def test_layout_that_is_off_is_named(made: Any, body: Any, expected: Any) -> None:
    """Every place at which the layout is off is named, and nothing else."""
    assert places(made, body) == expected


def test_index_is_kept() -> None:
    """The index of `dataframe_split` reaches the model, whatever plain values it has."""
    body = {SPLIT: {"columns": ["a", "b"], "index": ["x", 7], "data": [[1, 2], [3, 4]]}}
    assert parse(NAMED, body).index == ["x", 7]


@pytest.mark.parametrize(
    ("index", "place", "error"),
    [
        ("ab", (), "type"),
        ([1], (), "shape"),
        ([1, [2]], (1,), "type"),
    ],
)
def test_index_that_does_not_fit_is_refused(index: Any, place: tuple[int, ...], error: str) -> None:
    """An index has one plain value for each row; pandas would repeat or nest rows otherwise."""
    body = {SPLIT: {"columns": ["a", "b"], "index": index, "data": [[1, 2], [3, 4]]}}
    assert places(NAMED, body) == [((SPLIT, "index", *place), error)]


@pytest.mark.parametrize(
    "body",
    [
        {SPLIT: {"columns": ["a"], "data": [[1]] * 3}},
        {RECORDS: [{"a": 1}] * 3},
        {"inputs": {"a": [1] * 3}},
        {"instances": [1] * 3},
    ],
)
def test_more_rows_than_allowed_are_refused(body: Any) -> None:
    """The limit holds in every format, and exactly."""
    strict = contract(column("double", "a"), limits=RequestLimits(max_rows=2))
    assert [error for _, error in places(strict, body)] == ["too_many_rows"]
    assert values(contract(column("double", "a"), limits=RequestLimits(max_rows=3)), body) == [
        [1.0] * 3
    ]


def test_rows_are_counted() -> None:
    """The number of rows is known also where some columns were left out."""
    assert parse(OPTIONAL, {RECORDS: [{"a": 1}, {"a": 2}]}).rows == 2
