"""Rows as a request gave them, turned into columns, with the way back to each value's place."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from service.contract.findings import Findings, Hole, Loc

# From where the data stands, a column's name or position, and a row, to one value's place.
PlaceOf = Callable[[Loc, str | int, int], Loc]

TOO_SPARSE: Final = "has too many missing cells: send explicit values, or fewer rows"
_FREE_CELLS: Final = 100_000
_CELLS_FOR_ONE: Final = 10

_LISTS: Final = {list}
_RECORDS: Final = {dict}


def in_row(base: Loc, key: str | int, row: int) -> Loc:
    """Values lie in rows or records."""
    return (*base, row, key)


def in_column(base: Loc, key: str | int, row: int) -> Loc:
    """Values lie in columns."""
    return (*base, key, row)


def in_list(base: Loc, _key: str | int, row: int) -> Loc:
    """Values of the only column lie in a plain list."""
    return (*base, row)


def under_name(base: Loc, key: str | int, _row: int) -> Loc:
    """The only row's values stand under their columns' names."""
    return (*base, key)


def by_itself(base: Loc, _key: str | int, _row: int) -> Loc:
    """The only value stands there alone."""
    return base


def in_tensor(base: Loc, key: str | int, row: int) -> Loc:
    """Values of a column are the data of a tensor."""
    return (*base, key, "data", row)


class Table(NamedTuple):
    """Values by column, unchecked; `Hole`s stand where a record or row was not usable.

    Attributes:
        rows: how many; every column has as many values.
        columns: in the signature's order; None for one that was left out.
        base: where the data stands in the body.
        place: where a value stands below that.
        row_index: the `index` of `dataframe_split`.
        repeated: positions of columns that were given as one value for all rows.
    """

    rows: int
    columns: Sequence[Sequence[Any] | None]
    base: Loc
    place: PlaceOf
    row_index: Sequence[Any] | None = None
    repeated: frozenset[int] = frozenset()

    def locate(self, position: int, key: str | int, row: int) -> Loc:
        """Where the value of that column and row stands in the body."""
        place = under_name if position in self.repeated else self.place
        return place(self.base, key, row)


class WantedColumn(NamedTuple):
    """A column that records ought to have: its key in them, its name in errors."""

    key: str
    label: str | int
    required: bool


def regular_columns(data: list[Any], width: int) -> list[tuple[Any, ...]] | None:
    """The columns of rows that are all lists of that width, or None if they are not."""
    if set(map(type, data)) != _LISTS:
        return None
    try:
        columns = list(zip(*data, strict=True))
    except ValueError:
        return None
    return columns if len(columns) == width else None


def columns_of_rows(
    data: list[Any], width: int, positions: Sequence[int | None], base: Loc, findings: Findings
) -> Sequence[Sequence[Any] | None]:
    """The columns at `positions` of rows that ought to be `width` long; None for None."""
    columns = regular_columns(data, width)
    if columns is not None:
        return [None if position is None else columns[position] for position in positions]
    _note_rows(data, width, base, findings)
    usable = [type(row) is list and len(row) == width for row in data]
    return [
        None
        if at is None
        else [row[at] if use else Hole.REPORTED for row, use in zip(data, usable, strict=True)]
        for at in positions
    ]


def _note_rows(data: list[Any], width: int, base: Loc, findings: Findings) -> None:
    for number, row in enumerate(data):
        if type(row) is not list:
            findings.add((*base, number), "must be a list of values", "type")
        elif len(row) != width:
            findings.add((*base, number), f"must have as many values as columns: {width}", "shape")


def columns_of_records(
    records: list[Any], wanted: Iterable[WantedColumn], base: Loc, findings: Findings
) -> Sequence[Sequence[Any] | None]:
    """The wanted columns, each of as many values as there are records.

    Where a record lacks an optional column the value is null; None stands for an optional column
    that no record has.
    """
    if set(map(type, records)) != _RECORDS:
        wrong = (row for row, record in enumerate(records) if type(record) is not dict)
        findings.add_all(((*base, row) for row in wrong), "must be an object", "type")
    columns: list[Sequence[Any] | None] = []
    sparse: SparseRecords | None = None
    for each in wanted:
        key = each.key
        try:
            columns.append([record[key] for record in records])
        except (KeyError, TypeError):
            sparse = sparse or SparseRecords(records, base, findings)
            columns.append(sparse.column(each))
    return columns


def may_fill(cells: int, sent: int) -> bool:
    """Whether so many cells may be filled in for a client that has sent so many itself.

    Without a bound a hundred kilobytes could stand for a table of tens of millions.
    """
    return cells <= _FREE_CELLS + _CELLS_FOR_ONE * sent


class SparseRecords:
    """Records of which some lack a column, or are not objects."""

    def __init__(self, records: list[Any], base: Loc, findings: Findings) -> None:
        self._records = records
        self._base = base
        self._findings = findings
        usable = [record for record in records if type(record) is dict]
        self._keys = set(chain.from_iterable(usable))
        self._sent = sum(map(len, usable))
        self._filled = 0

    def column(self, wanted: WantedColumn) -> Sequence[Any] | None:
        """One value for each record; what is missing is noted, or null where it is optional."""
        key, label, required = wanted
        too_far = self._findings.full or not may_fill(self._filled, self._sent)
        if too_far or not (required or key in self._keys):
            return None
        having = [type(record) is dict and key in record for record in self._records]
        if required:
            self._note_gaps(having, label)
        elif not self._may_fill(having.count(False)):
            return None
        fill = Hole.REPORTED if required else None
        return [
            record[key] if has else fill if type(record) is dict else Hole.REPORTED
            for record, has in zip(self._records, having, strict=True)
        ]

    def _note_gaps(self, having: list[bool], label: str | int) -> None:
        gaps = [row for row, has in enumerate(having) if not has]
        rows = (row for row in gaps if type(self._records[row]) is dict)
        locs = ((*self._base, row, label) for row in rows)
        self._findings.add_all(locs, "is required", "missing")

    def _may_fill(self, cells: int) -> bool:
        self._filled += cells
        if may_fill(self._filled, self._sent):
            return True
        self._findings.add(self._base, TOO_SPARSE, "too_many_rows")
        return False
