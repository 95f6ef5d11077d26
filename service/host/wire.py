"""What front and hosts say to each other in frames: operations, batches, and their replies.

A batch travels by column. The head says how each column lies in the body: an `array`'s raw bytes
in this machine's order, or JSON text where there are nulls, strings or bytes (as base64). A block
is one column of raw bytes, row after row. Nested values are JSON text, with bytes as base64 and
times as nanoseconds since 1970 in UTC (for a model with a type hint as ISO 8601); the head says how
they are nested. For a model without a signature the body is the client's own. The reply to a
request that asks for named outputs is their JSON behind its length in four bytes, and raw bytes
behind that (`service.host.output_tensors`); any other's is JSON.
"""

import base64
import enum
import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import orjson

from service.contract.model_input import (
    Column,
    Document,
    EncodedInput,
    ModelInput,
    TensorReply,
    ValidInput,
    Values,
)
from service.processes.frames import Body, Frame


class HostOperation(enum.IntEnum):
    """What a host can be asked."""

    LOAD = 1
    WARM_UP = 2
    PREDICT = 3
    READY = 4


class PredictFault(enum.IntEnum):
    """Why one request of a batch has no reply; stands negated where its length would."""

    MODEL_RAISED = 1
    NOT_ENCODABLE = 2
    REPLY_TOO_LARGE = 3
    NOT_BY_ROW = 4
    INPUT_REFUSED = 5
    UNKNOWN_OUTPUT = 6


@dataclass(frozen=True, slots=True)
class MlflowError:
    """The model raised an exception of MLflow's; `code` is the name of its error code."""

    code: str


NoReply: TypeAlias = PredictFault | MlflowError


# Of MLflow's error codes; the longest has half of that.
LONGEST_CODE: Final = 100

# What an operator's words on OpenMP begin with.
OPENMP: Final = ("OMP_", "GOMP_", "KMP_")
# In the environment of hosts whose operator leaves the number of OpenMP's threads to Podium.
OPENMP_IS_SHARED_OUT: Final = "_PODIUM_OPENMP_IS_SHARED_OUT"

RAW: Final = "raw"
_JSON: Final = "json"
_BASE64: Final = "base64"
_NESTED: Final = "nested"


def encode_batch(inputs: Sequence[ValidInput]) -> tuple[bytes, Body]:
    """Head and body of a PREDICT or WARM_UP frame; the inputs have equal join keys.

    What is encoded already stands alone, and is handed on as it is.
    """
    first = inputs[0]
    if isinstance(first, ModelInput):
        return _encoded(cast("Sequence[ModelInput]", inputs))
    return (first.head, first.body) if isinstance(first, EncodedInput) else _document(first)


def _encoded(inputs: Sequence[ModelInput]) -> tuple[bytes, bytes]:
    first = inputs[0]
    if any(each.kind != first.kind for each in inputs):
        inputs = [each.by_column() for each in inputs]
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
                "names": column.names,
            }
        )
        buffers.append(buffer)
    head: dict[str, Any] = {
        "kind": first.kind,
        "rows": [each.rows for each in inputs],
        "columns": columns,
        # Defaults may be NaN or infinite, which orjson would make null.
        "params": None if first.params is None else json.dumps(first.params),
        "index": first.index,
    }
    if first.bare:
        head["bare"] = True
    if any(each.reply for each in inputs):
        head["replies"] = [each.reply and each.reply.dump() for each in inputs]
    return orjson.dumps(head), b"".join(buffers)


def replies_of(head: Mapping[str, Any]) -> list[TensorReply | None]:
    """What each request of a batch asks of its reply; empty where all want MLflow's JSON."""
    listed = head.get("replies", ())
    return [None if each is None else TensorReply.load(each) for each in listed]


def _document(document: Document) -> tuple[bytes, bytes]:
    head = {
        "kind": "document",
        "rows": [document.rows],
        "layout": document.layout,
        "params": None if document.params is None else json.dumps(document.params),
        **({"bare": True} if document.bare else {}),
    }
    return orjson.dumps(head), document.body


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
        return f"{RAW}:{values.typecode}", values.tobytes()
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
    if layout.startswith(RAW):
        values: array[Any] = array(layout[-1])
        values.frombytes(data)
        return values
    listed: list[Any] = orjson.loads(data)
    if layout == _BASE64:
        return [None if text is None else base64.b64decode(text) for text in listed]
    return listed


def encode_replies(replies: Sequence[bytes | NoReply]) -> tuple[bytes, bytes]:
    """Head and body of a reply.

    The head has for each request the length of its reply, minus the outcome, or an error's code.
    """
    body = b"".join(reply for reply in replies if isinstance(reply, bytes))
    return orjson.dumps(list(map(_length, replies))), body


def _length(reply: bytes | NoReply) -> int | str:
    if isinstance(reply, MlflowError):
        return reply.code
    return -reply if isinstance(reply, PredictFault) else len(reply)


def decode_replies(frame: Frame, expected: int) -> list[Body | NoReply]:
    """One reply for each request of the batch, in order; raises ValueError if that is not so."""
    lengths = orjson.loads(frame.head)
    if type(lengths) is not list or not all(map(_is_length, lengths)):
        raise ValueError("the replies' lengths are no list of integers and codes")
    if len(lengths) != expected:
        raise ValueError(f"{len(lengths)} replies to {expected} requests")
    replies: list[Body | NoReply] = []
    start = 0
    for length in lengths:
        if type(length) is str:
            replies.append(MlflowError(length))
        elif length < 0:
            replies.append(PredictFault(-length))
        else:
            alone = length == len(frame.body)
            replies.append(frame.body if alone else frame.body[start : start + length])
            start += length
    if start != len(frame.body):
        raise ValueError("the replies' lengths do not add up to the body")
    return replies


def _is_length(found: Any) -> bool:
    return type(found) is int or (type(found) is str and len(found) <= LONGEST_CODE)
