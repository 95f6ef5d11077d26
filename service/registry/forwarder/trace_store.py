"""Traces on their way into MLflow, by its own client, with whatever credentials it finds.

What hosts send is admitted as a trace, or not at all. A host runs somebody's code, and the
forwarder has the service's credentials: what is sent on is what MLflow itself makes of a trace's
fields, and nothing that says where else something should go.
"""

import contextlib
import json
import re
import threading
from typing import Final

from mlflow.entities import Span, Trace, TraceLocation
from mlflow.exceptions import MlflowException, RestException
from mlflow.tracing.client import TracingClient
from mlflow.tracing.constant import SpansLocation, TraceTagKey
from mlflow.tracing.utils import add_size_stats_to_trace_metadata
from mlflow.tracking.fluent import _get_experiment_id
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION

from service.registry.child.faults import NOT_FOUND, fault_of_look
from service.registry.forwarder.wire import TraceFault
from service.registry.wire import Fault

# What a host says whose model has named no experiment: MLflow's `Default`.
_UNNAMED: Final = "0"
_FAULTS: Final = {
    Fault.UNREACHABLE: TraceFault.UNREACHABLE,
    Fault.TIMED_OUT: TraceFault.TIMED_OUT,
    Fault.UNAUTHENTICATED: TraceFault.UNAUTHENTICATED,
    Fault.FORBIDDEN: TraceFault.FORBIDDEN,
}
MOST_BYTES: Final = 4 * 1024**2
_MOST_SPANS: Final = 10_000
# mlflow/tracing/utils, generate_trace_id_v3
_NAME: Final = re.compile(r"tr-[0-9a-f]{32}")
# The server's own to say; the first names any place of any store.
_SERVERS_TAGS: Final = (MLFLOW_ARTIFACT_LOCATION, TraceTagKey.SPANS_LOCATION)


class TraceStore:
    """The MLflow that this process's environment names; from any thread."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._made: TracingClient | None = None
        self._experiment: str | None = None

    def add(self, trace: Trace) -> None:
        """Adds it as MLflow's own exporter does (mlflow/tracing/export/mlflow_v3.py).

        Into the experiment that the model has named by number; else into that of MLflow's variables
        MLFLOW_EXPERIMENT_NAME and MLFLOW_EXPERIMENT_ID, as `mlflow models serve` does; else into
        `Default`. Raises what MLflow's client raises.
        """
        client, experiment = self._ready()
        if trace.info.experiment_id == _UNNAMED:
            trace.info.trace_location = TraceLocation.from_experiment_id(experiment)
        else:
            experiment = str(trace.info.experiment_id)
        add_size_stats_to_trace_metadata(trace)
        _log_spans(client, experiment, trace)
        info = client.start_trace(trace.info)
        if info.tags.get(TraceTagKey.SPANS_LOCATION) != SpansLocation.TRACKING_STORE.value:
            client._upload_trace_data(info, trace.data)  # noqa: SLF001 - as MLflow's exporter does

    def _ready(self) -> tuple[TracingClient, str]:
        # Only now, for either may fail, and come right later.
        with self._turn:
            self._made = self._made or TracingClient()
            self._experiment = self._experiment or str(_get_experiment_id())
            return self._made, self._experiment


def _log_spans(client: TracingClient, experiment: str, trace: Trace) -> None:
    # A server that takes none so gets them with the trace's files, or refuses that too.
    with contextlib.suppress(NotImplementedError, RestException):
        client.log_spans(experiment, trace.data.spans)


def fault_of_trace(error: Exception) -> TraceFault:
    """Why it was not taken; MLflow wraps some reasons (an experiment that may not be read, say)."""
    seen: BaseException | None = error
    while isinstance(seen, Exception):
        if isinstance(seen, MlflowException) and seen.error_code in NOT_FOUND:
            return TraceFault.NO_EXPERIMENT
        if (fault := _FAULTS.get(fault_of_look(seen))) is not None:
            return fault
        seen = seen.__cause__
    return TraceFault.REFUSED


class NotATrace(Exception):
    """What has come is not a trace that MLflow could have made; the text holds none of it."""


def admitted(data: bytes) -> Trace:
    """The trace, as JSON of `Trace.to_json`; raises `NotATrace`."""
    try:
        trace = Trace.from_dict(json.loads(data))
        _check(trace)
    except NotATrace:
        raise
    except Exception as error:  # noqa: BLE001 - MLflow raises nearly anything for fields that are wrong
        raise NotATrace(type(error).__name__) from None
    return trace


def _traces_of(span: Span) -> set[str]:
    # MLflow's name, and the number by which a server that takes OpenTelemetry's form finds it.
    return {span.trace_id, f"tr-{span._trace_id}"}  # noqa: SLF001 - there is no other way to it


def _check(trace: Trace) -> None:
    info, spans = trace.info, trace.data.spans
    if not _NAME.fullmatch(info.trace_id):
        raise NotATrace("its name is none")
    if not 0 < len(spans) <= _MOST_SPANS:
        raise NotATrace("it has no spans, or too many")
    if any(_traces_of(span) != {info.trace_id} for span in spans):
        raise NotATrace("it has spans of another")
    if not str(info.experiment_id).isdecimal():
        raise NotATrace("it is of no experiment")
    for name in _SERVERS_TAGS:
        info.tags.pop(name, None)
