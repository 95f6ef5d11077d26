"""Rows with labels, as a version is asked for them and as slices look at them."""

import base64
import csv
import datetime as dt
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

_JSON: Final = "application/json"
_CSV: Final = "text/csv"
# JSON has no word for it: the contract refuses the text, where null might be taken for a value.
_INFINITE: Final = "infinite"
_MOST_LISTED: Final = 30


class BadData(Exception):
    """The data is not there, cannot be read, or lacks a column; the message names no value."""


def listed(names: Iterable[object]) -> str:
    """Names of columns, so that whoever has mistyped one finds it; some, where there are many."""
    found = [str(name) for name in names]
    rest = len(found) - _MOST_LISTED
    return ", ".join(found[:_MOST_LISTED]) + (f" and {rest} more" if rest > 0 else "")


@dataclass(frozen=True, slots=True)
class EvaluationData:
    """Rows with labels. Rows are known by their position, from 0.

    Attributes:
        source: where they are from, as the operator named it.
        digest: SHA-256 of the file, of 64 hexadecimal digits.
        columns: what is sent: all but the label's.
        cells: a list for each row, in the order of `columns`; text alone where they are from CSV.
        is_csv: whether they are sent as CSV, so that the contract reads cells as it always does.
        frame: every column, the label's too, with pandas' types.
        label: the name of the label's column.
        texts: the labels as they are written, if the file is of text.
    """

    source: str
    digest: str
    columns: tuple[str, ...]
    cells: Sequence[Sequence[Any]]
    is_csv: bool
    frame: pd.DataFrame
    label: str
    texts: Sequence[str] | None

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.cells)

    @property
    def labels(self) -> "pd.Series[Any]":
        """One a row, none of them null."""
        return self.frame[self.label]

    def request(self, rows: Sequence[int]) -> tuple[bytes, str]:
        """A request's body for these rows, as an application would send it, and its media type."""
        cells = [self.cells[row] for row in rows]
        if self.is_csv:
            return _csv(self.columns, cells), _CSV
        split = {"columns": self.columns, "data": cells}
        return orjson.dumps({"dataframe_split": split}), _JSON


def plain(value: Any) -> Any:
    """A cell as JSON has it: the same value, or what the contract will refuse."""
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float | Decimal):
        return _number(float(value))
    if isinstance(value, bytes | bytearray):
        return base64_of(value)
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def base64_of(value: bytes | bytearray) -> str:
    """Bytes as the contract takes them."""
    return base64.b64encode(value).decode()


def _number(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else _INFINITE


def _csv(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    # Quoted throughout: an empty cell alone in its line would be a line that is passed over.
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows(cells)
    return text.getvalue().encode()
