"""CSV says what JSON would have said: the same values, or errors in the same words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.contract import Contract
from tests.contract.payloads import scalars
from tests.contract.sheets import TYPES, cells, places, read, written
from tests.contract.signatures import column, contract
from tests.support.exploring import exploring

MANY = exploring(100)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Contract, list[str], list[list[Any]]]:
    """A signature, a header in any order with a column that it does not know, and valid rows."""
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    names = [f"c{place}, (cm)" for place in range(len(types))]
    required = [draw(st.booleans()) for _ in types]
    made = contract(
        *(
            column(type_, name, required=need)
            for type_, name, need in zip(types, names, required, strict=True)
        )
    )
    values = [cell(type_, need) for type_, need in zip(types, required, strict=True)]
    rows = draw(st.lists(st.tuples(*values, st.just("extra")).map(list), max_size=3))
    order = draw(st.permutations(range(len(types) + 1)))
    return made, [[*names, "z"][at] for at in order], [[row[at] for at in order] for row in rows]


def cell(type_: str, required: bool) -> st.SearchStrategy[Any]:  # noqa: FBT001 - of a column
    """A value that the column takes; an empty text would be null."""
    values = scalars(type_).map(lambda value: "AAA=" if value == "" else value)
    null_taken = not required and type_ not in {"integer", "long"}
    return st.one_of(values, values, st.none()) if null_taken else values


@MANY
@given(tables())
def test_rows_are_what_they_are_as_json(table: tuple[Contract, list[str], list[list[Any]]]) -> None:
    """In every type, with nulls, quotes, commas and line ends within cells."""
    made, header, rows = table
    split = {"columns": header, "data": rows}
    as_json = made.parse(json.dumps({"dataframe_split": split}).encode(), "")
    assert read(made, written([header, *rows])) == as_json


CELLS: list[tuple[str, str, Any]] = [
    *(("boolean", text, 1) for text in ("true", "True", "TRUE", "tRue", "1")),
    *(("boolean", text, 0) for text in ("false", "False", "0")),
    *(("long", text, 5) for text in ("5", "+5", "05", "5.0", "5.", " 5", "5\t", "50e-1", "0.5E1")),
    ("long", "-9223372036854775808", -(2**63)),
    ("long", "000000000000000000000000007", 7),
    ("integer", "-0", 0),
    *(("double", text, 0.5) for text in ("0.5", ".5", "+.5", "5e-1", " 0.5 ", "0.50000")),
    ("double", "9007199254740992", 2.0**53),
    ("double", "123456789012345678901234567890", 123456789012345678901234567890.0),
    ("float", "0.1", 0.10000000149011612),
    ("float", "16777218", 16777218.0),
    *(
        ("string", text, text)
        for text in ("NA", "null", "nan", "5", " a ", 'a"b', "\u00e4\x00", "'")
    ),
    ("string", '"a""b"', 'a"b'),
    ("string", '"a,\r\nb"', "a,\r\nb"),
    ("binary", "aGk=", b"hi"),
    ("binary", "NULL", b"5B\xcb"),
    ("datetime", "1970-01-01T01:00:00+01:00", 0),
    ("datetime", "1970-01-02", 86_400 * 10**9),
]


@pytest.mark.parametrize(("type_", "text", "value"), CELLS)
def test_cell_is_the_value_of_its_columns_type(type_: str, text: str, value: Any) -> None:
    """Alone, and beside others that are written otherwise."""
    made = contract(column(type_, "a"), column("long", "b"))
    assert cells(made, f"a,b\n{text},7\n") == [[value], [7]]
    assert cells(made, f"a,b\n{text},7\n{text},8") == [[value, value], [7, 8]]


REFUSED: list[tuple[str, str, str]] = [
    *(("boolean", text, "type") for text in ("2", "yes", " true", "1.0", "t")),
    *(
        ("long", text, "type")
        for text in ("true", "5_0", "0x10", "five", "1,5", "--5", "e", "\u0665")
    ),
    ("long", "1.5", "fraction"),
    ("long", "9223372036854775808", "out_of_range"),
    ("integer", "2147483648", "out_of_range"),
    *(
        ("double", text, "type")
        for text in ("inf", "-Infinity", "1e400", "1_0", "1d5", ".", "0x1p3")
    ),
    ("double", "true", "type"),
    ("double", "9007199254740993", "precision"),
    ("float", "16777217", "precision"),
    ("float", "1e300", "out_of_range"),
    ("binary", "***", "base64"),
    ("datetime", "1700000000", "datetime"),
    ("datetime", "NaT", "datetime"),
    *((type_, "", "null") for type_ in TYPES),
    *((type_, '""', "null") for type_ in TYPES),
    *((type_, "NaN", "null") for type_ in ("boolean", "long", "double")),
]


@pytest.mark.parametrize(("type_", "text", "error"), REFUSED)
def test_cell_that_does_not_fit_is_refused_in_jsons_words(
    type_: str, text: str, error: str
) -> None:
    """By row and column, whatever stands beside it."""
    made = contract(column(type_, "a"), column("long", "b"))
    quoted = f'"{text}"' if "," in text else text
    assert places(made, f"a,b\n{quoted},7\n") == [(("csv", 0, "a"), error)]


@pytest.mark.parametrize("text", ["", '""', "NA", "N/A", "null", "NULL", "None", "nan", "NaN"])
def test_null_of_an_optional_number_is_null(text: str) -> None:
    """In all of pandas' spellings."""
    made = contract(column("double", "a", required=False), column("boolean", "b", required=False))
    assert cells(made, f"a,b\n{text},{text}\n1,true") == [[None, 1.0], [None, True]]


def test_integers_have_no_null_in_csv_either() -> None:
    """As in JSON; the column can be left out."""
    made = contract(column("long", "a", required=False), column("long", "b"))
    assert places(made, "a,b\n,7\n") == [(("csv", 0, "a"), "null")]
    assert cells(made, "b\n7\n") == [[7]]
