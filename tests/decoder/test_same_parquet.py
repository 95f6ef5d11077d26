"""Parquet: a model is handed what MLflow's own scoring server hands it, but where that is wrong.

MLflow reads the file with pandas and enforces the signature, without the casts that it makes of
JSON (mlflow/pyfunc/scoring_server/__init__.py, `parse_parquet_input`).
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.contract.contract import RequestLimits
from service.decoder.parquet_reader import read_parquet
from service.errors import InvalidInput, UnsupportedMediaType
from tests.contract.signatures import (
    column,
    contract,
)
from tests.host.handed import Signed, seen, sent

# MLflow's enforcement copies what the reader made.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

Entries = list[dict[str, Any]]


def file(**columns: Any) -> bytes:
    """A Parquet file of these columns, each an arrow array or a list."""
    target = BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def by_podium(signed: Signed, body: bytes) -> Any:
    """What the model is handed by a host."""
    return signed.enforced(sent(signed.contract.parse_parquet(body, read_parquet)))[0]


def refusals(signed: Signed, body: bytes) -> list[tuple[tuple[str | int, ...], str]]:
    """Where something is wrong with the file, and of which type."""
    with pytest.raises(InvalidInput) as caught:
        signed.contract.parse_parquet(body, read_parquet)
    return [(error.loc, error.type) for error in caught.value.errors]


def test_everything_wrong_is_told_with_its_place() -> None:
    """By the signature's names and positions, like all errors."""
    signed = Signed([column("long", "a"), column("string", "b"), column("double", "c")])
    body = file(a=pa.array([1.5, None, 3.0]), b=[b"x", b"y", b"z"], secret=[1, 2, 3])

    assert set(refusals(signed, body)) == {
        (("body", "parquet", "b"), "type"),
        (("body", "parquet", "columns", "c"), "missing"),
        (("body", "parquet", 0, "a"), "fraction"),
        (("body", "parquet", 1, "a"), "null"),
    }


def test_unnamed_columns_are_told_by_position() -> None:
    """Never by the file's own names."""
    signed = Signed([column("double"), column("long")])

    assert refusals(signed, file(p=["secret"], q=[0.5])) == [
        (("body", "parquet", 0, 0), "type"),
        (("body", "parquet", 0, 1), "fraction"),
    ]


def test_column_given_twice_is_refused() -> None:
    """Whichever was meant, the other would be dropped."""
    target = BytesIO()
    twice = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["c", "c"])
    pq.write_table(twice, target)

    found = refusals(Signed([column("double", "c")]), target.getvalue())
    assert [kind for _, kind in found] == ["duplicate_column"]


def test_index_of_pandas_is_no_column() -> None:
    """pandas stores it beside the data, and takes it out again; unnamed columns begin after it."""
    target = BytesIO()
    pd.DataFrame({"p": [0.5, 1.5]}, index=pd.Index([7, 8], name="key")).to_parquet(target)
    signed = Signed([column("double")])

    assert seen(by_podium(signed, target.getvalue()))[1] == [("float64", ["0.5", "1.5"])]


def test_rows_are_counted_before_they_are_read() -> None:
    """By the file's own word, which decides whether anything of it is looked at."""
    signed = contract(column("double", "c"), limits=RequestLimits(max_rows=2))

    with pytest.raises(InvalidInput) as caught:
        signed.parse_parquet(file(c=["no number"] * 3), read_parquet)
    assert [error.type for error in caught.value.errors] == ["too_many_rows"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: b"", id="nothing"),
        pytest.param(lambda _: b"PAR1", id="magic"),
        pytest.param(lambda body: body[:-1], id="cut"),
        pytest.param(lambda body: b'{"inputs": [1]}', id="json"),
    ],
)
def test_what_is_no_parquet_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    """With one error of a type of its own."""
    signed = Signed([column("double", "c")])

    assert refusals(signed, spoil(file(c=[0.5]))) == [(("body", "parquet"), "parquet_invalid")]


def test_type_hint_takes_no_parquet() -> None:
    """It wants a plain list."""
    made = contract(column("long"), from_type_hint=True)

    assert made.media_types == ("application/json",)
    with pytest.raises(UnsupportedMediaType):
        made.parse_parquet(b"", read_parquet)
