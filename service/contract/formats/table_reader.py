"""Column signatures: tables become checked columns, of scalar and of nested types.

Tables of numbers of one type are checked and cast in one pass, not column by column. One row of 600
columns takes 2 ms column by column, most of it for 600 times four calls, and a tenth of that in one
pass; one row of four columns takes 7 us and 3.
"""

from array import array
from collections.abc import Hashable, Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from service.contract.findings import INPUTS, Findings, Hole
from service.contract.formats.table import Table, in_tensor
from service.contract.formats.table_formats import TableFormats
from service.contract.model_input import Column, Nested, Values
from service.contract.reading import Reading, TakenTensor
from service.contract.signature import ColumnSpec
from service.contract.types.declared import AnyType, type_entry, type_name
from service.contract.types.nested import enforced, suspects
from service.contract.types.scalars import COLUMN_TYPES, SCALARS

_TENSOR_KEYS: Final = ("name", "datatype", "shape", "data")
_tensor_of: Final = itemgetter(*_TENSOR_KEYS)
_SPLIT_KEYS: Final = frozenset({"columns", "data"})
# That of a table without nulls and with all its columns: they may stand in one batch.
_MARK: Final = ()
# Under these MLflow makes a numpy array of each value of an array column
# (mlflow/utils/proto_json_utils.py, `convert_data_type`), and pandas of what Parquet holds.
_WITH_ARRAYS: Final = frozenset({"inputs", "instances", "parquet"})

_NUMBERS_OR_NULL: Final = frozenset({int, float, type(None)})
# Cells of these types, and of no other beside them, are of one dtype in any company.
_ALIKE: Final = (frozenset({list, dict}), frozenset({str}), frozenset({float}), frozenset({bool}))

_DOUBLE: Final = COLUMN_TYPES["double"]


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
        """The column, or None after noting every value in it that does not fit.

        An `array` has been checked already.
        """
        if type(values) is array:
            return Column(self._name, self._type, values)
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


def block_reader(specs: Sequence[ColumnSpec], max_rows: int) -> "BlockReader | None":
    """A reader for this signature, if it is named and of one type of numbers."""
    types = {spec.type for spec in specs if isinstance(spec.type, str)}
    alike = len(types) == 1 and all(isinstance(each.type, str) for each in specs)
    named = all(isinstance(spec.name, str) for spec in specs)
    numbers = alike and SCALARS[types.pop()].csv == "number"
    return BlockReader(specs, max_rows) if numbers and named and len(specs) > 1 else None


class BlockReader:
    """Reads whole tables: all columns, no nulls, no index. Whatever else there is it leaves."""

    def __init__(self, specs: Sequence[ColumnSpec], max_rows: int) -> None:
        self._names = tuple(str(spec.name) for spec in specs)
        self._header = list(self._names)
        self._type = str(specs[0].type)
        self._convert = COLUMN_TYPES[self._type].convert
        self._max_rows = max_rows
        self._cells_of = itemgetter(*self._names)
        self._datatype = SCALARS[self._type].datatype

    def read(self, form: str, payload: Any) -> Reading | None:
        """The valid table; None for any other, which column by column may yet prove valid."""
        if form == "dataframe_split":
            rows = self._split(payload)
        elif type(payload) is list:
            rows = self._listed(payload)
        else:
            return None
        return None if rows is None else self._checked(rows, len(rows))

    def take(self, sent: Any) -> Reading | None:
        """The same of named tensors in JSON, flat, announced as they are."""
        if type(sent) is not list or len(sent) != len(self._names):
            return None
        if set(map(type, sent)) != {dict} or set(map(len, sent)) != {len(_TENSOR_KEYS)}:
            return None
        try:
            names, datatypes, shapes, columns = zip(*map(_tensor_of, sent), strict=True)
        except KeyError:
            return None
        if names != self._names or datatypes.count(self._datatype) != len(names):
            return None
        rows = _rows_of(shapes, columns)
        if rows is None or not 0 < rows <= self._max_rows:
            return None
        return self._checked(columns if rows == 1 else list(zip(*columns, strict=True)), rows)

    def _split(self, payload: Any) -> Sequence[Sequence[Any]] | None:
        if type(payload) is not dict or payload.keys() != _SPLIT_KEYS:
            return None
        data = payload["data"]
        if payload["columns"] != self._header or type(data) is not list:
            return None
        return data if self._regular(data) else None

    def _listed(self, records: list[Any]) -> Sequence[Sequence[Any]] | None:
        if not 0 < len(records) <= self._max_rows or set(map(type, records)) != {dict}:
            return None
        try:
            return list(map(self._cells_of, records))
        except KeyError:
            return None

    def _regular(self, data: list[Any]) -> bool:
        if not 0 < len(data) <= self._max_rows or set(map(type, data)) != {list}:
            return False
        return set(map(len, data)) == {len(self._names)}

    def _checked(self, cells: Sequence[Iterable[Any]], rows: int) -> Reading | None:
        values = self._convert(list(chain.from_iterable(cells)))
        if values is None:
            return None
        shape = (rows, len(self._names))
        block = Column(None, self._type, values, shape=shape, names=self._names)
        return Reading("block", (block,), rows, None, _MARK)


def _rows_of(shapes: Sequence[Any], columns: Sequence[Any]) -> int | None:
    """How many all of the columns have; None where their shapes and lengths do not say so."""
    if set(map(type, shapes)) != {list} or set(map(type, columns)) != {list}:
        return None
    # 1.0 and true are equal to 1.
    if set(map(type, chain.from_iterable(shapes))) != {int}:
        return None
    shape = shapes[0]
    if len(shape) != 1 or shapes.count(shape) != len(shapes):
        return None
    rows: int = shape[0]
    return rows if set(map(len, columns)) == {rows} else None


class NestedColumnReader:
    """Checks one column of a nested type."""

    def __init__(self, spec: ColumnSpec, position: int) -> None:
        self._name = spec.name
        self._type = type_name(spec.type)
        self._position = position
        self._node = enforced(spec.type, required=spec.required)
        self._nested = Nested(type_entry(spec.type))
        self._is_any = isinstance(spec.type, AnyType)

    def read(self, values: Sequence[Any], table: Table, findings: Findings) -> Column | None:
        """The column, or None after noting every value in it that does not fit."""
        converted = self._node.convert(values)
        if converted is None or (self._is_any and not _exact_in_pandas(values)):
            self._examine(values, table, findings)
            return None
        return Column(
            self._name, self._type, converted, None in converted, None, nested=self._nested
        )

    def _examine(self, values: Sequence[Any], table: Table, findings: Findings) -> None:
        key = self._position if self._name is None else self._name
        for row in suspects(self._node, values):
            if findings.full:
                return
            if values[row] is not Hole.REPORTED:
                loc = table.locate(self._position, key, row)
                self._node.examine(values[row], loc, findings)
        if self._is_any and not _exact_in_pandas(values):
            for row, value in enumerate(values):
                if _rounded(value):
                    text = "must be exact as a double, beside fractions or nulls in its column"
                    findings.add(table.locate(self._position, key, row), text, "precision")


def as_sent(column: Column, form: str) -> Column:
    """The column with arrays where MLflow makes them of what this format holds."""
    if form not in _WITH_ARRAYS or column.dtype != "array" or column.nested is None:
        return column
    return column._replace(nested=column.nested._replace(arrays=True))


def nested_mark(mark: Hashable, columns: Sequence[Column]) -> Hashable | None:
    """The join mark of a table with nested columns; None where it has to stay alone.

    pandas chooses a dtype for a column of any type by everything that is in it.
    """
    kinds = [_kind(column) for column in columns if column.dtype == "any"]
    if None in kinds:
        return None
    arrays = any(column.nested is not None and column.nested.arrays for column in columns)
    return (mark, arrays, tuple(kinds))


def _kind(column: Column) -> int | None:
    types = set(map(type, column.values))
    return next((place for place, alike in enumerate(_ALIKE) if types <= alike), None)


def _exact_in_pandas(values: Sequence[Any]) -> bool:
    # A column of numbers alone, not all of them integers, is one of doubles.
    types = set(map(type, values))
    if int not in types or types == {int} or not types <= _NUMBERS_OR_NULL:
        return True
    return not any(map(_rounded, values))


def _rounded(value: Any) -> bool:
    return type(value) is int and _DOUBLE.convert((value,)) is None


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

    def take(self, tensors: Sequence[TakenTensor | None], findings: Findings) -> Reading | None:
        """The same from columns that were sent as tensors."""
        rows = next((tensor.shape[0] for tensor in tensors if tensor is not None), 0)
        columns = [None if tensor is None else tensor.values for tensor in tensors]
        return self.check(Table(rows, columns, INPUTS, in_tensor), "tensors", findings)

    def take_block(self, sent: Any) -> Reading | None:
        """As the reader of blocks has it."""
        return None if self._block is None else self._block.take(sent)

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
