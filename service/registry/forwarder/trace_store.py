"""Traces on their way into MLflow, by its own client, with whatever credentials it finds."""

import contextlib
import threading
from typing import Final

from mlflow.entities import Trace, TraceLocation
from mlflow.exceptions import MlflowException, RestException
from mlflow.tracing.client import TracingClient
from mlflow.tracing.constant import SpansLocation, TraceTagKey
from mlflow.tracing.utils import add_size_stats_to_trace_metadata
from mlflow.tracking.fluent import _get_experiment_id

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
