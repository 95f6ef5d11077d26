"""Each scalar type takes what it can hold exactly, and refuses everything else."""

import ast
import base64
from typing import Any

import pytest

from tests.contract.signatures import column, contract, parse, places, values
from tests.support.documents import ROOT

DAY = 86_400 * 10**9
# Names of types that JSON schema has not, too.
MLFLOWS = {"long", "float", "double", "binary", "datetime"}

TAKEN = [
    ("boolean", True, 1),
    ("boolean", False, 0),
    ("integer", 5, 5),
    ("integer", 5.0, 5),
    ("integer", -(2**31), -(2**31)),
    ("integer", 2**31 - 1, 2**31 - 1),
    ("long", -(2**63), -(2**63)),
    ("long", 2**63 - 1, 2**63 - 1),
    ("long", 1e3, 1000),
    ("long", -0.0, 0),
    ("float", 1.5, 1.5),
    ("float", 3, 3.0),
    ("float", 2**24, 2.0**24),
    ("float", 2**30, 2.0**30),
    ("float", 3.4028234e38, 3.4028234663852886e38),
    ("float", 1e-60, 0.0),
    ("double", 0.1, 0.1),
    ("double", 3, 3.0),
    ("double", 2**53, 2.0**53),
    ("double", 2**60, 2.0**60),
    ("double", 1.7976931348623157e308, 1.7976931348623157e308),
    ("double", 10**25, 1e25),
    ("string", "", ""),
    ("string", "5", "5"),
    ("string", "ä\u0000\U0001f600", "ä\u0000\U0001f600"),
    ("binary", "", b""),
    ("binary", "aGk=", b"hi"),
    ("binary", base64.encodebytes(b"x" * 100).decode(), b"x" * 100),
    ("datetime", "1970-01-02", DAY),
    ("datetime", "1969-12-31", -DAY),
    ("datetime", "1970-01-01T00:00", 0),
    ("datetime", "1970-01-01T01", 3600 * 10**9),
    ("datetime", "1970-01-01 00:00:00.000000001", 1),
    ("datetime", "1970-01-01T00:00:00,5Z", 5 * 10**8),
    ("datetime", "1970-01-01T02:00:00+02:00", 0),
    ("datetime", "1969-12-31T19:00:00-0500", 0),
    ("datetime", "1970-01-01t00:00:00z", 0),
    ("datetime", "1970-01-01T00:00:00-01", 3600 * 10**9),
    ("datetime", "2024-02-29", 19_782 * DAY),
    ("datetime", "2262-04-11T23:47:16.854775807", 2**63 - 1),
    ("datetime", "1677-09-21T00:12:43.145224193", -(2**63) + 1),
]

REFUSED = [
    ("boolean", 1, "type"),
    ("boolean", 0.0, "type"),
    ("boolean", "true", "type"),
    ("integer", 1.7, "fraction"),
    ("integer", 2**31, "out_of_range"),
    ("integer", -(2**31) - 1, "out_of_range"),
    ("integer", 1e10, "out_of_range"),
    ("integer", True, "type"),
    ("integer", "7", "type"),
    ("long", 0.5, "fraction"),
    ("long", 2**63, "out_of_range"),
    ("long", 2**64, "out_of_range"),
    ("long", -(10**30), "out_of_range"),
    ("long", 1e308, "out_of_range"),
    ("long", False, "type"),
    ("long", "7", "type"),
    ("long", [1], "type"),
    ("float", 1e300, "out_of_range"),
    ("float", -3.4028236e38, "out_of_range"),
    ("float", 2**24 + 1, "precision"),
    ("float", True, "type"),
    ("float", "1.5", "type"),
    ("double", 2**53 + 1, "precision"),
    ("double", -(2**63) + 1, "precision"),
    ("double", "3.5", "type"),
    ("double", True, "type"),
    ("double", {"a": 1}, "type"),
    ("string", 5, "type"),
    ("string", True, "type"),
    ("string", {"a": 1}, "type"),
    ("string", [1], "type"),
    ("binary", "***", "base64"),
    ("binary", "aGk", "base64"),
    ("binary", "aGk==", "base64"),
    ("binary", "AAAA=", "base64"),
    ("binary", "aG k=", "base64"),
    ("binary", "aGk=aGk=", "base64"),
    ("binary", "é===", "base64"),
    ("binary", 5, "type"),
    ("datetime", 1_700_000_000, "type"),
    ("datetime", 1.5, "type"),
    ("datetime", True, "type"),
    ("datetime", "", "datetime"),
    ("datetime", "now", "datetime"),
    ("datetime", "10:00", "datetime"),
    ("datetime", "2026", "datetime"),
    ("datetime", "2026-05", "datetime"),
    ("datetime", "20260501", "datetime"),
    ("datetime", "2026-W01-1", "datetime"),
    ("datetime", "2026-02-29", "datetime"),
    ("datetime", "0000-01-01", "datetime"),
    ("datetime", "2026-05-01T24:00:00", "datetime"),
    ("datetime", "2026-05-01T10:00:60", "datetime"),
    ("datetime", "2026-05-01T10:00:00+24:00", "datetime"),
    ("datetime", "2026-05-01T10:00:00.0000000001", "datetime"),
    ("datetime", "2026-05-01Z", "datetime"),
    ("datetime", "2026-05-01T10:00:00Z\n", "datetime"),
    ("datetime", "\u0662\u0660\u0662\u0666-05-01", "datetime"),
    ("datetime", "1500-01-01", "out_of_range"),
    ("datetime", "9999-12-31T23:59:59", "out_of_range"),
    ("datetime", "1677-09-21T00:12:43.145224192", "out_of_range"),
    ("datetime", "2262-04-11T23:47:16.854775808", "out_of_range"),
]

TYPES = sorted({type_ for type_, *_ in TAKEN})
TYPECODES = {
    "boolean": "B",
    "integer": "i",
    "long": "q",
    "float": "f",
    "double": "d",
    "datetime": "q",
}


def in_every_format(value: Any) -> list[dict[str, Any]]:
    """One row of the column `x` in all the ways there are."""
    return [
        {"dataframe_split": {"columns": ["x"], "data": [[value]]}},
        {"dataframe_split": {"columns": ["y", "x"], "data": [[None, value]]}},
        {"dataframe_records": [{"x": value}]},
        {"instances": [{"x": value}]},
        {"inputs": [{"x": value}]},
        {"instances": {"x": [value]}},
        {"inputs": {"x": [value]}},
        {"inputs": [value]} if type(value) is not dict else {"inputs": {"x": [value]}},
    ]


@pytest.mark.parametrize(("type_", "sent", "expected"), TAKEN)
def test_value_arrives_exactly_in_every_format(type_: str, sent: Any, expected: Any) -> None:
    """What the type can hold arrives, as the same value and of the right type."""
    made = contract(column(type_, "x"))
    for body in in_every_format(sent):
        assert values(made, body) == [[expected]]
        assert type(values(made, body)[0][0]) is type(expected)


@pytest.mark.parametrize(("type_", "sent", "error"), REFUSED)
def test_value_that_would_change_is_refused_in_every_format(
    type_: str, sent: Any, error: str
) -> None:
    """What the type cannot hold is one error of a stable type, at its place."""
    made = contract(column(type_, "x"))
    for body in in_every_format(sent):
        found = places(made, body)
        assert [each for _, each in found] == [error]
        assert found[0][0][0] == next(iter(body))


@pytest.mark.parametrize("type_", sorted(TYPECODES))
def test_numbers_without_nulls_lie_in_an_array_of_their_width(type_: str) -> None:
    """The typecode is the one that the model input promises."""
    sent = next(sent for each, sent, _ in TAKEN if each == type_)
    made = contract(column(type_, "x"))
    (found,) = made.parse(b'{"inputs": {"x": []}}', "").columns
    assert getattr(found.values, "typecode", None) == TYPECODES[type_]
    assert (
        values(made, {"inputs": {"x": [sent, sent]}})[0][0]
        == values(made, {"inputs": {"x": [sent]}})[0][0]
    )


def test_integer_of_more_than_64_bits_counts_as_float() -> None:
    """JSON's integers have no bound; beyond 64 bits they are read as doubles."""
    assert values(contract(column("double", "x")), {"inputs": {"x": [2**70 + 1]}}) == [[2.0**70]]


def test_one_bad_value_among_many_is_found() -> None:
    """The fast check of a whole column lets none slip through, wherever it stands."""
    made = contract(column("long", "x"))
    for row in (0, 1, 499, 998, 999):
        sent: list[Any] = [1] * 1000
        sent[row] = 1.5
        assert places(made, {"inputs": {"x": sent}}) == [(("inputs", "x", row), "fraction")]


@pytest.mark.parametrize("type_", TYPES)
def test_null_is_refused_where_required(type_: str) -> None:
    """A required column has no null, alone or beside a value."""
    made = contract(column(type_, "x"))
    sent = next(sent for each, sent, _ in TAKEN if each == type_)
    for body in in_every_format(None):
        assert [each for _, each in places(made, body)] == ["null"]
    assert places(made, {"inputs": {"x": [sent, None]}}) == [(("inputs", "x", 1), "null")]


@pytest.mark.parametrize("type_", [each for each in TYPES if each not in {"integer", "long"}])
def test_null_is_taken_where_optional(type_: str) -> None:
    """An optional column keeps its nulls, and its values beside them."""
    made = contract(column("long", "id"), column(type_, "x", required=False))
    for sent, expected in [(sent, made_of) for each, sent, made_of in TAKEN if each == type_]:
        rows = [{"id": 1, "x": None}, {"id": 2, "x": sent}, {"id": 3}]
        parsed = parse(made, {"dataframe_records": rows})
        assert parsed.columns[1].values == [None, expected, None]
        assert parsed.columns[1].has_null


@pytest.mark.parametrize("type_", ["integer", "long"])
def test_null_in_an_optional_integer_column_is_refused(type_: str) -> None:
    """MLflow has no null for integers; the column can be left out instead."""
    made = contract(column("double", "x"), column(type_, "n", required=False))
    body = {"dataframe_records": [{"x": 1, "n": 1}, {"x": 1, "n": None}, {"x": 1}]}
    at = "dataframe_records"
    assert places(made, body) == [((at, 1, "n"), "null"), ((at, 2, "n"), "null")]
    assert values(made, {"dataframe_records": [{"x": 1}]}) == [[1.0]]


def test_bad_value_beside_a_null_is_found() -> None:
    """A permitted null does not hide its neighbours."""
    made = contract(column("double", "x", required=False))
    assert places(made, {"inputs": {"x": [None, "1"]}}) == [(("inputs", "x", 1), "type")]


def test_every_trait_of_a_type_stands_in_one_table() -> None:
    """A new type is a checker and an entry: no other file of the contract tells types apart."""
    told = {
        path.name: names
        for path in (ROOT / "service/contract").rglob("*.py")
        if len(names := MLFLOWS & set(_texts(ast.parse(path.read_text())))) > 1
    }
    assert set(told) == {"scalars.py"}
    assert told["scalars.py"] == MLFLOWS


def _texts(tree: ast.Module) -> list[object]:
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
