"""The inspector's main: looks at one artifact without loading it.

MLmodel is read as a host will have MLflow read it, so what is allowed here is what is loaded there.
The rules are in `service.inspector.safe_formats`.
"""

import resource
import socket
from pathlib import Path

import orjson

from service.inspector.safe_formats import objections
from service.inspector.wire import InspectorOperation
from service.processes.child.channel import BlockingChannel
from service.processes.exhausted import is_want_of_processes
from service.processes.frames import Frame, FrameError, Status

_MAX_REQUEST_BYTES = 1024**2
_GRACE_SECONDS = 5


def run(connection: socket.socket) -> None:
    """Serves the front until it closes the connection. A child of the zygote calls this once."""
    channel = BlockingChannel(connection, _MAX_REQUEST_BYTES)
    for frame in channel.frames():
        channel.send(answer(frame))


def answer(frame: Frame) -> Frame:
    """The reply to one question; raises `FrameError`, and nothing for what an artifact holds."""
    if frame.operation != InspectorOperation.INSPECT:
        raise FrameError(f"{frame.operation} is no operation of an inspector")
    wanted = orjson.loads(frame.head)
    _limit(wanted["memory_bytes"], wanted["processor_seconds"])
    try:
        found = objections(Path(wanted["path"]))
    except Exception as error:  # libraries raise anything over files that are no model
        if is_want_of_processes(error):
            raise  # and end: whoever asked tries again later
        print(f"{type(error).__name__}: {error}", flush=True)  # noqa: T201 - the front's log
        found = ["its files cannot be read"]
    head = orjson.dumps({"objections": found})
    return Frame(frame.operation, Status.DONE, frame.id, head)


def _limit(memory_bytes: int, processor_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    # SIGXCPU comes at the lower one. SIGKILL, at the other, would look like somebody else's.
    limit = (processor_seconds, processor_seconds + _GRACE_SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, limit)
