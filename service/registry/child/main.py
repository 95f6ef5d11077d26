"""The registry child's main: MLflow's client, in the one kind of process that has credentials.

It is given its environment by message (CONFIGURE), then asked one thing at a time. A FAILED head is
`{"fault", "error"}`: a code of `service.registry.wire`, and text for the log alone.
"""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from service.patterns import RefPattern
from service.processes.child import scheduling
from service.processes.child.channel import BlockingChannel
from service.processes.child.scheduling import LOOKING, prefer_as_victim
from service.processes.frames import Frame, FrameError, Status
from service.refs import ModelRef
from service.registry.child.faults import RegistryFault, fault_of_look
from service.registry.child.fetching import Told, fetch, find
from service.registry.child.looking import look, survey
from service.registry.child.sanitizing import sanitized
from service.registry.child.versions import again, exists, identify, marks, tags
from service.registry.wire import RegistryOperation

_MAX_BODY_BYTES: Final = 1024**2


def run(connection: socket.socket) -> None:
    """Serves the front until it closes the connection. A child of the zygote calls this once."""
    prefer_as_victim(LOOKING)
    # With its first request MLflow wants to know whether it is in a notebook. Where IPython is
    # installed, importing it for the answer takes a twentieth of a second and 9 MB of every child.
    sys.modules["IPython"] = None  # type: ignore[assignment]
    channel = BlockingChannel(connection, _MAX_BODY_BYTES)
    for frame in channel.frames():
        channel.send(_answer(frame))


def _answer(frame: Frame) -> Frame:
    operation, wanted = _question(frame)
    try:
        answer, body = operation(wanted)
        return Frame(frame.operation, Status.DONE, frame.id, orjson.dumps(answer), body)
    except RegistryFault as failure:
        fault, text = failure.fault, str(failure)
    except Exception as error:  # noqa: BLE001 - a registry that talks nonsense raises nearly anything
        fault, text = fault_of_look(error), f"{type(error).__name__}: {error}"
    head = orjson.dumps({"fault": fault, "error": sanitized(text, os.environ)})
    return Frame(frame.operation, Status.FAILED, frame.id, head)


def _question(frame: Frame) -> tuple[Callable[[Mapping[str, Any]], Told], Mapping[str, Any]]:
    try:
        return _OPERATIONS[RegistryOperation(frame.operation)], orjson.loads(frame.head)
    except ValueError as error:
        raise FrameError(f"no question for a registry child: {error}") from error


def _configure(wanted: Mapping[str, Any]) -> Told:
    os.environ.update(wanted["environment"])
    return {}, b""


def _resolve(wanted: Mapping[str, Any]) -> Told:
    have = [ModelRef(*each) for each in wanted["have"]]
    return look(wanted["names"], wanted["most"], have), b""


def _survey(wanted: Mapping[str, Any]) -> Told:
    patterns = [RefPattern(*each) for each in wanted["patterns"]]
    have = [ModelRef(*each) for each in wanted["have"]]
    return survey(wanted["names"], patterns, have, wanted["room"]), b""


def _fetch(wanted: Mapping[str, Any]) -> Told:
    # For good: a child that has fetched is asked nothing more.
    scheduling.step_back()
    return fetch(wanted)


_OPERATIONS: Final[Mapping[RegistryOperation, Callable[[Mapping[str, Any]], Told]]] = {
    RegistryOperation.CONFIGURE: _configure,
    RegistryOperation.RESOLVE: _resolve,
    RegistryOperation.FETCH: _fetch,
    RegistryOperation.TAGS: tags,
    RegistryOperation.FIND: find,
    RegistryOperation.AGAIN: again,
    RegistryOperation.EXISTS: exists,
    RegistryOperation.IDENTIFY: identify,
    RegistryOperation.MARKS: marks,
    RegistryOperation.SURVEY: _survey,
}
