"""What a body of CSV may look like, and what is refused of it as a whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.contract import Contract, RequestLimits
from service.contract.findings import Loc
from service.errors import InvalidInput, UnsupportedMediaType
from tests.contract.sheets import TYPES, cells, places, read, written
from tests.contract.signatures import ANY, array, column, contract, nested, param, parse, tensor
from tests.support.exploring import exploring

MANY = exploring(100)
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
    "made",
    [
        contract(tensor("float64", [-1])),
        contract(tensor("str", [1], "a")),
        contract(nested(array("double"), "a")),
        contract(column("double", "a"), nested(ANY, "b", required=False)),
        contract(column("string"), from_type_hint=True),
    ],
)
def test_inputs_that_csv_cannot_carry_are_no_media_type_for_it(made: Contract) -> None:
    """MLflow reads columns of scalar types alone."""
    with pytest.raises(UnsupportedMediaType):
        read(made, "a\n1")


def test_p14_csv_is_bounded_by_rows() -> None:
    """One more than the limit is refused, wherever the rest ends."""
    made = contract(column("long", "a"), limits=RequestLimits(max_rows=3))
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


@MANY
@given(st.binary(max_size=20), st.integers(0, len(VALID)), st.integers(0, 20))
def test_p14_any_bytes_as_csv_give_an_input_or_errors(junk: bytes, start: int, cut: int) -> None:
    """A valid body with junk in it, at any place."""
    body = VALID[:start] + junk + VALID[start + cut :]
    assert_whole(MADE, body)


@MANY
@given(st.text(alphabet='a,"\n\r 1.NA\ufeff', max_size=30))
def test_p14_any_text_as_csv_gives_an_input_or_errors(text: str) -> None:
    """Of the characters that mean something."""
    for made in (NAMED, contract(column("string", "a")), contract(column("double"))):
        assert_whole(made, text.encode())
