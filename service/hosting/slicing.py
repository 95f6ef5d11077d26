"""A request of many rows as several of few, so that small ones pass between them (P16).

Only for versions that were shown to answer each row by itself, and only where pandas and numpy give
a slice the dtypes that they give the whole.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from math import prod
from typing import TypeVar

from service.contract.model_input import Column, EncodedInput, ModelInput, Values
from service.errors import ModelFailed
from service.host.wire import Outcome
from service.hosting.host_handle import SENTENCES
from service.processes.frames import Body

_Part = TypeVar("_Part", ModelInput, EncodedInput)

# Their dtypes are inferred from all that is in them, or are as wide as their longest text.
_WHOLE_ONLY = frozenset({"any", "str"})
_NULL_IS_A_VALUE = frozenset({"double", "float", "datetime"})


def sliceable(model_input: ModelInput, rows: int) -> bool:
    """Whether it has more rows than that, and slices of so many are answered as the whole."""
    if model_input.rows <= rows or model_input.join_key is None:
        return False
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


def encoded_slices(model_input: EncodedInput) -> Iterator[EncodedInput]:
    """The slices that a decoder has made; data copied, one by one."""
    start = 0
    for rows, head, length in model_input.slices:
        body = model_input.body[start : start + length]
        start += length
        yield EncodedInput(rows, head, body, model_input.bare)


async def in_turn(
    parts: Iterable[_Part],
    predict: Callable[[_Part], Awaitable[Body]],
    max_reply_bytes: int,
) -> bytes:
    """The answers to all slices as one JSON array; each is asked when the one before is answered.

    Raises what the first failing slice raises, and `ModelFailed` if the answer is too long in all.
    """
    replies, size = [], 0
    for part in parts:
        reply = await predict(part)
        if reply[:1] != b"[" or reply == b"[]":
            raise ModelFailed(SENTENCES[Outcome.NOT_BY_ROW])
        replies.append(reply)
        size += len(reply)
        if size > max_reply_bytes:
            raise ModelFailed(SENTENCES[Outcome.REPLY_TOO_LARGE])
    return b"[%b]" % b",".join(memoryview(reply)[1:-1] for reply in replies)


def _alike(column: Column, rows: int) -> bool:
    if column.dtype in _WHOLE_ONLY:
        return False
    if column.dtype in _NULL_IS_A_VALUE or not column.has_null:
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
