"""Which rows a slice holds; and of what kind a column's values are, which it may compare."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from numbers import Number
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from service.validation.policy.quality_bounds import Slice
from service.validation.policy.queries import needs_of
from service.validation.quality.evaluation_data import listed

MOST_VALUES: Final = 50
"""A column of more values makes no slices."""
_NAMES: Final = {"b": "booleans", "i": "numbers", "u": "numbers", "f": "numbers", "M": "times"}
# What pandas compares with a time by reading it.
_FITTING: Final = {"times": frozenset({"text", "times"})}


class BadSlice(Exception):
    """A slice that the data cannot have: of no row, of a column that is not there, of its kind."""


class SliceRows(NamedTuple):
    """One part of the rows, its name, and what it was asked for by."""

    label: str
    rows: Sequence[int]
    asked: Slice


def slices_of(slices: Sequence[Slice], frame: pd.DataFrame) -> Sequence[SliceRows]:
    """The rows of each, by position. Raises `BadSlice` with everything that is wrong."""
    found, wrong = list[SliceRows](), list[str]()
    for place, each in enumerate(slices):
        try:
            found += _rows_of(each, frame)
        except BadSlice as error:
            wrong.append(f"slices.{place}: {error}")
    called = Counter(each.label for each in found)
    wrong += [f"slices: {count} are called {name}" for name, count in called.items() if count > 1]
    if wrong:
        raise BadSlice("\n".join(wrong))
    return found


def _rows_of(asked: Slice, frame: pd.DataFrame) -> Iterator[SliceRows]:
    _check_columns(asked, frame)
    _check_kinds(asked, frame)
    if asked.by is not None:
        yield from _by_value(asked, asked.by, frame)
        return
    hit = _queried(asked.query, frame) if asked.query is not None else _equal(asked, frame)
    rows = _positions(frame, hit)
    if not rows:
        raise BadSlice("no row of the data is in it")
    yield SliceRows(asked.label, rows, asked)


def _check_columns(asked: Slice, frame: pd.DataFrame) -> None:
    named = {asked.by} if asked.by is not None else set(asked.where or ())
    named |= needs_of(asked.query).columns if asked.query is not None else set()
    missing = sorted(map(str, named - set(frame.columns)))
    if missing:
        there = listed(frame.columns)
        raise BadSlice(f"the data has no column {', '.join(missing)}; it has {there}")


def _check_kinds(asked: Slice, frame: pd.DataFrame) -> None:
    compared = list((asked.where or {}).items())
    wrong = []
    if asked.query is not None:
        needs = needs_of(asked.query)
        compared += needs.compared
        wrong = [
            f"column {name} is not of booleans: compare it with a value"
            for name in sorted(needs.conditions)
            if kinds_of(frame[name]) != {"booleans"}
        ]
    wrong += filter(None, (misfit(name, frame[name], value) for name, value in compared))
    if wrong:
        raise BadSlice(" and ".join(dict.fromkeys(wrong)))


def _by_value(asked: Slice, column: str, frame: pd.DataFrame) -> Iterator[SliceRows]:
    values = frame[column].dropna().unique()
    if len(values) > MOST_VALUES:
        raise BadSlice(f"{column} has {len(values)} values; at most {MOST_VALUES} make slices")
    nulls = _positions(frame, frame[column].isna())
    if nulls:
        yield SliceRows(f"{asked.name or column} is null", nulls, asked)
    for value in sorted(values, key=lambda each: (str(type(each)), each)):
        label = f"{asked.name or column}={value}"
        yield SliceRows(label, _positions(frame, frame[column] == value), asked)


def _equal(asked: Slice, frame: pd.DataFrame) -> "pd.Series[bool]":
    hit = pd.Series(data=True, index=frame.index)
    for column, value in (asked.where or {}).items():
        hit &= frame[column] == value
    return hit


def _queried(query: str, frame: pd.DataFrame) -> "pd.Series[bool]":
    try:
        found: Any = frame.eval(query, engine="python", parser="pandas")
        return found.astype(bool)  # type: ignore[no-any-return]
    except Exception as error:  # pandas raises nearly anything where types do not fit
        raise BadSlice(f"the query does not fit the data ({type(error).__name__})") from error


def _positions(frame: pd.DataFrame, hit: "pd.Series[bool]") -> Sequence[int]:
    return [int(row) for row in frame.index[hit.fillna(value=False)]]


def kinds_of(column: "pd.Series[Any]") -> frozenset[str]:
    """The kinds of its values that are not null; a column of objects may have several."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in _NAMES:
        return frozenset({_NAMES[kind]})
    return frozenset(kind_of(value) for value in column.dropna())


def kind_of(value: Any) -> str:
    """Of one value, in the plural."""
    if isinstance(value, bool | np.bool_):
        return "booleans"
    if isinstance(value, Number | Decimal):
        return "numbers"
    return "text" if isinstance(value, str) else "other things"


def misfit(name: str, column: "pd.Series[Any]", value: Any) -> str | None:
    """Why no value of the column can be that one; None where one might be."""
    kinds, asked = kinds_of(column), kind_of(value)
    if not kinds or any(asked in _FITTING.get(kind, {kind}) for kind in kinds):
        return None
    return f"column {name} holds {' and '.join(sorted(kinds))}, and is compared with {asked}"
