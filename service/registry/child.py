"""The registry child's main: MLflow's client, in the one kind of process that has credentials.

It is given its environment by message (CONFIGURE), then asked one thing at a time. A FAILED head is
`{"fault", "error"}`: a code of `service.registry.wire`, and text for the log alone.
"""

import os
import re
import socket
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import mlflow.artifacts
import orjson
import requests
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from service.processes import priority
from service.processes.blocking import BlockingChannel
from service.processes.frames import Frame, FrameError, Status
from service.processes.victims import LOOKING, prefer_as_victim
from service.registry.artifacts import ArtifactCache
from service.registry.description import Unreadable, describe, serving_example
from service.registry.wire import Fault, Operation

_MAX_BODY_BYTES: Final = 1024**2
_NOT_FOUND: Final = frozenset({"RESOURCE_DOES_NOT_EXIST"})
# A name that MLflow does not admit (utils/validation.py, _validate_model_name) is no model's name.
_NO_MODEL: Final = _NOT_FOUND | {"INVALID_PARAMETER_VALUE"}
_NO_CONNECTION: Final = (requests.ConnectionError, requests.Timeout, ConnectionError, TimeoutError)
_USER_INFO: Final = re.compile(r"//[^/\s@]*@")
_T = TypeVar("_T")
_Answer = tuple[dict[str, Any], bytes]


class RegistryFault(Exception):
    """An operation failed for a reason that has a code."""

    def __init__(self, fault: Fault, error: object = "") -> None:
        super().__init__(str(error))
        self.fault = fault


def run(connection: socket.socket) -> None:
    """Serves the front until it closes the connection. A child of the zygote calls this once."""
    prefer_as_victim(LOOKING)
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
        fault, text = Fault.REFUSED, f"{type(error).__name__}: {error}"
    head = orjson.dumps({"fault": fault, "error": _fit_for_a_log(text)})
    return Frame(frame.operation, Status.FAILED, frame.id, head)


def _question(frame: Frame) -> tuple[Callable[[Mapping[str, Any]], _Answer], Mapping[str, Any]]:
    try:
        return _OPERATIONS[Operation(frame.operation)], orjson.loads(frame.head)
    except ValueError as error:
        raise FrameError(f"no question for a registry child: {error}") from error


def _fit_for_a_log(text: str) -> str:
    # MLflow's messages repeat the server's address, which may hold a user and a password.
    return _USER_INFO.sub("//", text)[:2000].encode(errors="replace").decode()


def _configure(wanted: Mapping[str, Any]) -> _Answer:
    os.environ.update(wanted["environment"])
    return {}, b""


def _resolve(wanted: Mapping[str, Any]) -> _Answer:
    client = MlflowClient()
    return {"models": {name: _model_or_fault(client, name) for name in wanted["names"]}}, b""


def _model_or_fault(client: MlflowClient, name: str) -> dict[str, Any] | None:
    # One model that may not be read must not keep the others from being followed.
    try:
        return _model(client, name)
    except RegistryFault as failure:
        if failure.fault is Fault.UNREACHABLE:
            raise
        return {"fault": failure.fault, "error": str(failure)[:2000]}


def _model(client: MlflowClient, name: str) -> dict[str, Any] | None:
    model = _asked(lambda: client.get_registered_model(name), _NO_MODEL)
    if model is None:
        return None
    if model.name != name:
        raise RegistryFault(Fault.REFUSED, "an answer about another model")
    aliases = {alias: str(version) for alias, version in model.aliases.items()}
    return {"created": model.creation_timestamp, "aliases": aliases}


def _tags(wanted: Mapping[str, Any]) -> _Answer:
    client = MlflowClient()
    return {"tags": [_tags_or_none(client, *version) for version in wanted["versions"]]}, b""


def _tags_or_none(
    client: MlflowClient, name: str, created: int, version: str
) -> dict[str, str] | None:
    try:
        found = _still_there(client, name, version, created)
    except RegistryFault as failure:
        if failure.fault is Fault.UNREACHABLE:
            raise
        return None
    return {str(key): str(value) for key, value in found.tags.items()}


def _fetch(wanted: Mapping[str, Any]) -> _Answer:
    # For good: a child that has fetched is asked nothing more.
    priority.step_back()
    client = MlflowClient()
    name, version = wanted["name"], wanted["version"]
    found = _still_there(client, name, version, wanted["created"])
    source = _asked(lambda: client.get_model_version_download_uri(name, version)) or ""
    cache = ArtifactCache(Path(wanted["cache"]))
    place = cache.place((name, wanted["created"], version, source))
    path = _download(cache, place, Path(wanted["private"]), source)
    try:
        described = describe(path)
    except FileNotFoundError as error:
        raise RegistryFault(Fault.ARTIFACT_MISSING, error) from error
    except OSError as error:
        raise RegistryFault(Fault.DISK, error) from error
    except Unreadable as error:
        raise RegistryFault(Fault.ARTIFACT_UNREADABLE, error) from error
    tags = {str(key): str(value) for key, value in found.tags.items()}
    answer = {"path": str(path), "source": found.source or source, "tags": tags, **described}
    return answer, serving_example(path) or b""


def _still_there(client: MlflowClient, name: str, version: str, created: int) -> ModelVersion:
    model = _asked(lambda: client.get_registered_model(name))
    found = _asked(lambda: client.get_model_version(name, version))
    if model is None or found is None or model.creation_timestamp != created:
        raise RegistryFault(Fault.VERSION_GONE)
    if found.status == "FAILED_REGISTRATION":
        raise RegistryFault(Fault.REGISTRATION_FAILED)
    if found.status != "READY":
        raise RegistryFault(Fault.NOT_READY)
    return found


def _download(cache: ArtifactCache, place: Path, private: Path, source: str) -> Path:
    def fetch(private: Path) -> Path:
        try:
            found = Path(mlflow.artifacts.download_artifacts(source, dst_path=str(private)))
        except Exception as error:  # every kind of store raises its own library's errors
            raise RegistryFault(_download_fault(error), error) from error
        # Checked before it is put into place, so that what is in place is a model.
        if not (found / "MLmodel").is_file():
            raise RegistryFault(Fault.ARTIFACT_MISSING, "no MLmodel file")
        return found

    try:
        return cache.get(place, private, fetch)
    except OSError as error:
        raise RegistryFault(Fault.DISK, error) from error


def _asked(question: Callable[[], _T], absent: Collection[str] = _NOT_FOUND) -> _T | None:
    """The registry's answer, None where its error code says that there is no such thing."""
    try:
        return question()
    except MlflowException as error:
        if error.error_code in absent:
            return None
        raise RegistryFault(_fault_of(error, Fault.REFUSED), error) from error


def _download_fault(error: Exception) -> Fault:
    if isinstance(error, MlflowException) and error.error_code in _NOT_FOUND:
        return Fault.ARTIFACT_MISSING
    return _fault_of(error, Fault.NOT_FETCHED)


def _fault_of(error: Exception, otherwise: Fault) -> Fault:
    # MLflow wraps a failed connection without a type of its own (utils/rest_utils.py, http_request)
    for each in (error, error.__cause__ or error.__context__):
        if isinstance(each, _NO_CONNECTION):
            return Fault.UNREACHABLE
    return otherwise


_OPERATIONS: Final[Mapping[Operation, Callable[[Mapping[str, Any]], _Answer]]] = {
    Operation.CONFIGURE: _configure,
    Operation.RESOLVE: _resolve,
    Operation.FETCH: _fetch,
    Operation.TAGS: _tags,
}
