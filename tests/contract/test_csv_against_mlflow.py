"""Where MLflow's own scoring server reads CSV without changing it, the contract reads the same.

The oracle is what MLflow's server does with a body before the model is called: pandas' reader with
the signature's dtypes, then the enforcement of the signature.
"""

import json
import math
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.models.utils import _enforce_schema
from mlflow.pyfunc.scoring_server import parse_csv_input
from mlflow.types import Schema

from service.contract.contract import compile_contract
from service.contract.formats.csv_reader import numbers
from service.errors import InvalidInput
from tests.contract.signatures import LIMITS, column
from tests.support.exploring import did_something, exploring, floor

MANY = exploring(100)
# MLflow's reader fails for datetimes, and hands on binaries undecoded.
LIKELY: dict[str, st.SearchStrategy[str]] = {
    "boolean": st.sampled_from(["true", "false", "True", "FALSE", "1", "0"]),
    "integer": st.integers(-(2**31), 2**31 - 1).map(str),
    "long": st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-9, 9).map(float)).map(str),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    "double": st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9)).map(
        repr
    ),
    "string": st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=4),
}
ODD = st.sampled_from(
    [
        *(
            "",
            "NA",
            "null",
            "nan",
            "None",
            "inf",
            "true",
            "2",
            "1.5",
            "-0",
            "+7",
            " 7 ",
            "7.",
            ".5",
        ),
        *("1e2", "1E400", "1_0", "0x1", "x", " ", "9007199254740993", "16777217", "1e300"),
        *("2147483648", "9223372036854775808", "123456789012345678901234567890", '"q"', '""'),
    ]
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """A signature, and rows of text for its columns."""
    types = draw(st.lists(st.sampled_from(sorted(LIKELY)), min_size=1, max_size=3))
    inputs = [
        column(type_, f"c{place}", required=draw(st.booleans()))
        for place, type_ in enumerate(types)
    ]
    odd = draw(st.lists(st.booleans(), min_size=len(types), max_size=len(types)))
    row = st.tuples(
        *(
            st.one_of(LIKELY[type_], ODD) if wild else LIKELY[type_]
            for type_, wild in zip(types, odd, strict=True)
        )
    )
    return inputs, draw(st.lists(row.map(list), min_size=1, max_size=3))


def written(inputs: list[dict[str, Any]], rows: list[list[str]]) -> str:
    """CSV with a column that the signature does not know; every cell of text is in quotes."""
    lines = [[*(entry["name"] for entry in inputs), "z"], *([*row, "0"] for row in rows)]
    return "\n".join(",".join(map(quoted, line)) for line in lines)


def quoted(text: str) -> str:
    """A cell that says this text."""
    return '"' + text.replace('"', '""') + '"' if not text.isalnum() else text


def of_mlflow(inputs: list[dict[str, Any]], text: str) -> pd.DataFrame | None:
    """What a model behind MLflow's server would be called with, or None if it refuses."""
    schema = Schema.from_json(json.dumps(inputs))
    try:
        frame = parse_csv_input(StringIO(text), schema)
        found = _enforce_schema(frame, schema)
    except (MlflowException, ValueError, TypeError):
        return None
    assert isinstance(found, pd.DataFrame)
    return found


def of_contract(inputs: list[dict[str, Any]], text: str) -> dict[str, list[Any]] | None:
    """The same of the contract, by column."""
    try:
        found = compile_contract({"inputs": json.dumps(inputs)}, LIMITS).parse(
            text.encode(), "text/csv"
        )
    except InvalidInput:
        return None
    return {str(each.name): list(each.values) for each in found.columns}


def unchanged(text: str, got: Any, entry: dict[str, Any]) -> bool:
    """Whether MLflow made of a cell what it says, as exactly as its type can hold."""
    type_ = entry["type"]
    if pd.isna(got):
        # Whether it is null at all is for the type to say, whether it may be for the signature.
        return not entry["required"] and (text == "" or type_ != "string")
    if type_ == "string":
        return bool(text == got and text)
    if type_ == "boolean":
        return text.lower() in {"true", "1"} if got else text.lower() in {"false", "0"}
    (said,) = numbers([text])
    if isinstance(said, str) or said is None or not math.isfinite(got):
        return False
    if type(said) is float and type_ == "float":
        return bool(np.float32(said) == got)
    return bool(said == got)


def same(left: Any, right: Any) -> bool:
    """Equal, or both null."""
    return bool(pd.isna(right)) if left is None else bool(left == right)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy, where MLflow has it cast
@floor(0.1, MANY)
@MANY
@given(bodies())
def test_csv_that_mlflow_leaves_unchanged_is_the_same(
    case: tuple[list[dict[str, Any]], list[list[str]]],
) -> None:
    """Taken by both with equal values, or changed by MLflow: then refused, or kept as sent."""
    inputs, rows = case
    frame, parsed = of_mlflow(inputs, written(*case)), of_contract(inputs, written(*case))
    if frame is None:
        event("MLflow refuses")
        return
    assert len(frame) == len(rows)
    whole = True
    for entry, texts in zip(inputs, zip(*rows, strict=True), strict=True):
        theirs = frame[entry["name"]]
        kept = all(unchanged(text, got, entry) for text, got in zip(texts, theirs, strict=True))
        whole = whole and kept
        if parsed is not None and kept:
            assert all(map(same, parsed[entry["name"]], theirs))
    event("MLflow changes nothing" if whole else "MLflow changes something")
    if whole:
        did_something()
    assert parsed is not None or not whole
