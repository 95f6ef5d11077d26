"""CSV for a column signature: cells become the values that JSON would have had, by column.

The header names the columns, in any order, and those that the signature does not know are dropped;
where the signature has no names, the first ones count, whatever they are called. Every row has as
many cells as the header: pandas fills up short ones with nulls, and where all are one cell too long
it takes the first column for an index, so that all others move by one. A column given twice is
refused. A header alone has no rows, which MLflow takes as well.

MLflow reads columns of scalar types alone from CSV; so does Podium. What a cell means:

======== =========================================== ==============================================
type     a cell                                      MLflow's reader takes as well
======== =========================================== ==============================================
boolean  true, false in any case; 1 and 0            other numbers, as true
integer, 5, +5, 007, 5.0, .5, 1e2; blanks around     2**53+1 for a double and 2**24+1 for a float,
long,                                                rounded; 1e300 for a float, as infinity; inf;
float,                                               true for a float, as 1
double
string   its text                                    NA, null, None, nan and their like, as null
binary   base64                                      any text, which the model gets undecoded
datetime ISO 8601, as in JSON                        none: its reader knows no times
======== =========================================== ==============================================

An empty cell is null, with quotes or without, and so is NA and its like (pandas,
`_libs.parsers.STR_NA_VALUES`) where a number or a boolean is asked for. What does not read as the
type is left as text, for the checker of the column to refuse in JSON's words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from operator import itemgetter
from typing import Any, Final

from service.contract.findings import Findings, Hole
from service.contract.formats.csv_body import CSV_BASE, Sheet, read_sheet
from service.contract.formats.table import Table, in_row
from service.contract.formats.table_reader import TableReader
from service.contract.reading import Reading
from service.contract.signature import ColumnSpec
from service.contract.types.scalars import SCALARS

Cell = str | Hole

_NULLS: Final = frozenset(
    [
        *("", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NULL", "null", "None"),
        *("NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    ]
)
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}
# What the inner groups match makes it no integer. Every part matches in one way only.
_NUMBER: Final = re.compile(
    r"[ \t]*+([+-]?(?:\d++((?:\.\d*+)?(?:[eE][+-]?\d++)?+)|(\.\d++(?:[eE][+-]?\d++)?+)))[ \t]*+",
    re.ASCII,
)
# Of many cells with a comma after each but the last; possessive, so that no match is tried twice.
_FRACTIONS: Final = re.compile(r"(?:[+-]?\d+\.\d*(?:[eE][+-]?\d+)?(?:,|\Z))*+", re.ASCII)
# Beyond 64 bits JSON's readers take a double, and so does the contract.
_LEAST, _GREATEST, _LONGEST = -(1 << 63), (1 << 64) - 1, 40
_SURELY_64_BITS: Final = 18


def csv_reader(columns: Sequence[ColumnSpec], max_rows: int) -> "CsvReader | None":
    """The reader for these columns, or None where CSV cannot carry them."""
    plain = columns and all(spec.type in READERS for spec in columns)
    return CsvReader(columns, max_rows) if plain else None


class CsvReader:
    """Reads CSV for one list of columns, all of scalar types."""

    def __init__(self, specs: Sequence[ColumnSpec], max_rows: int) -> None:
        self._specs = specs
        self._reader = TableReader(specs, max_rows)
        self._named = specs[0].name is not None
        self._max_rows = max_rows
        self._cells = [READERS[str(spec.type)] for spec in specs]

    def read(self, body: bytes, charset: str, findings: Findings) -> Reading | None:
        """The valid table, as from JSON; None once anything has been added to the findings.

        Raises `InvalidInput` where the body is not CSV or has too many rows.
        """
        table = self._table(body, charset, findings)
        return None if table is None else self._reader.check(table, "csv", findings)

    def _table(self, body: bytes, charset: str, findings: Findings) -> Table | None:
        header, rows = _without_blanks(read_sheet(body, charset, self._max_rows))
        positions = self._positions(header, findings)
        if positions is None:
            return None
        usable = _usable(rows, len(header), findings)
        columns = [
            None if at is None else read(_column(rows, usable, at))
            for read, at in zip(self._cells, positions, strict=True)
        ]
        return Table(len(rows), columns, CSV_BASE, in_row)

    def _positions(self, header: list[str], findings: Findings) -> Sequence[int | None] | None:
        if not self._named:
            if len(header) >= len(self._specs):
                return range(len(self._specs))
            findings.add(CSV_BASE, f"must have {len(self._specs)} columns", "shape")
            return None
        known = {str(spec.name) for spec in self._specs}
        places: dict[str, int] = {}
        for place, label in enumerate(header):
            if label in known and places.setdefault(label, place) != place:
                loc = (*CSV_BASE, "columns", place)
                findings.add(loc, "must not name a column a second time", "duplicate_column")
        for spec in self._specs:
            if spec.name is not None and spec.required and str(spec.name) not in places:
                findings.add((*CSV_BASE, spec.name), "is required", "missing")
        return [places.get(str(spec.name)) for spec in self._specs]


def _usable(rows: list[list[str]], width: int, findings: Findings) -> list[bool] | None:
    """Which rows are as long as the header, after noting the others; None if all are."""
    if set(map(len, rows)) <= {width}:
        return None
    usable = [len(row) == width for row in rows]
    wrong = ((*CSV_BASE, row) for row, use in enumerate(usable) if not use)
    findings.add_all(wrong, f"must have as many cells as the header: {width}", "shape")
    return usable


def _column(rows: list[list[str]], usable: list[bool] | None, at: int) -> list[Cell]:
    # Only the columns that the signature knows are made: a client may send millions of others.
    if usable is None:
        return list(map(itemgetter(at), rows))
    return [row[at] if use else Hole.REPORTED for row, use in zip(rows, usable, strict=True)]


def _without_blanks(sheet: Sheet) -> Sheet:
    """The sheet without lines of blanks alone, which pandas passes over like empty ones."""
    if len(sheet.header) == 1:
        return sheet
    return sheet._replace(rows=[row for row in sheet.rows if len(row) > 1 or not row[0].isspace()])


def texts(cells: Sequence[Cell]) -> Sequence[Any]:
    """Cells that are text."""
    return [None if cell == "" else cell for cell in cells] if "" in cells else cells


def booleans(cells: Sequence[Cell]) -> Sequence[Any]:
    """Cells that are true or false."""
    return [_boolean(cell) if type(cell) is str else cell for cell in cells]


def numbers(cells: Sequence[Cell]) -> Sequence[Any]:
    """Cells that are numbers."""
    values = _all_digits(cells) or _all_fractions(cells)
    return values or [_number(cell) if type(cell) is str else cell for cell in cells]


_READ: Final = {"boolean": booleans, "number": numbers, "text": texts}
READERS: Final[Mapping[str, Callable[[Sequence[Cell]], Sequence[Any]]]] = {
    name: _READ[traits.csv] for name, traits in SCALARS.items()
}


def _all_digits(cells: Sequence[Any]) -> Sequence[int] | None:
    """The cells if all of them are short and of digits alone."""
    if not cells or type(cells[0]) is not str or not cells[0].isdigit():
        return None
    try:
        joined = "".join(cells)
        if joined.isascii() and joined.isdigit() and max(map(len, cells)) <= _SURELY_64_BITS:
            return list(map(int, cells))
    except (TypeError, ValueError):
        pass
    return None


def _all_fractions(cells: Sequence[Any]) -> Sequence[float] | None:
    """The cells if all of them are written with a point, as most columns of doubles are."""
    if not cells or type(cells[0]) is not str or "." not in cells[0]:
        return None
    try:
        if _FRACTIONS.fullmatch(",".join(cells)):
            values = list(map(float, cells))
            return values if all(map(isfinite, values)) else None
    except (TypeError, ValueError):
        pass
    return None


def _boolean(cell: str) -> bool | str | None:
    return None if cell in _NULLS else _BOOLEANS.get(cell.lower(), cell)


def _number(cell: str) -> float | str | None:
    found = _NUMBER.fullmatch(cell)
    if found is None:
        return None if cell in _NULLS else cell
    text, fraction = found[1], found[2] or found[3]
    if not fraction and len(text) <= _LONGEST:
        whole = int(text)
        return whole if _LEAST <= whole <= _GREATEST else float(whole)
    value = float(text)
    return value if isfinite(value) else cell
