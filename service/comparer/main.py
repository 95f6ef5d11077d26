"""The comparer's main: what is counted of two replies takes a core for a while, and nobody waits.

It parses what models have answered, so what it may allocate is limited.
"""

import gc
import socket
from collections.abc import Iterator

import orjson

from service.comparer.wire import LONGEST_PAIR, MEMORY_BYTES, ComparerOperation
from service.contract.tensors.tensor_answer import as_predictions
from service.processes.child import scheduling
from service.processes.child.channel import BlockingChannel
from service.processes.child.data_limit import limit_data
from service.processes.frames import Frame, FrameError, Status
from service.rollout.comparison import compare
from service.rollout.tally import Likeness, RowTally

# Trees without cycles; they are freed by their counts.
_SMALL_BYTES = 256 * 1024


def run(connection: socket.socket) -> None:
    """Serves the front until it closes the connection. A child of the zygote calls this once."""
    scheduling.step_back()
    scheduling.prefer_as_victim(scheduling.SHADOWING)
    limit_data(MEMORY_BYTES)
    gc.disable()
    channel = BlockingChannel(connection, 2 * LONGEST_PAIR)
    for frame in channel.frames():
        channel.send(answer(frame))
        if len(frame.body) > _SMALL_BYTES:
            gc.collect()


def answer(frame: Frame) -> Frame:
    """The reply to one request; raises `FrameError`, and nothing for what models have answered."""
    if frame.operation != ComparerOperation.COMPARE:
        raise FrameError(f"{frame.operation} is no operation of a comparer")
    whole, likeness = RowTally(), list[Likeness | None]()
    for served, heard, rows, named in _pairs(frame):
        try:
            if named:
                served, heard = as_predictions(served), as_predictions(heard)  # noqa: PLW2901 - read as any other
            tally = compare(served, heard, rows)
        except (ValueError, RecursionError, MemoryError):
            likeness.append(None)
        else:
            whole.add(tally)
            likeness.append(tally.worst)
    head = orjson.dumps({"tally": whole.dump(), "likeness": likeness})
    return Frame(frame.operation, Status.DONE, frame.id, head)


def _pairs(frame: Frame) -> Iterator[tuple[bytes, bytes, int, bool]]:
    body, start = memoryview(frame.body), 0
    for rows, served, heard, named in orjson.loads(frame.head):
        middle, end = start + served, start + served + heard
        yield bytes(body[start:middle]), bytes(body[middle:end]), rows, named
        start = end
