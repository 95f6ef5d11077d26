"""A request's bytes as Parquet: columns of the values that JSON would have had.

======================== ============================================================
in Parquet               becomes
======================== ============================================================
integers, booleans       as they are
decimals                 doubles where the signature has a float or a double
floating-point numbers   doubles; NaN is null, as pandas writes and reads it
strings, also categories text
binary                   base64 where the signature has binary
timestamps, dates        ISO 8601 where the signature has a datetime; a zone becomes UTC
lists, structs           lists and objects; and maps with text for keys
======================== ============================================================

Other types (times, durations, say) are refused. The index that pandas stores beside the data
is no column.
"""

import base64
import math
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from service.contract.findings import Findings, refuse
from service.contract.formats.parquet_body import (
    PARQUET_BASE,
    FindColumn,
    ParquetColumn,
    ParquetTable,
)
from service.contract.types.declared import Array, Map, Object, Type

_FRACTIONS: Final = frozenset({"float", "double"})


def read_parquet(body: bytes, max_rows: int, find: FindColumn, findings: Findings) -> ParquetTable:
    """Every column that the signature knows; `find` says which.

    Raises `InvalidInput` if the body is no Parquet or has too many rows, and MemoryError.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(body))
        if file.metadata.num_rows > max_rows:
            raise refuse(PARQUET_BASE, f"must have at most {max_rows} rows", "too_many_rows")
        # The other cores are for those who do not wait for this body.
        table = file.read(use_threads=False)
        header = _header(table.schema)
        columns = [
            _column(table.column(place), find(name, number), findings)
            for number, (place, name) in enumerate(header)
        ]
    except MemoryError:  # arrow's own is one of its exceptions too
        raise
    except (pa.ArrowException, ValueError, KeyError, OSError):
        # Damage shows wherever the bytes are first looked at.
        raise refuse(PARQUET_BASE, "must be a Parquet file", "parquet_invalid") from None
    return ParquetTable([name for _, name in header], columns, table.num_rows)


def _header(schema: pa.Schema) -> list[tuple[int, str]]:
    described = schema.pandas_metadata
    indexes = described.get("index_columns", ()) if type(described) is dict else ()
    return [pair for pair in enumerate(schema.names) if pair[1] not in indexes]


def _column(
    column: pa.ChunkedArray, wanted: ParquetColumn | None, findings: Findings
) -> list[Any] | None:
    if wanted is None:
        return None
    target = _as_json(column.type, wanted.type)
    if target is None:
        loc = (*PARQUET_BASE, wanted.key)
        findings.add(loc, "must be of a type that the signature's column can hold", "type")
        return None
    if target != column.type:
        column = column.cast(target)
    return [_plain(value) for value in column.to_pylist(maps_as_pydicts="strict")]


def _as_json(arrow: pa.DataType, type_: Type | None) -> pa.DataType | None:
    """What to cast to, so that values are JSON's or bytes; None where there is no such type."""
    if types.is_dictionary(arrow):
        return _as_json(arrow.value_type, type_)
    if types.is_timestamp(arrow) or types.is_date(arrow):
        return pa.string() if type_ == "datetime" else None
    if types.is_floating(arrow) or (types.is_decimal(arrow) and type_ in _FRACTIONS):
        return pa.float64()
    if types.is_nested(arrow):
        return _nested_as_json(arrow, type_)
    return arrow if _is_plain(arrow) or (type_ == "binary" and _is_bytes(arrow)) else None


def _nested_as_json(arrow: pa.DataType, type_: Type | None) -> pa.DataType | None:
    if types.is_list(arrow) or types.is_large_list(arrow) or types.is_fixed_size_list(arrow):
        return _list_as_json(arrow, type_)
    if types.is_struct(arrow):
        return _struct_as_json(arrow, type_)
    return _map_as_json(arrow, type_) if types.is_map(arrow) else None


def _is_plain(arrow: pa.DataType) -> bool:
    kinds = (
        *(types.is_boolean, types.is_integer, types.is_null),
        *(types.is_string, types.is_large_string, types.is_string_view),
    )
    return any(is_kind(arrow) for is_kind in kinds)


def _is_bytes(arrow: pa.DataType) -> bool:
    kinds = (types.is_binary, types.is_large_binary, types.is_binary_view)
    return types.is_fixed_size_binary(arrow) or any(is_kind(arrow) for is_kind in kinds)


def _list_as_json(arrow: pa.DataType, type_: Type | None) -> pa.DataType | None:
    items = _as_json(arrow.value_type, type_.items if isinstance(type_, Array) else None)
    return None if items is None else pa.list_(items)


def _struct_as_json(arrow: pa.DataType, type_: Type | None) -> pa.DataType | None:
    wanted: dict[str, Type] = {}
    if isinstance(type_, Object):
        wanted = {each.name: each.type for each in type_.properties}
    rest = type_.values if isinstance(type_, Map) else None
    names = [field.name for field in arrow.fields]
    fields = [_as_json(field.type, wanted.get(field.name, rest)) for field in arrow.fields]
    if None in fields or len(set(names)) != len(names):
        return None
    return pa.struct(list(zip(names, fields, strict=True)))


def _map_as_json(arrow: pa.DataType, type_: Type | None) -> pa.DataType | None:
    values = _as_json(arrow.item_type, type_.values if isinstance(type_, Map) else None)
    if values is None or not types.is_string(arrow.key_type):
        return None
    return pa.map_(arrow.key_type, values)


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return None if math.isnan(value) else value
    if kind is bytes:
        return base64.b64encode(value).decode()
    if kind is list:
        return list(map(_plain, value))
    return {key: _plain(item) for key, item in value.items()} if kind is dict else value
