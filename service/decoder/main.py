"""The decoder's main: reads request bodies that are too large for the front's loop.

The same contract as in the front reads them; what it yields goes back as a host wants it. There is
no model in this process, and what it may allocate is limited, so that a hostile body costs nobody
but its sender. LIMIT's head is `{"memory_bytes", "behind"}`, for all that comes, and whether nobody
waits for that; DECODE's is `{"definition",
"media_type", "slice_rows"}` with the request's bytes as body. DONE has the head and body of a batch
of one; or, where the request has more than `slice_rows` rows and may be sliced, `{"slices": [[rows,
head, length], ...], "bare"}` and all of their bodies. FAILED says what to tell the client, as
`service.decoder.front` reads it.
"""

import ctypes
import gc
import socket
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from service.contract.contract import Contract
from service.contract.definition import Definition
from service.contract.formats.parquet_body import is_parquet
from service.contract.formats.unsigned import UnsignedContract
from service.contract.model_input import ModelInput
from service.contract.slicing import sliceable, slices
from service.contract.tensors.tensor_message import TensorForm
from service.decoder.parquet_reader import read_parquet
from service.decoder.wire import (
    INVALID,
    MAX_REQUEST_BYTES,
    TOO_MUCH,
    WRONG_TYPE,
    DecoderOperation,
)
from service.errors import InvalidInput, UnsupportedMediaType
from service.host.wire import encode_batch
from service.processes.child import scheduling
from service.processes.child.channel import BlockingChannel
from service.processes.child.data_limit import limit_data
from service.processes.frames import Body, Frame, FrameError, Status

# Contracts that are kept: a version more costs its compilation, milliseconds.
_CONTRACTS: Final = 64
_LARGE_BYTES: Final = 256 * 1024
_TOO_MUCH: Final = orjson.dumps({TOO_MUCH: True})
_libc = ctypes.CDLL(None)


def run(connection: socket.socket) -> None:
    """Serves the front until it closes the connection. A child of the zygote calls this once."""
    # Whoever sends a large body waits for a second; small requests must not, for a core.
    scheduling.step_aside()
    # Bodies are trees without cycles; looking for some among a million values takes half the time.
    gc.disable()
    channel = BlockingChannel(connection, MAX_REQUEST_BYTES)
    for frame in channel.frames():
        reply = answer(frame)
        channel.send(reply)
        if reply.head == _TOO_MUCH:
            # What is left after allocations have failed is not to be trusted with other bodies.
            return
        if len(frame.body) > _LARGE_BYTES:
            gc.collect()
            _libc.malloc_trim(0)


def answer(frame: Frame) -> Frame:
    """The reply to one request; raises `FrameError`, and nothing for what a client has sent."""
    wanted = orjson.loads(frame.head)
    if frame.operation == DecoderOperation.LIMIT:
        limit_data(wanted["memory_bytes"])
        if wanted["behind"]:
            scheduling.step_back()
        return _reply(frame, Status.DONE, b"", b"")
    if frame.operation != DecoderOperation.DECODE:
        raise FrameError(f"{frame.operation} is no operation of a decoder")
    try:
        return _reply(frame, Status.DONE, *_decoded(wanted, bytes(frame.body)))
    except InvalidInput as error:
        fields = [[field.loc, field.msg, field.type] for field in error.errors]
        refusal: Mapping[str, Any] = {INVALID: fields}
    except UnsupportedMediaType as error:
        refusal = {WRONG_TYPE: error.message}
    except (MemoryError, SystemError):
        # orjson's word for a tree that it could not build to its end is SystemError.
        return _reply(frame, Status.FAILED, _TOO_MUCH, b"")
    return _reply(frame, Status.FAILED, orjson.dumps(refusal), b"")


def _reply(frame: Frame, status: Status, head: bytes, body: Body) -> Frame:
    return Frame(frame.operation, status, frame.id, head, body)


def _decoded(wanted: Mapping[str, Any], body: bytes) -> tuple[bytes, Body]:
    contract, media_type = _contract(wanted["definition"]), wanted["media_type"]
    if not isinstance(media_type, str):
        parsed = contract.parse(body, TensorForm(*media_type))
    elif is_parquet(media_type):
        parsed = contract.parse_parquet(body, read_parquet)
    else:
        parsed = contract.parse(body, media_type)
    rows = wanted["slice_rows"]
    if rows is None or not isinstance(parsed, ModelInput) or not sliceable(parsed, rows):
        return encode_batch([parsed])
    return _in_slices(parsed, rows)


def _in_slices(parsed: ModelInput, rows: int) -> tuple[bytes, Body]:
    listed, bodies = [], []
    for part in slices(parsed, rows):
        head, body = encode_batch([part])
        listed.append((part.rows, head.decode(), len(body)))
        bodies.append(body)
    return orjson.dumps({"slices": listed, "bare": parsed.bare}), b"".join(bodies)


@lru_cache(maxsize=_CONTRACTS)
def _contract(definition: str) -> Contract | UnsignedContract:
    return Definition.load(definition).compile()
