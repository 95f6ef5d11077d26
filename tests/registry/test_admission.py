"""What a host sends is a trace as MLflow makes them, or goes nowhere; what waits is bounded."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, RESOURCE_DOES_NOT_EXIST

from service.registry.forwarder.trace_queue import QueueLimits, TraceQueue
from service.registry.forwarder.trace_store import NotATrace, admitted, fault_of_trace
from service.registry.forwarder.wire import TraceFault, TraceOutcome

ID = "670904ef4889c6522285af2805863cbb"
TRACE: dict[str, Any] = {
    "info": {
        "trace_id": f"tr-{ID}",
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": "0"},
        },
        "request_time": "2026-11-29T17:52:57.637Z",
        "state": "OK",
        "trace_metadata": {"mlflow.trace_schema.version": "3"},
        "tags": {"mlflow.traceName": "f", "mlflow.artifactLocation": "s3://another/place"},
        "execution_duration_ms": 301,
    },
    "data": {
        "spans": [
            {
                "trace_id": "ZwkE70iJxlIiha8oBYY8uw==",
                "span_id": "bDg3jzlo2Fc=",
                "parent_span_id": None,
                "name": "f",
                "start_time_unix_nano": 1795974777637135944,
                "end_time_unix_nano": 1795974777938185320,
                "events": [],
                "status": {"code": "STATUS_CODE_OK", "message": ""},
                "attributes": {
                    "mlflow.traceRequestId": f'"tr-{ID}"',
                    "mlflow.spanInputs": '{"x": 1}',
                },
                "links": [],
            }
        ]
    },
}
"""As MLflow 3.17 writes one, with a tag that says where files should go."""


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The trace with one thing changed."""
    trace = copy.deepcopy(TRACE)
    change(trace)
    return json.dumps(trace).encode()


def test_trace_is_admitted_without_a_say_where_its_files_go() -> None:
    """The rest is as it came."""
    trace = admitted(json.dumps(TRACE).encode())
    assert trace.info.tags == {"mlflow.traceName": "f"}
    assert [span.inputs for span in trace.data.spans] == [{"x": 1}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff",
        b"[[]]",
        b"{}",
        json.dumps({"run_id": "1", "metrics": [{"key": "x", "value": 1}]}).encode(),
        changed(lambda trace: trace["info"].update(trace_id="tr-another")),
        changed(lambda trace: trace["info"].update(trace_id=f"tr-{'0' * 32}")),
        changed(lambda trace: trace["data"]["spans"].clear()),
        changed(lambda trace: trace["data"].update(spans=[5])),
        changed(lambda trace: trace["data"].update(spans=trace["data"]["spans"] * 10_001)),
        changed(
            lambda trace: trace["data"]["spans"][0].update(trace_id="AAAAAAAAAAAAAAAAAAAAAQ==")
        ),
        changed(lambda trace: trace["info"]["trace_location"].clear()),
        changed(lambda trace: trace["info"].update(tags=[])),
        b"[" * 1_000_000,
    ],
)
def test_what_is_no_trace_is_refused(data: bytes) -> None:
    """Also one with a span of another trace; nothing of it is repeated."""
    with pytest.raises(NotATrace) as refused:
        admitted(data)
    assert len(str(refused.value)) < 60


def test_traces_that_wait_are_bounded_in_number_and_bytes() -> None:
    """What does not fit is counted as dropped, at once."""
    queue = TraceQueue(QueueLimits(traces=2, size=100))
    for data in (b"x" * 60, b"x" * 60, b"x" * 40, b""):
        queue.put(data)
    assert queue.count().outcomes == {TraceOutcome.DROPPED: 2}
    assert [len(queue.take()), len(queue.take())] == [60, 40]
    queue.done(None)
    queue.done(TraceFault.FORBIDDEN)
    queue.lost(3)
    counts = queue.count()
    assert counts.outcomes == {
        TraceOutcome.SENT: 1,
        TraceOutcome.FAILED: 1,
        TraceOutcome.DROPPED: 3,
    }
    assert counts.fault is TraceFault.FORBIDDEN
    queue.drain(0.0)


def _wrapped(cause: Exception) -> Exception:
    error = MlflowException("The provided MLFLOW_EXPERIMENT_ID does not exist")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ConnectionRefusedError(), TraceFault.UNREACHABLE),
        (MlflowException("no", PERMISSION_DENIED), TraceFault.FORBIDDEN),
        (_wrapped(MlflowException("no", PERMISSION_DENIED)), TraceFault.FORBIDDEN),
        (_wrapped(MlflowException("no", RESOURCE_DOES_NOT_EXIST)), TraceFault.NO_EXPERIMENT),
        (ValueError("what?"), TraceFault.REFUSED),
    ],
)
def test_why_mlflow_takes_no_traces_is_told_by_a_code(error: Exception, fault: TraceFault) -> None:
    """Also where its client has put the reason into an error of its own."""
    assert fault_of_trace(error) is fault
