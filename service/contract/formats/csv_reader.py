"""CSV for a column signature: cells become the values that JSON would have had, by column.

The header names the columns, in any order, and those that the signature does not know are dropped;
where the signature has no names, the first ones count, whatever they are called. Every row has as
many cells as the header: pandas fills up short ones with nulls, and where all are one cell too long
it takes the first column for an index, so that all others move by one. A column given twice is
refused. A header alone has no rows, which MLflow takes as well.

MLflow reads columns of scalar types alone from CSV; so does Podium.
"""

from collections.abc import Sequence
from operator import itemgetter

from service.contract.findings import Findings, Hole
from service.contract.formats.csv_body import CSV_BASE, Sheet, read_sheet
from service.contract.formats.csv_cells import READERS, Cell
from service.contract.formats.table import Table, in_row
from service.contract.formats.table_reader import TableReader
from service.contract.reading import Reading
from service.contract.signature import ColumnSpec


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
