"""The same rows by every format that a contract takes.

A format is left out where it cannot say the same: CSV has no empty text, a file no params, and only
JSON has nested values, of which arrays mean numpy's under `inputs` and lists elsewhere.
"""

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from service.contract.formats.chat import PARAMS
from service.contract.formats.csv_body import CSV
from service.contract.formats.json_body import JSON
from service.contract.formats.parquet_body import PARQUET
from service.contract.formats.table_formats import FORMATS
from service.contract.signature import Signature

_ARROW: Final[Mapping[str, pa.DataType]] = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float64(),
    "double": pa.float64(),
}


@dataclass(frozen=True, slots=True)
class FormattedRequest:
    """A body, and what it is called: a format of MLflow's, `csv` or `parquet`."""

    form: str
    media_type: str
    body: bytes


def formatted(
    document: Mapping[str, Any], signature: Signature, media_types: Sequence[str]
) -> list[FormattedRequest]:
    """The example in every format that says the same; its own alone where no other does."""
    form = next((form for form in FORMATS if form in document), None)
    if form is None:
        return [FormattedRequest("as it is", JSON, orjson.dumps(document))]
    params = {PARAMS: document[PARAMS]} if PARAMS in document else {}
    if signature.tensors:
        payloads = dict(_of_tensors(form, document[form], signature))
    else:
        table = _table(form, document[form], signature)
        payloads = {form: document[form]} if table is None else dict(_of_table(table))
        if table is not None and not params:
            return [*_as_json(payloads, params), *_files(table, media_types)]
    return _as_json(payloads, params)


def _as_json(payloads: Mapping[str, Any], params: Mapping[str, Any]) -> list[FormattedRequest]:
    return [
        FormattedRequest(form, JSON, orjson.dumps({form: payload, **params}))
        for form, payload in payloads.items()
    ]


@dataclass(frozen=True, slots=True)
class NamedRows:
    """Rows of named columns; `types` are MLflow's words, where all of them are scalars."""

    names: Sequence[str]
    types: Sequence[str] | None
    rows: Sequence[Sequence[Any]]


def _table(form: str, payload: Any, signature: Signature) -> NamedRows | None:
    """The example as rows; None where it is not plainly that."""
    kinds = {str(column.name): column.type for column in signature.columns}
    if not signature.named or not all(isinstance(each.name, str) for each in signature.columns):
        return None
    found = _read(form, payload)
    if found is None or not found[1] or not set(found[0]) <= kinds.keys():
        return None
    names, rows = found
    scalar = all(isinstance(kind, str) for kind in kinds.values())
    if not scalar and form not in {"dataframe_split", "dataframe_records"}:
        return None
    return NamedRows(names, [str(kinds[name]) for name in names] if scalar else None, rows)


def _read(form: str, payload: Any) -> tuple[list[str], list[list[Any]]] | None:
    """Names and rows of one format."""
    if form == "dataframe_split":
        names, rows = payload.get("columns"), payload.get("data")
    elif isinstance(payload, dict):
        names, columns = list(payload), list(payload.values())
        if not all(isinstance(each, list) for each in columns):
            return None
        if len({len(each) for each in columns}) != 1:
            return None
        rows = [list(row) for row in zip(*columns, strict=True)]
    elif isinstance(payload, list) and payload and all(isinstance(row, dict) for row in payload):
        names = list(payload[0])
        if any(row.keys() != payload[0].keys() for row in payload):
            return None
        rows = [[row[name] for name in names] for row in payload]
    else:
        return None
    if not names or not isinstance(rows, list):
        return None
    return list(map(str, names)), rows


def _of_table(table: NamedRows) -> Iterator[tuple[str, Any]]:
    yield "dataframe_split", {"columns": table.names, "data": table.rows}
    records = [dict(zip(table.names, row, strict=True)) for row in table.rows]
    yield "dataframe_records", records
    if table.types is not None:
        yield "instances", records
        columns = list(map(list, zip(*table.rows, strict=True)))
        yield "inputs", dict(zip(table.names, columns, strict=True))


def _of_tensors(form: str, payload: Any, signature: Signature) -> Iterator[tuple[str, Any]]:
    yield form, payload
    other = {"inputs": "instances", "instances": "inputs"}.get(form)
    if other is None:
        return
    if not isinstance(payload, dict) or (signature.named and _are_alike_long(payload)):
        yield other, payload


def _are_alike_long(payload: Mapping[str, Any]) -> bool:
    return len({len(each) if isinstance(each, list) else -1 for each in payload.values()}) == 1


def _files(table: NamedRows, media_types: Sequence[str]) -> Iterator[FormattedRequest]:
    if table.types is None:
        return
    empty = any(value == "" for row in table.rows for value in row)
    if CSV in media_types and not empty:
        yield FormattedRequest("csv", CSV, _as_csv(table))
    if PARQUET in media_types:
        # Whole numbers may be written as 5.0 in JSON.
        with contextlib.suppress(pa.ArrowException, TypeError):
            yield FormattedRequest("parquet", PARQUET, _as_parquet(table, table.types))


def _as_csv(table: NamedRows) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.names)
    writer.writerows([list(map(_cell, row)) for row in table.rows])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_parquet(table: NamedRows, types: Sequence[str]) -> bytes:
    columns = zip(*table.rows, strict=True)
    arrays = [
        pa.array(column, type=_ARROW.get(kind, pa.string()))
        for column, kind in zip(columns, types, strict=True)
    ]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=list(table.names)), file)
    return file.getvalue()
