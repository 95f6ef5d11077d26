"""Tables of scalar columns, as CSV and as Parquet, with the same rows as JSON has them."""

import base64
import csv
import io
from typing import Any

import hypothesis.strategies as st
import pandas as pd
from hypothesis.strategies import DrawFn

from tests.contract.signatures import column
from tests.host.payloads import NULLABLE, SCALARS

Table = tuple[list[dict[str, Any]], list[dict[str, Any]]]

# An empty cell is null in CSV, and no file can say otherwise.
_TEXT = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=5)


@st.composite
def tables(draw: DrawFn) -> Table:
    """A signature of named columns, and one to three rows of values that fit it."""
    types = draw(st.lists(st.sampled_from(sorted(SCALARS)), min_size=1, max_size=4))
    entries = [
        column(type_, f"c{place}", required=draw(st.booleans()))
        for place, type_ in enumerate(types)
    ]
    row = st.fixed_dictionaries({entry["name"]: _values(entry) for entry in entries})
    return entries, draw(st.lists(row, min_size=1, max_size=3))


def _values(entry: dict[str, Any]) -> st.SearchStrategy[Any]:
    values = _TEXT if entry["type"] == "string" else SCALARS[entry["type"]].filter(_not_empty)
    nullable = not entry["required"] and entry["type"] in NULLABLE
    return values | st.none() if nullable else values


def _not_empty(value: Any) -> bool:
    return bool(value != "")


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    """A header and a line for each row."""
    target = io.StringIO()
    writer = csv.DictWriter(target, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue().encode()


def as_parquet(entries: list[dict[str, Any]], rows: list[dict[str, Any]]) -> bytes:
    """What pandas writes of values that have their types."""
    columns = {
        entry["name"]: _typed(entry["type"], [row[entry["name"]] for row in rows])
        for entry in entries
    }
    target = io.BytesIO()
    pd.DataFrame(columns).to_parquet(target)
    return target.getvalue()


def _typed(type_: str, values: list[Any]) -> "pd.Series[Any]":
    match type_:
        case "binary":
            return pd.Series(
                [v if v is None else base64.b64decode(v) for v in values], dtype=object
            )
        case "datetime":
            return pd.Series(pd.to_datetime(values, format="ISO8601")).astype("datetime64[ns]")
        case "integer":
            return pd.Series(values, dtype="int32")
        case "float":
            return pd.Series(values, dtype="float32")
        case "double":
            return pd.Series(values, dtype="float64")
    return pd.Series(values)
