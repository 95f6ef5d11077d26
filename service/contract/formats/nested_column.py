"""Columns of nested types: checked rows, and what of them may stand in one batch."""

from collections.abc import Hashable, Sequence
from typing import Any, Final

from service.contract.findings import Findings, Hole
from service.contract.formats.table import Table
from service.contract.model_input import Column, Nested
from service.contract.signature import ColumnSpec
from service.contract.types.declared import AnyType, type_entry, type_name
from service.contract.types.nested import suspects
from service.contract.types.nodes import enforced
from service.contract.types.scalars import COLUMN_TYPES

# Under these MLflow makes a numpy array of each value of an array column
# (mlflow/utils/proto_json_utils.py, `convert_data_type`), and pandas of what Parquet holds.
_WITH_ARRAYS: Final = frozenset({"inputs", "instances", "parquet"})

_NUMBERS_OR_NULL: Final = frozenset({int, float, type(None)})
# Cells of these types, and of no other beside them, are of one dtype in any company.
_ALIKE: Final = (frozenset({list, dict}), frozenset({str}), frozenset({float}), frozenset({bool}))

_DOUBLE: Final = COLUMN_TYPES["double"]


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
