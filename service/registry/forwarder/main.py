"""The forwarder's main: takes traces from hosts, which have no credentials, and sends them on.

A process like the registry child, with the same environment by message; nothing but traces goes
through it. What front and forwarder say stands in `service.registry.forwarder.wire`.
"""

import os
import selectors
import socket
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import orjson

# For hosts too, which are forked from where this was imported.
from mlflow.tracing.export import mlflow_v3 as _exporter  # noqa: F401
from mlflow.tracing.processor import mlflow_v3 as _processor  # noqa: F401

from service.processes.child.channel import BlockingChannel
from service.processes.child.scheduling import LOOKING, prefer_as_victim
from service.processes.frames import Frame, FrameError, Status
from service.processes.parcels import PACKET_BYTES, BadParcel, is_of_this_user, listen, opened
from service.registry.forwarder.trace_queue import TraceQueue
from service.registry.forwarder.trace_store import (
    MOST_BYTES,
    NotATrace,
    TraceStore,
    admitted,
    fault_of_trace,
)
from service.registry.forwarder.wire import TraceFault, TraceOutcome, TracesOperation

_MAX_BODY_BYTES: Final = 1024**2
_MOST_CONNECTIONS: Final = 512
# A trace takes MLflow's server two answers; while it hangs, each of these hangs with it.
_SENDERS: Final = 4
_NO_DESCRIPTORS_SECONDS: Final = 0.5


def run(connection: socket.socket) -> None:
    """Serves the front until it closes the connection. A child of the zygote calls this once."""
    prefer_as_victim(LOOKING)
    # As in the registry child: MLflow would import it to learn that this is not a notebook.
    sys.modules["IPython"] = None  # type: ignore[assignment]
    queue = TraceQueue()
    channel = BlockingChannel(connection, _MAX_BODY_BYTES)
    for frame in channel.frames():
        head = orjson.dumps(_answer(frame.operation, orjson.loads(frame.head), queue))
        channel.send(Frame(frame.operation, Status.DONE, frame.id, head))


def _answer(operation: int, wanted: Mapping[str, Any], queue: TraceQueue) -> Mapping[str, Any]:
    if operation == TracesOperation.LISTEN:
        os.environ.update(wanted["environment"])
        _start(listen(wanted["address"]), queue)
    elif operation == TracesOperation.DRAIN:
        queue.drain(wanted["seconds"])
    elif operation != TracesOperation.COUNT:
        raise FrameError(f"{operation} is not an operation of a forwarder")
    counts = queue.count()
    told = {each.value: counts.outcomes.get(each, 0) for each in TraceOutcome}
    return {**told, "fault": counts.fault}


def _start(listener: socket.socket, queue: TraceQueue) -> None:
    store = TraceStore()
    threading.Thread(target=take_parcels, args=(listener, queue), daemon=True).start()
    for _ in range(_SENDERS):
        threading.Thread(target=_send_on, args=(queue, store), daemon=True).start()


def take_parcels(listener: socket.socket, queue: TraceQueue) -> None:
    """Puts what comes into the queue, until this process ends; nothing that comes stops it."""
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    _accept(listener, selector)
                else:
                    _take(key.fileobj, selector, queue)


def _accept(listener: socket.socket, selector: selectors.BaseSelector) -> None:
    try:
        connection, _ = listener.accept()
    except OSError:
        time.sleep(_NO_DESCRIPTORS_SECONDS)  # descriptors have run out; some may come back
        return
    if len(selector.get_map()) > _MOST_CONNECTIONS or not is_of_this_user(connection):
        connection.close()
        return
    selector.register(connection, selectors.EVENT_READ)


def _take(connection: Any, selector: selectors.BaseSelector, queue: TraceQueue) -> None:
    try:
        packet = connection.recv(PACKET_BYTES)
    except OSError:
        packet = b""
    if not packet:
        selector.unregister(connection)
        connection.close()
        return
    try:
        lost, data = opened(packet, MOST_BYTES)
    except BadParcel:
        queue.refused(TraceFault.NO_TRACE)
        return
    queue.lost(lost)
    queue.put(data)


def _send_on(queue: TraceQueue, store: TraceStore) -> None:
    while True:
        data = queue.take()
        fault: TraceFault | None = TraceFault.NO_TRACE
        try:
            store.add(admitted(data))
            fault = None
        except NotATrace:
            pass
        except Exception as error:  # noqa: BLE001 - MLflow's client raises nearly anything
            fault = fault_of_trace(error)
        finally:
            queue.done(fault)
