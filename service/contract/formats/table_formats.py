"""The request formats as tables: what each means for columns with and without names.

================== ===========================================================================
dataframe_split    `data`, a list of rows; `columns`, their names in any order; `index`. Without
                   `columns` they are called 0, 1, 2 ... Where the signature has no names, the
                   first columns count, whatever they are called.
dataframe_records  a list of objects, one a row; where the signature has no names, the keys of the
                   first one give the order. Or a list of rows, as in `data` without `columns`.
inputs, instances  an object of columns, each a list, or one value for all rows; an object of
                   plain values is one row, and so is any object for a signature with an array or
                   an object (`single_row` has the rest). Or a list as in `dataframe_records`; for
                   a single column a plain list; for a single unnamed one also one value.
chat               the body itself without its params, as an object of columns; where the signature
                   has no names its keys count in order. One row, unless a list in it holds
                   anything but text and no column is an array or an object.
================== ===========================================================================

That is what MLflow's scoring server takes (mlflow/utils/proto_json_utils.py), and a little more
where it fails for reasons of its own: records may lack optional columns under `instances` too, and
unnamed columns keep their own types there. Columns that the signature does not know are dropped.
Refused are rows of unequal length, a column given twice, objects in `dataframe_split.data`, and
bodies that leave far more values to be filled in than they hold. A Parquet file (`parquet_body`) is
read as `dataframe_split` is.

No rows at all are taken where the columns are named all the same: by `columns`, in an object of
empty lists, or as an empty list for a single named column; MLflow hands its models an empty
DataFrame then.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, ClassVar, Final

from service.contract.findings import BODY, Findings, Loc
from service.contract.formats.json_body import LongInteger
from service.contract.formats.layout import (
    ListLayout,
    index_fits,
    labels_fit,
    lengths_of,
    may_spread,
    spread,
)
from service.contract.formats.parquet_body import ParquetTable
from service.contract.formats.table import (
    Table,
    WantedColumn,
    by_itself,
    columns_of_records,
    columns_of_rows,
    in_list,
    in_row,
    regular_columns,
    under_name,
)

FORMATS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")

_SPLIT_KEYS: Final = frozenset({"columns", "data", "index"})
_SCALARS: Final = frozenset({str, int, LongInteger, float, bool})


class TableFormats:
    """Reads all formats for one list of columns.

    Args:
        names: of the columns, in order; all None for unnamed ones.
        required: of each column, whether it must be there.
        max_rows: more are refused before they are looked at.
        open_width: whether as many unnamed columns are taken as are sent.
        types: of each column, MLflow's word for its type; None where lists are not values.
    """

    def __init__(
        self,
        names: Sequence[str | int | None],
        required: Sequence[bool],
        max_rows: int,
        *,
        open_width: bool = False,
        types: Sequence[str] | None = None,
    ) -> None:
        self._named = names[0] is not None
        self._header = list(names)
        # JSON's objects have no integer keys.
        self._wanted = [
            WantedColumn(str(name), 0 if name is None else name, need)
            for name, need in zip(names, required, strict=True)
        ]
        self._required = {name for name, need in zip(names, required, strict=True) if need}
        self._in_order = range(len(names))
        self._max_rows = max_rows
        self._open_width = open_width
        self._layout = ListLayout([wanted.key for wanted in self._wanted], types or ())

    def read(self, form: str, payload: Any, findings: Findings) -> Table | None:
        """The table, or None if nothing of it could be made out; what is wrong is in `findings`."""
        return self._READERS[form](self, payload, (*BODY, form), findings)

    def _split(self, payload: Any, base: Loc, findings: Findings) -> Table | None:
        if type(payload) is not dict or "data" not in payload or not payload.keys() <= _SPLIT_KEYS:
            text = "must be an object of `data`, and optionally `columns` and `index`"
            findings.add(base, text, "format")
            return None
        header, index = payload.get("columns"), payload.get("index")
        if header != self._header and header is not None and not labels_fit(header, base, findings):
            return None
        table = self._rows(payload["data"], header, (*base, "data"), findings)
        if table is None or index is None or not index_fits(index, table.rows, base, findings):
            return table
        return table._replace(row_index=index)

    def _by_column(self, payload: ParquetTable, base: Loc, findings: Findings) -> Table | None:
        # Names of columns are text there, and may be integers in the signature.
        known = {str(name): name for name in self._header}
        header = [known.get(label, label) for label in payload.header]
        if not labels_fit(header, base, findings):
            return None
        places = self._positions(header, len(header), (*base, "columns"), findings)
        if places is None:
            return None
        columns = [None if place is None else payload.columns[place] for place in places]
        return Table(payload.rows, columns, base, in_row)

    def _listed(self, payload: Any, base: Loc, findings: Findings) -> Table | None:
        if type(payload) is list and _holds_records(payload):
            return self._records(payload, base, findings)
        return self._rows(payload, None, base, findings)

    def _any(self, payload: Any, base: Loc, findings: Findings) -> Table | None:
        if type(payload) is dict:
            return self._object(payload, base, findings)
        if len(self._header) == 1 and not self._open_width:
            if type(payload) is list and self._is_only_column(payload):
                return self._only_column(payload, base, findings)
            if not self._named and type(payload) in _SCALARS:
                return Table(1, ([payload],), base, by_itself)
        return self._listed(payload, base, findings)

    def _is_only_column(self, values: list[Any]) -> bool:
        if self._named:
            return not _holds_records(values)
        return self._layout.nested and bool(values)

    def _only_column(self, values: list[Any], base: Loc, findings: Findings) -> Table | None:
        if self._named and self._layout.is_one_value(values):
            return Table(1, ([values],), base, by_itself)
        if not self._fits(len(values), base, findings):
            return None
        return Table(len(values), (values,), base, in_list)

    def _rows(
        self, data: Any, header: list[Any] | None, base: Loc, findings: Findings
    ) -> Table | None:
        if type(data) is not list:
            findings.add(base, "must be a list of rows", "type")
        elif not data and header is None:
            findings.add(base, "must have at least one row", "missing")
        elif self._fits(len(data), base, findings):
            return self._laid_out(data, header, base, findings)
        return None

    def _laid_out(
        self, data: list[Any], header: list[Any] | None, base: Loc, findings: Findings
    ) -> Table | None:
        if header == self._header:
            regular = regular_columns(data, len(self._header))
            if regular is not None:
                return Table(len(data), regular, base, in_row)
        first_row = next((row for row in data if type(row) is list), None)
        width = len(header) if header is not None else 1 if first_row is None else len(first_row)
        positions = self._positions(header, width, base, findings)
        if positions is None:
            return None
        if first_row is not None or (data and width != 1):
            # A client decides how many there are of open width: no holes are made for those.
            usable = () if self._open_width and not regular_columns(data, width) else positions
            columns = columns_of_rows(data, width, usable, base, findings)
            return Table(len(data), columns, base, in_row)
        # No rows, or the plain values of a single column.
        plain = [None if position is None else data for position in positions]
        return Table(len(data), plain, base, in_list)

    def _positions(
        self, header: list[Any] | None, width: int, base: Loc, findings: Findings
    ) -> Sequence[int | None] | None:
        if header == self._header:
            return self._in_order
        if self._named:
            places = {name: place for place, name in enumerate(header or range(width))}
            missing_at = base if header is None else (*base[:-1], "columns")
            self._note_missing(places, missing_at, findings)
            return [places.get(name) for name in self._header]
        return self._unnamed_positions(width, base, findings)

    def _unnamed_positions(
        self, width: int, base: Loc, findings: Findings
    ) -> Sequence[int | None] | None:
        if width < len(self._header):
            findings.add(base, f"must have {len(self._header)} columns", "shape")
            return None
        return range(width) if self._open_width else self._in_order

    def _records(self, records: list[Any], base: Loc, findings: Findings) -> Table | None:
        if not self._fits(len(records), base, findings):
            return None
        wanted = self._wanted
        if not self._named:
            positions = self._unnamed_positions(len(records[0]), (*base, 0), findings)
            if positions is None:
                return None
            # Positions stand for the client's own keys in errors.
            keys = zip(records[0], positions, strict=False)
            wanted = [WantedColumn(key, place or 0, required=True) for key, place in keys]
        columns = columns_of_records(records, wanted, base, findings)
        return Table(len(records), columns, base, in_row)

    def _object(self, payload: Mapping[str, Any], base: Loc, findings: Findings) -> Table | None:
        if not self._named:
            findings.add(base, "must be a list: the columns have no names", "type")
            return None
        keys = [wanted.key for wanted in self._wanted]
        one_row = self._layout.nested and self._layout.is_one_row(payload)
        return self._under_keys(keys, payload, base, findings, one_row=one_row)

    def _chat(self, payload: Mapping[str, Any], _base: Loc, findings: Findings) -> Table | None:
        keys = [wanted.key for wanted in self._wanted]
        if not self._named:
            if self._unnamed_positions(len(payload), BODY, findings) is None:
                return None
            keys = list(payload)[: len(keys)]
        one_row = self._layout.is_one_chat(payload)
        return self._under_keys(keys, payload, BODY, findings, one_row=one_row)

    def _under_keys(
        self,
        keys: Sequence[str],
        payload: Mapping[str, Any],
        base: Loc,
        findings: Findings,
        *,
        one_row: bool,
    ) -> Table | None:
        known = {key: payload[key] for key in keys if key in payload}
        self._note_missing({name for name in self._header if str(name) in known}, base, findings)
        lengths = lengths_of(known.values()) or lengths_of(payload.values())
        if one_row or not lengths:
            columns = [[known[key]] if key in known else None for key in keys]
            return Table(1, columns, base, under_name)
        rows = lengths.pop()
        if lengths:
            findings.add(base, "must have columns of one length", "shape")
            return None
        if not self._fits(rows, base, findings):
            return None
        if not may_spread(known.values(), rows, base, findings):
            return None
        return spread(keys, known, rows, base)

    def _note_missing(self, present: Container[Any], base: Loc, findings: Findings) -> None:
        for name in self._header:
            if name is not None and name in self._required and name not in present:
                findings.add((*base, name), "is required", "missing")

    def _fits(self, rows: int, base: Loc, findings: Findings) -> bool:
        if rows > self._max_rows:
            findings.add(base, f"must have at most {self._max_rows} rows", "too_many_rows")
        return rows <= self._max_rows

    # Not bound methods of its own: what refers to itself is only found by the garbage collector.
    _READERS: ClassVar[Mapping[str, "_Reader"]] = {
        "dataframe_split": _split,
        "dataframe_records": _listed,
        "instances": _any,
        "inputs": _any,
        "chat": _chat,
        "parquet": _by_column,
    }


def _holds_records(listed: list[Any]) -> bool:
    return bool(listed) and type(listed[0]) is dict


_Reader = Callable[[TableFormats, Any, Loc, Findings], Table | None]
