"""A request of many rows as several of few, so that small ones pass between them (P16).

Only for versions that were shown to answer each row by itself, and only where pandas and numpy give
a slice the dtypes that they give the whole.
"""

from collections.abc import Iterator
from math import prod

from service.contract.model_input import Column, ModelInput, Values
from service.contract.types.scalars import SCALARS

# Their dtypes are inferred from all that is in them, or are as wide as their longest text.
_WHOLE_ONLY = frozenset({"any", "str"})


def sliceable(model_input: ModelInput, rows: int) -> bool:
    """Whether it has more rows than that, and slices of so many are answered as the whole."""
    if model_input.rows <= rows or model_input.join_key is None:
        return False
    if model_input.reply is not None:
        return False  # answers to slices are put together as JSON arrays alone
    return all(_alike(column, rows) for column in model_input.columns)


def slices(model_input: ModelInput, rows: int) -> Iterator[ModelInput]:
    """The rows in order, so many at a time, fewer at the end; made one by one, data copied."""
    for first in range(0, model_input.rows, rows):
        count = min(rows, model_input.rows - first)
        columns = tuple(_part(column, first, count) for column in model_input.columns)
        yield ModelInput(
            model_input.kind,
            columns,
            count,
            model_input.params,
            index=None,
            join_key=model_input.join_key,
            bare=model_input.bare,
        )


def _alike(column: Column, rows: int) -> bool:
    if column.dtype in _WHOLE_ONLY:
        return False
    if not column.has_null or (column.dtype in SCALARS and SCALARS[column.dtype].null_is_a_value):
        return True
    # pandas' dtype for texts or booleans beside nulls is another than that of either alone.
    starts = range(0, len(column.values), rows)
    return len({_kinds(column.values[first : first + rows]) for first in starts}) == 1


def _kinds(values: Values) -> tuple[bool, bool]:
    nulls = values.count(None)
    return nulls > 0, nulls < len(values)


def _part(column: Column, first: int, count: int) -> Column:
    if column.shape is None:
        return column._replace(values=column.values[first : first + count])
    width = prod(column.shape[1:])
    values: Values = column.values[first * width : (first + count) * width]
    return column._replace(values=values, shape=(count, *column.shape[1:]))
