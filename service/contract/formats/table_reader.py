"""Column signatures: tables become checked columns."""

from collections.abc import Hashable, Sequence
from typing import Any

from service.contract.findings import Findings, Hole
from service.contract.formats.block import block_reader
from service.contract.formats.nested_column import NestedColumnReader, as_sent, nested_mark
from service.contract.formats.table import Table
from service.contract.formats.table_formats import TableFormats
from service.contract.model_input import Column, Values
from service.contract.reading import Reading
from service.contract.signature import ColumnSpec
from service.contract.types.declared import type_name
from service.contract.types.scalars import COLUMN_TYPES, SCALARS


class ColumnReader:
    """Checks one column of a scalar type."""

    def __init__(self, spec: ColumnSpec, position: int) -> None:
        self._spec = spec
        self._name = spec.name
        self._type = str(spec.type)
        self._position = position
        self._checker = COLUMN_TYPES[self._type]
        self._convert = self._checker.convert
        self._takes_null = not spec.required and self._checker.nullable

    def read(self, values: Sequence[Any], table: Table, findings: Findings) -> Column | None:
        """The column, or None after noting every value in it that does not fit."""
        converted = self._convert(values)
        if converted is not None:
            return Column(self._name, self._type, converted)
        if self._takes_null and (beside_nulls := self._convert_beside_nulls(values)) is not None:
            return Column(self._name, self._type, beside_nulls, has_null=True)
        self._examine(values, table, findings)
        return None

    def _convert_beside_nulls(self, values: Sequence[Any]) -> Values | None:
        converted = self._convert([value for value in values if value is not None])
        if converted is None:
            return None
        present = iter(SCALARS[self._type].plain(converted))
        return [None if value is None else next(present) for value in values]

    def _examine(self, values: Sequence[Any], table: Table, findings: Findings) -> None:
        if self._position in table.repeated:
            values = values[:1]
        key = self._position if self._name is None else self._name
        for row, value in enumerate(values):
            if value is Hole.REPORTED or (value is None and self._takes_null):
                continue
            loc = table.locate(self._position, key, row)
            if value is None and not self._spec.required:
                text = "must not be null: MLflow has no null for this type; leave the column out"
                findings.add(loc, text, "null")
            else:
                self._checker.examine(value, loc, findings)


class TableReader:
    """Reads requests for a column signature."""

    def __init__(self, specs: Sequence[ColumnSpec], max_rows: int) -> None:
        names, required = [spec.name for spec in specs], [spec.required for spec in specs]
        types = [type_name(spec.type) for spec in specs]
        self._block = block_reader(specs, max_rows)
        self._formats = TableFormats(names, required, max_rows, types=types)
        self._nested = not COLUMN_TYPES.keys() >= set(types)
        self._columns = [_reader(spec, position) for position, spec in enumerate(specs)]

    def read(self, form: str, payload: Any, findings: Findings) -> Reading | None:
        """The valid table; None once anything has been added to the findings."""
        if self._block is not None and (block := self._block.read(form, payload)) is not None:
            return block
        table = self._formats.read(form, payload, findings)
        return None if table is None else self.check(table, form, findings)

    def check(self, table: Table, form: str, findings: Findings) -> Reading | None:
        """The same from a table that is laid out already, whatever format it came in."""
        columns = self._checked(table, findings)
        if not columns and not findings:
            # MLflow forgets how many rows there were.
            findings.add(table.base, "must have at least one of the signature's columns", "missing")
        if findings:
            return None
        mark = None if table.row_index is not None or not table.rows else self._mark(columns)
        if self._nested:
            columns = [as_sent(column, form) for column in columns]
            mark = None if mark is None else nested_mark(mark, columns)
        return Reading("table", tuple(columns), table.rows, table.row_index, mark)

    def _checked(self, table: Table, findings: Findings) -> list[Column]:
        columns = []
        for reader, values in zip(self._columns, table.columns, strict=True):
            if values is None:
                continue
            column = reader.read(values, table, findings)
            if column is not None:
                columns.append(column)
            elif findings.full:
                break
        return columns

    def _mark(self, columns: Sequence[Column]) -> Hashable:
        # What decides the dtypes in a DataFrame: which columns are there, and their nulls. pandas
        # tells a column of nulls alone from one that has other values too.
        nulls = [column for column in columns if column.has_null]
        if not nulls and len(columns) == len(self._columns):
            return ()
        present = tuple(column.name for column in columns)
        only = [column.values.count(None) == len(column.values) for column in nulls]
        return (present, tuple(zip((column.name for column in nulls), only, strict=True)))


def _reader(spec: ColumnSpec, position: int) -> ColumnReader | NestedColumnReader:
    reader = ColumnReader if isinstance(spec.type, str) else NestedColumnReader
    return reader(spec, position)
