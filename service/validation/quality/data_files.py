"""Data from a file: CSV, Parquet, or JSON as pandas, MLflow and log shippers write it."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pandas as pd

from service.validation.quality.evaluation_data import BadData, EvaluationData, listed, plain

MOST_BYTES: Final = 1 << 30
"""A file that is longer is refused: all of it is held at once."""
# As `service.contract.formats.csv_cells` has it: what means null where a number is asked for.
_NULLS: Final = frozenset({"", "NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "<NA>"})
_BOOLEANS: Final = {"true": True, "false": False}


class _Table(NamedTuple):
    columns: Sequence[str]
    cells: Sequence[Sequence[Any]]
    frame: pd.DataFrame


def read_data(file: Path, source: str, label: str) -> EvaluationData:
    """The file's rows, with labels from that column. Raises `BadData`."""
    read = _READERS.get(file.suffix.lower())
    if read is None:
        raise BadData(f"{source}: must end with {', '.join(_READERS)}")
    content = _content(file, source)
    try:
        table = read(content)
    except BadData as error:
        raise BadData(f"{source}: {error}") from None
    except Exception as error:  # a library's own for a file that is not what it says
        raise BadData(
            f"{source}: cannot be read as {file.suffix} ({type(error).__name__})"
        ) from error
    wrong = _wrong(table, label)
    if wrong:
        raise BadData(f"{source}: {wrong}")
    return _without_label(table, label, source, hashlib.sha256(content).hexdigest(), read is _csv)


def _content(file: Path, source: str) -> bytes:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise BadData(f"{source}: is longer than {MOST_BYTES} bytes")
        return file.read_bytes()
    except OSError as error:
        raise BadData(f"{source}: {error.strerror}") from None


def _wrong(table: _Table, label: str) -> str | None:
    if not table.cells:
        return "has no rows"
    twice = sorted({name for name in table.columns if table.columns.count(name) > 1})
    if twice:
        return f"names a column twice: {', '.join(twice)}"
    if label not in table.columns:
        return f"has no column {label}, which is the label; it has {listed(table.columns)}"
    missing = int(table.frame[label].isna().sum())
    return f"{_counted(missing)} no label" if missing else None


def _counted(rows: int) -> str:
    return "1 row has" if rows == 1 else f"{rows} rows have"


def _without_label(
    table: _Table,
    label: str,
    source: str,
    digest: str,
    is_csv: bool,  # noqa: FBT001 - a field of it
) -> EvaluationData:
    at = list(table.columns).index(label)
    return EvaluationData(
        source,
        digest,
        (*table.columns[:at], *table.columns[at + 1 :]),
        [[*row[:at], *row[at + 1 :]] for row in table.cells],
        is_csv,
        table.frame,
        label,
        [row[at] for row in table.cells] if is_csv else None,
    )


def _csv(content: bytes) -> _Table:
    lines = io.StringIO(content.decode("utf-8-sig"), newline="")
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))
    rows = [row for row in csv.reader(lines, strict=True) if row]
    if not rows:
        raise BadData("has no header")
    header, cells = rows[0], rows[1:]
    ragged = sum(len(row) != len(header) for row in cells)
    if ragged:
        raise BadData(f"{_counted(ragged)} more or fewer cells than the header")
    if len(set(header)) < len(header):
        return _Table(header, cells, pd.DataFrame())
    columns = list(zip(*cells, strict=True)) or [()] * len(header)
    typed = {name: _typed(column) for name, column in zip(header, columns, strict=True)}
    return _Table(header, cells, pd.DataFrame(typed))


def _typed(cells: Sequence[str]) -> Any:
    """Numbers or booleans where all are, with nulls; else text."""
    said = [cell for cell in cells if cell not in _NULLS]
    if said and all(cell.lower() in _BOOLEANS for cell in said):
        return [_BOOLEANS.get(cell.lower()) for cell in cells]
    try:
        return pd.to_numeric(pd.Series([None if cell in _NULLS else cell for cell in cells]))
    except (ValueError, TypeError):
        return [cell or None for cell in cells]


def _parquet(content: bytes) -> _Table:
    return _framed(pd.read_parquet(io.BytesIO(content)))


def _framed(frame: pd.DataFrame) -> _Table:
    columns = [str(name) for name in frame.columns]
    frame = frame.set_axis(columns, axis=1).reset_index(drop=True)
    if len(set(columns)) < len(columns):
        return _Table(columns, [[]] * len(frame), frame)
    for name, kind in frame.dtypes.items():
        if isinstance(kind, pd.CategoricalDtype):  # compared with predictions by its values
            frame[name] = frame[name].astype(kind.categories.dtype)
    listed = [[plain(value) for value in frame[name]] for name in columns]
    return _Table(columns, [list(row) for row in zip(*listed, strict=True)], frame)


def _json(content: bytes) -> _Table:
    try:
        told = json.loads(content)
    except ValueError:
        told = [json.loads(line) for line in content.splitlines() if line.strip()]
    if isinstance(told, dict):
        told = told.get("dataframe_split", told.get("dataframe_records", told))
    if isinstance(told, dict) and {"columns", "data"} <= told.keys():
        return _split(told)
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        raise BadData("must be a list of objects, an object a line, or columns and data")
    columns = list(dict.fromkeys(str(name) for row in told for name in row))
    cells = [[row.get(name) for name in columns] for row in told]
    return _Table(columns, cells, pd.DataFrame(cells, columns=columns))


def _split(told: Mapping[str, Any]) -> _Table:
    columns, cells = [str(name) for name in told["columns"]], told["data"]
    ragged = sum(not isinstance(row, list) or len(row) != len(columns) for row in cells)
    if ragged:
        raise BadData(f"{_counted(ragged)} more or fewer cells than there are columns")
    return _Table(columns, cells, pd.DataFrame(cells, columns=columns))


_READERS: Final[Mapping[str, Callable[[bytes], _Table]]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".json": _json,
    ".jsonl": _json,
}
