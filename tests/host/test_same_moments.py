"""Both notations of ISO 8601 mean the same in every format, and what MLflow reads in them."""

from typing import Any

import pandas as pd
import pytest

from tests.contract.signatures import array, column, nested, param
from tests.host.handed import Signed, brief, sent
from tests.host.test_same_params import params_handed

# A text, and the moment in UTC.
TAKEN = {
    "20240102T030405": "2024-01-02T03:04:05",
    "20240102T0304": "2024-01-02T03:04",
    "20240102T03": "2024-01-02T03:00",
    "20240102 030405": "2024-01-02T03:04:05",
    "20240102T030405.123456": "2024-01-02T03:04:05.123456",
    "20240102T030405,5": "2024-01-02T03:04:05.5",
    "2024-01-02T030405": "2024-01-02T03:04:05",
    "20240102T03:04:05": "2024-01-02T03:04:05",
}
ZONED = {
    "20240102T030405Z": "2024-01-02T03:04:05",
    "20240102T030405+0200": "2024-01-02T01:04:05",
    "20240102T030405-02:00": "2024-01-02T05:04:05",
    "20240102t03z": "2024-01-02T03:00",
}
REFUSED = [
    *(
        "20240102",
        "2024002",
        "2024-002",
        "2024-W01-2",
        "2024W012T03",
        "202401",
        "2024",
        "2024-0102",
    ),
    *("202401-02T03", "20240102T030", "20240102T24", "20240102T030460", "20240230T03", "T030405"),
]
FORMS = ("dataframe_records", "dataframe_split", "inputs", "instances")
SIGNED = Signed([column("datetime", "c")])


def body(form: str, text: str) -> dict[str, object]:
    """One row."""
    if form == "dataframe_split":
        return {form: {"columns": ["c"], "data": [[text]]}}
    return {form: [{"c": text}]}


def by_podium(signed: Signed, text: str) -> Any:
    """What the model is handed by a host for that CSV."""
    return signed.enforced(sent(signed.contract.parse(text.encode(), "text/csv")))[0]


def _is(moment: str) -> str:
    return f"c:datetime64[ns][{pd.Timestamp(moment)!r}]"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", [*TAKEN, *ZONED])
def test_o12_basic_notation_is_read_in_every_format(text: str, form: str) -> None:
    """Of JSON, and in CSV."""
    expected = _is({**TAKEN, **ZONED}[text])
    assert brief(lambda: SIGNED.by_podium(body(form, text))) == expected
    assert brief(lambda: by_podium(SIGNED, f'c\n"{text}"\n')) == expected


@pytest.mark.parametrize("form", FORMS[:2])
@pytest.mark.parametrize("text", TAKEN)
def test_o12_basic_notation_is_what_mlflow_reads(text: str, form: str) -> None:
    """Where its server reads it at all: in tables, without a zone."""
    assert brief(lambda: SIGNED.by_mlflow(body(form, text))) == _is(TAKEN[text])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", REFUSED)
def test_o12_what_is_not_taken_is_refused_in_every_format(text: str, form: str) -> None:
    """Digits alone above all, of which MLflow makes another time."""
    assert brief(lambda: SIGNED.by_podium(body(form, text))) == "refused: datetime"
    assert brief(lambda: by_podium(SIGNED, f"c\n{text}\n")) == "refused: datetime"


def test_o12_mlflow_makes_another_time_of_digits_alone() -> None:
    """Which is why they are refused."""
    read = brief(lambda: SIGNED.by_mlflow({"inputs": {"c": ["20240102"]}}))
    assert read.startswith("c:datetime64[ns][Timestamp('2256")


def test_o12_basic_notation_is_read_within_values_and_params() -> None:
    """By the same rule."""
    listed = Signed([nested(array("datetime"), "c")])
    text = brief(lambda: listed.by_podium({"inputs": [{"c": ["20240102T030405"]}]}))
    assert "2024-01-02T03:04:05" in text
    signed = Signed([column("double", "c")], [param("datetime", "p", None)])
    ours, _ = params_handed(signed, {"p": "20240102T030405"})
    extended, _ = params_handed(signed, {"p": "2024-01-02T03:04:05"})
    assert ours == extended
