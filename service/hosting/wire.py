"""What front and hosts say to each other in frames: operations, batches, and their replies.

A batch travels by column. The head says how each column lies in the body: an `array`'s raw bytes
in this machine's order, or JSON text where there are nulls, strings or bytes (as base64). Nested
values are JSON text, with bytes as base64 and times as nanoseconds since 1970 in UTC (for a model
with a type hint as ISO 8601); the head says how they are nested.
"""

import base64
import enum
import json
from array import array
from collections.abc import Sequence
from typing import Any, Final

import orjson

from service.contract.model_input import Column, ModelInput, Values
from service.processes.frames import Frame


class Operation(enum.IntEnum):
    """What a host can be asked."""

    LOAD = 1
    WARM_UP = 2
    PREDICT = 3


class Outcome(enum.IntEnum):
    """Why one request of a batch has no reply; stands negated where its length would."""

    MODEL_RAISED = 1
    NOT_ENCODABLE = 2
    REPLY_TOO_LARGE = 3
    NOT_BY_ROW = 4


_RAW: Final = "raw"
_JSON: Final = "json"
_BASE64: Final = "base64"
_NESTED: Final = "nested"


def encode_batch(inputs: Sequence[ModelInput]) -> tuple[bytes, bytes]:
    """Head and body of a PREDICT or WARM_UP frame; the inputs have equal join keys."""
    first = inputs[0]
    columns, buffers = [], []
    for position, column in enumerate(first.columns):
        values = column.values if len(inputs) == 1 else _joined(inputs, position)
        layout, buffer = _lay_out(column, values)
        columns.append(
            {
                "name": column.name,
                "dtype": column.dtype,
                "layout": layout,
                "bytes": len(buffer),
                "shape": _joined_shape(column, inputs),
                "nested": column.nested and column.nested._asdict(),
            }
        )
        buffers.append(buffer)
    head = {
        "kind": first.kind,
        "rows": [each.rows for each in inputs],
        "columns": columns,
        # Defaults may be NaN or infinite, which orjson would make null.
        "params": None if first.params is None else json.dumps(first.params),
        "index": first.index,
    }
    return orjson.dumps(head), b"".join(buffers)


def _joined(inputs: Sequence[ModelInput], position: int) -> Values:
    values = inputs[0].columns[position].values[:]
    for other in inputs[1:]:
        values.extend(other.columns[position].values)
    return values


def _joined_shape(column: Column, inputs: Sequence[ModelInput]) -> tuple[int, ...] | None:
    if column.shape is None or len(inputs) == 1:
        return column.shape
    return (sum(each.rows for each in inputs), *column.shape[1:])


def _lay_out(column: Column, values: Values) -> tuple[str, bytes]:
    if isinstance(values, array):
        return f"{_RAW}:{values.typecode}", values.tobytes()
    if column.nested is not None:
        return _NESTED, orjson.dumps(values, default=_base64_text)
    if column.dtype == "binary":
        texts = [None if value is None else base64.b64encode(value).decode() for value in values]
        return _BASE64, orjson.dumps(texts)
    return _JSON, orjson.dumps(values)


def _base64_text(value: Any) -> str:
    # Everything but bytes has a JSON form of its own.
    return base64.b64encode(value).decode()


def decode_values(layout: str, data: memoryview) -> Values:
    """The values of one column, as `encode_batch` was given them; `data` is only read.

    Nested values are as they lie there: only their type tells base64 from text.
    """
    if layout.startswith(_RAW):
        values: array[Any] = array(layout[-1])
        values.frombytes(data)
        return values
    listed: list[Any] = orjson.loads(data)
    if layout == _BASE64:
        return [None if text is None else base64.b64decode(text) for text in listed]
    return listed


def encode_replies(replies: Sequence[bytes | Outcome]) -> tuple[bytes, bytes]:
    """Head and body of a reply: the length of each, or minus the outcome of one that failed."""
    lengths = [-reply if isinstance(reply, Outcome) else len(reply) for reply in replies]
    body = b"".join(reply for reply in replies if not isinstance(reply, Outcome))
    return orjson.dumps(lengths), body


def decode_replies(frame: Frame, expected: int) -> list[bytes | Outcome]:
    """One reply for each request of the batch, in order; raises ValueError if that is not so."""
    lengths = orjson.loads(frame.head)
    if type(lengths) is not list or not all(type(length) is int for length in lengths):
        raise ValueError("the replies' lengths are no list of integers")
    if len(lengths) != expected:
        raise ValueError(f"{len(lengths)} replies to {expected} requests")
    replies: list[bytes | Outcome] = []
    start = 0
    for length in lengths:
        if length < 0:
            replies.append(Outcome(-length))
        else:
            replies.append(frame.body[start : start + length])
            start += length
    if start != len(frame.body):
        raise ValueError("the replies' lengths do not add up to the body")
    return replies
