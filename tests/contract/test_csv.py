"""CSV says what JSON would have said: the same values, or errors in the same words."""

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.contract.contract import Contract, Limits
from service.contract.findings import Loc
from service.contract.model_input import ModelInput
from service.errors import InvalidInput, UnsupportedMediaType
from tests.contract.payloads import scalars
from tests.contract.signatures import column, contract, param, parse, tensor

STEADY = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TYPES = ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]


def read(made: Contract, text: str | bytes, media_type: str = "text/csv") -> ModelInput:
    """What the contract makes of CSV that is valid."""
    return made.parse(text if isinstance(text, bytes) else text.encode(), media_type)


def cells(made: Contract, text: str | bytes) -> list[list[Any]]:
    """The values of valid CSV, by column."""
    return [list(each.values) for each in read(made, text).columns]


def places(made: Contract, text: str | bytes) -> list[tuple[Loc, str]]:
    """Where something is wrong with CSV, and of which type."""
    with pytest.raises(InvalidInput) as caught:
        read(made, text)
    return [(error.loc[1:], error.type) for error in caught.value.errors]


def written(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as Python's own writer has them, quoting what must be."""
    text = StringIO()
    csv.writer(text).writerows([["" if each is None else each for each in row] for row in rows])
    return text.getvalue()


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


@STEADY
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


NAMED = contract(column("long", "a"), column("double", "b", required=False))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a,b\n1,2\n", [[1], [2.0]]),
        ("a,b\r\n1,2\r\n3,4", [[1, 3], [2.0, 4.0]]),
        ("a,b\r1,2\r", [[1], [2.0]]),
        ("\ufeffa,b\n1,2", [[1], [2.0]]),
        ('\ufeff"a",b\n"1",2', [[1], [2.0]]),
        ("\n\na,b\n\n1,2\n  \n\n", [[1], [2.0]]),
        ("b,,a,\n2,x,1,y", [[1], [2.0]]),
        ("z,z,a\n0,0,1", [[1]]),
        ("a,b\n", [[], []]),
        ("a,b", [[], []]),
    ],
)
def test_header_and_lines_are_read_as_pandas_reads_them(text: str, values: list[list[Any]]) -> None:
    """Any order, unknown columns, line ends, empty lines, a byte order mark."""
    assert cells(NAMED, text) == values


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", [(("csv",), "csv_invalid")]),
        (b"\n\r\n", [(("csv",), "csv_invalid")]),
        (b"a,b\n1,\xff", [(("csv",), "csv_invalid")]),
        ("a,b\n1,2".encode("utf-16"), [(("csv",), "csv_invalid")]),
        (b'a,b\n1,"2', [(("csv",), "csv_invalid")]),
        (b'a,b\n1,"2"x', [(("csv",), "csv_invalid")]),
        (b"b\n1", [(("csv", "a"), "missing")]),
        (b"A\n1", [(("csv", "a"), "missing")]),
        (b"1,2\n3,4", [(("csv", "a"), "missing")]),
        (b"a;b\n1;2", [(("csv", "a"), "missing")]),
        (b"a,b,a\n1,2,3", [(("csv", "columns", 2), "duplicate_column")]),
        (
            b"a,b\n1\n1,2,3\n4,5\nx,y",
            [
                (("csv", 0), "shape"),
                (("csv", 1), "shape"),
                (("csv", 3, "a"), "type"),
                (("csv", 3, "b"), "type"),
            ],
        ),
        (b"b\ny", [(("csv", "a"), "missing"), (("csv", 0, "b"), "type")]),
    ],
)
def test_everything_wrong_with_csv_is_named_at_once(
    text: bytes, found: list[tuple[Loc, str]]
) -> None:
    """By place and type, as in JSON."""
    assert places(NAMED, text) == found


def test_columns_without_names_are_the_first_ones() -> None:
    """The header is there all the same, and says nothing."""
    made = contract(column("long"), column("string"))
    assert cells(made, "x,x,z\n1,2,3") == [[1], ["2"]]
    assert places(made, "x\n1") == [(("csv",), "shape")]
    assert places(made, "x,y\n1.5,2") == [(("csv", 0, 0), "fraction")]


def test_columns_named_by_integers_are_found() -> None:
    """CSV has no integers among its names, nor have JSON's records."""
    assert cells(contract(column("long", 0), column("long", 1)), "1,0\n5,6") == [[6], [5]]


def test_params_of_csv_are_the_defaults() -> None:
    """CSV has no place for them."""
    made = contract(column("long", "a"), params=[param("long", "top", 3)])
    found = read(made, "a\n1")
    assert found.params == {"top": 3}
    assert found.join_key == parse(made, {"inputs": {"a": 1}}).join_key


@pytest.mark.parametrize(
    "media_type",
    [
        "text/csv",
        "Text/CSV",
        "text/csv; charset=utf-8",
        'text/csv;charset="UTF-8"; header=present',
        "text/csv; charset=US-ASCII",
        " text/csv ; x=y",
    ],
)
def test_media_type_of_csv_is_compared_as_http_says(media_type: str) -> None:
    """Without regard to case, parameters allowed."""
    assert read(NAMED, "a\n1", media_type).rows == 1


@pytest.mark.parametrize(
    "media_type",
    ["text/csv; charset=latin-1", "text/csv; header=absent", "text/csvx", "text/plain"],
)
def test_other_media_types_are_refused(media_type: str) -> None:
    """Also a charset that is not read, and CSV that says it has no header."""
    with pytest.raises(UnsupportedMediaType):
        read(NAMED, "a\n1", media_type)


def test_text_that_is_not_ascii_is_refused_where_ascii_was_said() -> None:
    """It is not guessed at."""
    with pytest.raises(InvalidInput):
        read(contract(column("string", "a")), "a\n\u00e4", "text/csv; charset=us-ascii")


@pytest.mark.parametrize(
    "made", [contract(tensor("float64", [-1])), contract(tensor("str", [1], "a"))]
)
def test_inputs_that_csv_cannot_carry_are_no_media_type_for_it(made: Contract) -> None:
    """MLflow reads columns of scalar types alone."""
    with pytest.raises(UnsupportedMediaType):
        read(made, "a\n1")


def test_p14_csv_is_bounded_by_rows() -> None:
    """One more than the limit is refused, wherever the rest ends."""
    made = contract(column("long", "a"), limits=Limits(max_rows=3))
    assert cells(made, "a\n1\n\n2\n3\n\n") == [[1, 2, 3]]
    assert places(made, "a\n" + "1\n" * 100_000 + '"') == [(("csv",), "too_many_rows")]


def test_p14_a_long_cell_is_read_in_time_that_grows_with_it() -> None:
    """Longer than Python's own limit too, and whatever it nearly is."""
    digits = "1" * 300_000
    assert cells(contract(column("string", "a")), f"a\n{digits}") == [[digits]]
    for text in (digits, digits + "x", f"1.{digits}x", f"1e{digits}", " " * 300_000, '"' * 300_000):
        assert places(contract(column("double", "a")), f"a\n{text}\n1")


def test_p14_no_error_repeats_a_cell_or_an_unknown_header() -> None:
    """Positions, expectations and the signature's own names only."""
    with pytest.raises(InvalidInput) as caught:
        read(NAMED, "secret,b,secret,b\nsecret,secret,x,y\n1,2\n")
    assert "secret" not in repr(caught.value.errors)


MADE = contract(
    *(column(type_, type_, required=place % 2 == 0) for place, type_ in enumerate(TYPES))
)
VALID = written([TYPES, ["true", 1, 2, 0.5, 1.5, "x", "aGk=", "2026-05-01"]]).encode()


def assert_whole(made: Contract, body: bytes) -> None:
    """Either errors, or columns as long as the input says."""
    try:
        found = read(made, body)
    except InvalidInput:
        return
    assert all(len(each.values) == found.rows for each in found.columns)


@STEADY
@given(st.binary(max_size=20), st.integers(0, len(VALID)), st.integers(0, 20))
def test_p14_any_bytes_as_csv_give_an_input_or_errors(junk: bytes, start: int, cut: int) -> None:
    """A valid body with junk in it, at any place."""
    body = VALID[:start] + junk + VALID[start + cut :]
    assert_whole(MADE, body)


@STEADY
@given(st.text(alphabet='a,"\n\r 1.NA\ufeff', max_size=30))
def test_p14_any_text_as_csv_gives_an_input_or_errors(text: str) -> None:
    """Of the characters that mean something."""
    for made in (NAMED, contract(column("string", "a")), contract(column("double"))):
        assert_whole(made, text.encode())
