"""Tensor signatures: what the four request formats mean for one tensor or several.

Under `inputs` and `instances` a single tensor is the nested list itself, and a scalar for shape ();
several named ones are an object of nested lists, or a list of objects with one row of each tensor.
In an object under `instances` all first dimensions are of one length; under `inputs` they may
differ.

Under `dataframe_split` and `dataframe_records` each column is a tensor: its cells are scalars for
the shapes (-1,) and (-1, 1), otherwise flat lists that are laid out in the rest of the shape. A
single unnamed tensor of shape (-1, n) may also be n columns of scalars. An `index` is dropped.

No rows at all are a tensor of shape (0,), and of no other.

That is what MLflow's scoring server takes (mlflow/models/utils.py, `_enforce_tensor_schema`).
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Final

from service.contract.findings import BODY, Findings, Hole, Loc
from service.contract.formats.table import Table
from service.contract.formats.table_formats import TableFormats
from service.contract.formats.tensor import TensorColumn
from service.contract.model_input import Column, Values
from service.contract.reading import Reading
from service.contract.signature import TensorSpec

_TABLES: Final = frozenset({"dataframe_split", "dataframe_records", "parquet"})


class TensorReader:
    """Reads requests for a tensor signature."""

    def __init__(self, specs: Sequence[TensorSpec], max_rows: int) -> None:
        names = [spec.name for spec in specs]
        self._named = names[0] is not None
        self._formats = TableFormats(
            names, [True] * len(specs), max_rows, open_width=not self._named
        )
        self._tensors = [TensorColumn(spec) for spec in specs]
        self._joinable = all(spec.shape[:1] == (-1,) for spec in specs)
        self._max_rows = max_rows

    def read(self, form: str, payload: Any, findings: Findings) -> Reading | None:
        """The valid tensors; None once anything has been added to the findings."""
        columns = self._columns(form, payload, (*BODY, form), findings)
        if findings:
            return None
        lengths = {_rows(column) for column in columns}
        if form == "instances" and len(lengths) > 1:
            findings.add((*BODY, form), "must have as many rows in each tensor", "shape")
            return None
        rows = max(lengths)
        mark = self._mark(columns) if len(lengths) == 1 and rows else None
        return Reading("tensors" if self._named else "tensor", tuple(columns), rows, None, mark)

    def _columns(self, form: str, payload: Any, base: Loc, findings: Findings) -> list[Column]:
        if form in _TABLES:
            return self._of_table(self._formats.read(form, payload, findings), findings)
        if self._named and type(payload) is list and payload and type(payload[0]) is dict:
            return self._of_records(self._formats.read(form, payload, findings), findings)
        if self._named and type(payload) is dict:
            return self._of_object(payload, base, findings)
        if len(self._tensors) > 1 or type(payload) is dict:
            text = "an object of tensors" if self._named else "nested lists, not an object"
            findings.add(base, f"must be {text}", "type")
            return []
        return self._nested(0, payload, base, findings)

    def _nested(self, position: int, value: Any, base: Loc, findings: Findings) -> list[Column]:
        if type(value) is list and len(value) > self._max_rows:
            findings.add(base, f"must have at most {self._max_rows} rows", "too_many_rows")
            return []
        column = self._tensors[position].read(value, lambda path: (*base, *path), findings)
        return [] if column is None else [column]

    def _of_object(self, payload: Mapping[str, Any], base: Loc, findings: Findings) -> list[Column]:
        columns = []
        for position, tensor in enumerate(self._tensors):
            key, loc = str(tensor.name), (*base, _key(tensor))
            if key in payload:
                columns += self._nested(position, payload[key], loc, findings)
            else:
                findings.add(loc, "is required", "missing")
        return columns

    def _of_records(self, table: Table | None, findings: Findings) -> list[Column]:
        columns: list[Column] = []
        if table is None:
            return columns
        for position, values in _usable(table, findings):
            tensor = self._tensors[position]
            column = tensor.read(list(values), _Cells(table, position, _key(tensor)), findings)
            columns += [] if column is None else [column]
        return columns

    def _of_table(self, table: Table | None, findings: Findings) -> list[Column]:
        if table is not None and not table.rows:
            findings.add(table.base, "must have at least one row", "missing")
        if table is None or not table.rows:
            return []
        if not self._named and len(table.columns) > 1:
            return self._of_rows(table, findings)
        columns = []
        for position, values in _usable(table, findings):
            tensor = self._tensors[position]
            column = tensor.read_cells(values, _Cells(table, position, _key(tensor)), findings)
            columns += [] if column is None else [column]
        return columns

    def _of_rows(self, table: Table, findings: Findings) -> list[Column]:
        if findings:
            return []
        columns = [column for column in table.columns if column is not None]
        rows = list(map(list, zip(*columns, strict=True)))
        return self._nested(0, rows, table.base, findings)

    def _mark(self, columns: Sequence[Column]) -> Hashable | None:
        if not self._joinable:
            return None
        # numpy's text is as wide as its longest element.
        return tuple(
            (column.shape and column.shape[1:], column.dtype == "str" and _longest(column.values))
            for column in columns
        )


class _Cells:
    """The places of a column's cells, and of elements in them."""

    def __init__(self, table: Table, position: int, key: str | int) -> None:
        self._table, self._position, self._key = table, position, key

    def __call__(self, path: tuple[int, ...]) -> Loc:
        if not path:
            return (*self._table.base, self._key)
        return (*self._table.locate(self._position, self._key, path[0]), *path[1:])


def _usable(table: Table, findings: Findings) -> Iterator[tuple[int, Sequence[Any]]]:
    for position, values in enumerate(table.columns):
        if values is None or (findings and any(value is Hole.REPORTED for value in values)):
            continue
        yield position, values


def _key(tensor: TensorColumn) -> str | int:
    return 0 if tensor.name is None else tensor.name


def _rows(column: Column) -> int:
    return column.shape[0] if column.shape else 1


def _longest(texts: Values) -> int:
    return max(map(len, texts), default=0)
