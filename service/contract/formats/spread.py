"""Columns side by side under their names: lists of values, and single values for all rows."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.contract.findings import Findings, Loc
from service.contract.formats.table import TOO_SPARSE, Table, in_column, may_fill

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
