"""What Parquet means for a request, without the library that reads it: hosts' children have that.

A Parquet file is read as `dataframe_split` is: columns with names, each a list of values.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from service.contract.findings import BODY, Findings, Loc
from service.contract.types.declared import Type

PARQUET_BASE: Final[Loc] = (*BODY, "parquet")
# mlflow/pyfunc/scoring_server/__init__.py, CONTENT_TYPE_PARQUET.
PARQUET: Final = "application/vnd.apache.parquet"


class ParquetColumn(NamedTuple):
    """A column of the signature: its name or position in errors, and its type."""

    key: str | int
    type: Type


# From the name and position of a column in the file.
FindColumn = Callable[[str, int], ParquetColumn | None]


class ParquetTable(NamedTuple):
    """What a Parquet body says; a column of None is unknown to the signature, or was refused."""

    header: list[str]
    columns: list[list[Any] | None]
    rows: int


# As `service.decoder.parquet_reader.read_parquet` does it.
ReadParquet = Callable[[bytes, int, FindColumn, Findings], ParquetTable]


def is_parquet(media_type: str) -> bool:
    """Whether it is Parquet by its name, without regard to case (RFC 9110, section 8.3.1)."""
    return media_type.partition(";")[0].strip().lower() == PARQUET


def finder(
    names: Sequence[str | int | None], types: Sequence[Type], *, open_width: bool
) -> FindColumn:
    """Finds columns by name, or by position where the signature has no names.

    With `open_width` every column is one of the only type, as in `TableFormats`.
    """
    if open_width:
        return lambda _, place: ParquetColumn(place, types[0])
    if names[0] is None:
        return lambda _, place: ParquetColumn(place, types[place]) if place < len(types) else None
    known = {
        str(name): ParquetColumn(0 if name is None else name, type_)
        for name, type_ in zip(names, types, strict=True)
    }
    return lambda name, _: known.get(name)
