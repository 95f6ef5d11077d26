"""MLflow as the place to write to: asked first, so that a server that is down costs seconds."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import mlflow

from training.addresses import shown
from training.errors import Unreachable

# MLflow's own defaults keep a caller for 246 s when nothing listens.
_ASKING: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "3",
}
_WORKING: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    # The address of the run is the caller's to show.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@contextlib.contextmanager
def connected(tracking_uri: str | None, on_asking: Callable[[str], None]) -> Iterator[str]:
    """Has MLflow write to the given store, or to the one that it is set to; yields its URI.

    `on_asking` is told the URI first; the store has answered when this yields. Raises `Unreachable`
    within ten seconds otherwise. Variables of the environment that set MLflow's retries and time
    limits are obeyed. Afterwards MLflow is set to what it was.
    """
    with _tracking(tracking_uri) as uri:
        on_asking(uri)
        with _defaults(_ASKING):
            _ask(uri)
        with _defaults(_WORKING):
            yield uri


def _ask(uri: str) -> None:
    try:
        mlflow.search_experiments(max_results=1)
    except Exception as error:  # a client that is set up wrongly raises nearly anything
        raise Unreachable(shown(uri)) from error


@contextlib.contextmanager
def _tracking(uri: str | None) -> Iterator[str]:
    if uri is None:
        yield mlflow.get_tracking_uri()
        return
    was_set = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]
    previous = mlflow.get_tracking_uri() if was_set else None
    mlflow.set_tracking_uri(uri)
    try:
        yield uri
    finally:
        mlflow.set_tracking_uri(previous)  # type: ignore[arg-type] # None unsets it


@contextlib.contextmanager
def _defaults(variables: Mapping[str, str]) -> Iterator[None]:
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
