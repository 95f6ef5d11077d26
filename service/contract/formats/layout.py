"""Layout of tables: labels and index of `dataframe_split`, and whether lists are rows or values.

Under `inputs`, `instances` and in chats a list is a column where all columns are scalar. Where any
column is an array or an object, an object is one row and what it holds are that row's values; so is
a plain list for a single array column. A column of any type is between the two: a list of texts
alone is one value, if no list stands beside it that is a column, and every other list is a column.

That is what MLflow's scoring server does (mlflow/models/utils.py, `_enforce_schema`). It fails, or
takes an object's keys for rows, where an object holds a map; here a map is a value like any other.

In a chat-style body, which MLflow leaves unparsed before that, a list of texts alone is always one
value, which only an array or a column of any type can hold.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from service.contract.findings import Findings, Loc
from service.contract.formats.json_body import WITHIN_64_BITS, LongInteger
from service.contract.formats.table import TOO_SPARSE, Table, in_column, may_fill

_ROWS: Final = frozenset({"array", "object"})
_NESTED: Final = _ROWS | {"map", "any"}


class ListLayout:
    """What lists mean for one signature.

    Args:
        keys: of the columns.
        types: MLflow's words for the columns' types; empty for tensors.
    """

    def __init__(self, keys: Sequence[str], types: Sequence[str]) -> None:
        self.nested = not _NESTED.isdisjoint(types)
        self._always_one = not _ROWS.isdisjoint(types)
        self._is_array = list(types) == ["array"]
        pairs = zip(keys, types, strict=False)
        self._any = frozenset(key for key, type_ in pairs if type_ == "any")
        self._keys = frozenset(keys)

    def is_one_row(self, payload: Mapping[str, Any]) -> bool:
        """Whether an object is one row, although it holds lists."""
        if self._always_one or not self._any:
            return self._always_one
        if not payload.keys() <= self._keys:
            return False
        return all(self._is_flat(key, value) for key, value in payload.items())

    def is_one_chat(self, payload: Mapping[str, Any]) -> bool:
        """Whether a chat-style body is one row, although it holds lists."""
        return self._always_one or all(map(_is_one, payload.values()))

    def is_one_value(self, values: list[Any]) -> bool:
        """Whether a list is one value of the only column."""
        return self._is_array or (bool(self._any) and _all_text(values))

    def _is_flat(self, key: str, value: Any) -> bool:
        if type(value) is list:
            return key in self._any and _all_text(value)
        return type(value) is not dict


def _is_one(value: Any) -> bool:
    return type(value) is not list or _all_text(value)


def _all_text(values: list[Any]) -> bool:
    return set(map(type, values)) <= {str}


_SCALARS: Final = frozenset({str, int, LongInteger, float, bool, type(None)})


def labels_fit(header: Any, base: Loc, findings: Findings) -> bool:
    """Whether `columns` is a list of different plain values."""
    loc = (*base, "columns")
    if not _plain(header, loc, findings):
        return False
    first = {label: place for place, label in reversed(list(enumerate(header)))}
    again = [place for place, label in enumerate(header) if first[label] != place]
    places = ((*loc, place) for place in again)
    findings.add_all(places, "must not name a column a second time", "duplicate_column")
    return not again


def index_fits(index: Any, rows: int, base: Loc, findings: Findings) -> bool:
    """Whether `index` is a list of plain values, one a row."""
    loc = (*base, "index")
    if not _plain(index, loc, findings):
        return False
    if long := [place for place, label in enumerate(index) if type(label) is LongInteger]:
        places = ((*loc, place) for place in long)
        findings.add_all(places, f"must lie {WITHIN_64_BITS}", "out_of_range")
        return False
    if len(index) != rows:
        findings.add(loc, "must have as many values as there are rows", "shape")
    return len(index) == rows


def _plain(values: Any, loc: Loc, findings: Findings) -> bool:
    if type(values) is not list:
        findings.add(loc, "must be a list", "type")
        return False
    wrong = [place for place, value in enumerate(values) if type(value) not in _SCALARS]
    findings.add_all(((*loc, place) for place in wrong), "must be a string or a number", "type")
    return not wrong


_TEXT_OF_ONE: Final = 16


def may_spread(columns: Iterable[Any], rows: int, base: Loc, findings: Findings) -> bool:
    """Whether single values may stand for `rows` of them; notes why not."""
    given = list(columns)
    single = [value for value in given if type(value) is not list]
    if not single:
        return True
    if rows > 1 and dict in map(type, single):
        findings.add(base, "must have a list of objects, one a row, in each column", "shape")
        return False
    if not may_fill(rows * sum(map(_cells, single)), rows * (len(given) - len(single))):
        findings.add(base, TOO_SPARSE, "too_many_rows")
        return False
    return True


def _cells(value: Any) -> int:
    # A long text takes as much memory in each row as many numbers.
    return 1 + len(value) // _TEXT_OF_ONE if type(value) is str else 1


def lengths_of(columns: Iterable[Any]) -> set[int]:
    """How long the lists among the values are."""
    return {len(values) for values in columns if type(values) is list}


def spread(keys: Iterable[str], known: Mapping[str, Any], rows: int, base: Loc) -> Table:
    """A table of lists, and of single values that count for all rows."""
    columns = [_filled(known[key], rows) if key in known else None for key in keys]
    single = (place for place, key in enumerate(keys) if type(known.get(key, [])) is not list)
    return Table(rows, columns, base, in_column, repeated=frozenset(single))


def _filled(values: Any, rows: int) -> list[Any]:
    return values if type(values) is list else [values] * rows
