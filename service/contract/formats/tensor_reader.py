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

from array import array
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from math import prod
from typing import Any, Final

from service.contract.findings import BODY, INPUTS, Findings, Hole, Loc
from service.contract.formats.table import Table
from service.contract.formats.table_formats import TableFormats
from service.contract.model_input import Column, Values
from service.contract.reading import Reading, TakenTensor
from service.contract.signature import TensorSpec
from service.contract.types.scalars import TENSOR_TYPES

_TABLES: Final = frozenset({"dataframe_split", "dataframe_records", "parquet"})
# From the indices of an element to its place in the body.
Locate = Callable[[tuple[int, ...]], Loc]

_LISTS: Final = {list}


class TensorColumn:
    """Checks one tensor of the signature."""

    def __init__(self, spec: TensorSpec) -> None:
        self.name = spec.name
        self.shape = spec.shape
        self._dtype = spec.dtype
        self._checker = TENSOR_TYPES[spec.dtype]
        lengths = ", ".join("any" if length == -1 else str(length) for length in spec.shape)
        self._expected = f"must be nested lists of shape ({lengths})"

    def read(self, value: Any, locate: Locate, findings: Findings) -> Column | None:
        """The tensor from nested lists, or None after noting what does not fit."""
        found = flatten(value, len(self.shape))
        if found is None or not _matches(found[0], self.shape):
            self._note_shape(value, locate, findings)
            return None
        return self._column(found[1], found[0], found[0], locate, findings)

    def read_cells(self, cells: Sequence[Any], locate: Locate, findings: Findings) -> Column | None:
        """The tensor from one cell a row, or None after noting what does not fit.

        Raises nothing for shapes that cells cannot have: those are noted as well.
        """
        rest = self.shape[1:]
        size = prod(rest)
        if not self.shape or self.shape[0] != -1 or -1 in rest:
            findings.add(locate(()), self._expected + ", not columns of a table", "shape")
            return None
        found = flatten(list(cells), 2 if list in map(type, cells) else 1)
        if found is None or found[0][1:] not in _cell_shapes(size):
            wrong = [locate((row,)) for row, cell in enumerate(cells) if _size(cell) != size]
            text = f"must have {size} values in each cell"
            findings.add_all(wrong or [locate(())], text, "shape")
            return None
        return self._column(found[1], found[0], (len(cells), *rest), locate, findings)

    def take(self, tensor: TakenTensor, locate: Locate, findings: Findings) -> Column | None:
        """The tensor from elements of a shape that fits; an `array` has been checked already."""
        if type(tensor.values) is array:
            return Column(self.name, self._dtype, tensor.values, shape=tensor.shape)
        return self._column(tensor.values, tensor.shape, tensor.shape, locate, findings)

    def _column(
        self,
        flat: Sequence[Any],
        sent: tuple[int, ...],
        shape: tuple[int, ...],
        locate: Locate,
        findings: Findings,
    ) -> Column | None:
        values = self._checker.convert(flat)
        if values is not None:
            return Column(self.name, self._dtype, values, shape=shape)
        for position, value in enumerate(flat):
            if value is Hole.REPORTED:
                continue
            loc = locate(_indices(position, sent))
            if type(value) is list:
                findings.add(loc, self._expected, "shape")
            else:
                self._checker.examine(value, loc, findings)
        return None

    def _note_shape(self, value: Any, locate: Locate, findings: Findings) -> None:
        # Where rows are free in number, those at fault can be told from the others.
        rows = value if type(value) is list and self.shape[:1] == (-1,) else []
        rest = self.shape[1:]
        wrong = [locate((row,)) for row, part in enumerate(rows) if not _fits(part, rest)]
        findings.add_all(wrong or [locate(())], self._expected, "shape")


def flatten(value: Any, rank: int) -> tuple[tuple[int, ...], list[Any]] | None:
    """Shape and elements in C order of lists nested `rank` deep, or None if they are irregular.

    The elements may be lists again.
    """
    shape: list[int] = []
    level = [value]
    for _ in range(rank):
        if set(map(type, level)) != _LISTS:
            return None
        lengths = set(map(len, level))
        if len(lengths) != 1:
            return None
        shape.append(lengths.pop())
        level = list(chain.from_iterable(level))
    return tuple(shape), level


def _size(cell: Any) -> int:
    return len(cell) if type(cell) is list else 1


def _cell_shapes(size: int) -> tuple[tuple[int, ...], ...]:
    # numpy reshapes scalars to (-1, 1) as well.
    flat: tuple[int, ...] = (size,)
    return ((), flat) if size == 1 else (flat,)


def _matches(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return all(want in (-1, length) for want, length in zip(wanted, shape, strict=True))


def _fits(value: Any, wanted: tuple[int, ...]) -> bool:
    found = flatten(value, len(wanted))
    return found is not None and _matches(found[0], wanted) and list not in map(type, found[1])


def _indices(position: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    indices: list[int] = []
    for length in reversed(shape):
        position, index = divmod(position, length)
        indices.append(index)
    return tuple(reversed(indices))


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
        lengths = set(map(_rows, columns))
        if form == "instances" and len(lengths) > 1:
            findings.add((*BODY, form), "must have as many rows in each tensor", "shape")
            return None
        return self._reading(columns)

    def take(self, tensors: Sequence[TakenTensor | None], findings: Findings) -> Reading | None:
        """The same from tensors that were sent as such."""
        columns = []
        for tensor, sent in zip(self._tensors, tensors, strict=True):
            if sent is not None:
                columns.append(tensor.take(sent, partial(_in_data, _key(tensor)), findings))
        found = [column for column in columns if column is not None]
        return None if findings else self._reading(found)

    @staticmethod
    def take_block(_sent: Any) -> None:
        """There is none."""

    def _reading(self, columns: Sequence[Column]) -> Reading:
        lengths = set(map(_rows, columns))
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


def _in_data(key: str | int, path: tuple[int, ...]) -> Loc:
    return (*INPUTS, key, "data", *path)


def _key(tensor: TensorColumn) -> str | int:
    return 0 if tensor.name is None else tensor.name


def _rows(column: Column) -> int:
    return column.shape[0] if column.shape else 1


def _longest(texts: Values) -> int:
    return max(map(len, texts), default=0)
