"""What front and forwarder say to each other: heads are JSON, bodies empty.

LISTEN's head is `{"environment", "address"}`: MLflow's address and credentials, and where hosts
send traces to. COUNT answers `{"sent", "dropped", "failed", "fault"}`, each since the last COUNT;
the fault is a `TraceFault`, or null where the last trace was sent. DRAIN's head is `{"seconds"}`:
it is answered as COUNT once nothing waits any more, or so much later.
"""

import enum


class TracesOperation(enum.IntEnum):
    """What a forwarder can be asked."""

    LISTEN = 1
    COUNT = 2
    DRAIN = 3


class TraceOutcome(enum.StrEnum):
    """What became of a trace; the values are labels of a metric."""

    SENT = "sent"
    DROPPED = "dropped"
    FAILED = "failed"


class TraceFault(enum.StrEnum):
    """Why traces are not followed by MLflow."""

    UNREACHABLE = "tracking_unreachable"
    TIMED_OUT = "tracking_timed_out"
    UNAUTHENTICATED = "tracking_unauthenticated"
    FORBIDDEN = "tracking_forbidden"
    NO_EXPERIMENT = "experiment_missing"
    REFUSED = "tracking_refused"
    NO_TRACE = "no_trace"


TRACE_SENTENCES = {
    TraceFault.UNREACHABLE: "MLflow does not answer; traces of models are lost meanwhile.",
    TraceFault.TIMED_OUT: "MLflow takes too long; traces of models are lost meanwhile.",
    TraceFault.UNAUTHENTICATED: (
        "MLflow does not know who sends traces: set MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
    ),
    TraceFault.FORBIDDEN: (
        "MLflow takes no traces from this account: give it EDIT on the experiment that "
        "MLFLOW_EXPERIMENT_NAME or MLFLOW_EXPERIMENT_ID names, or else on `Default`."
    ),
    TraceFault.NO_EXPERIMENT: "The experiment that traces should go to is not there.",
    TraceFault.REFUSED: "MLflow refuses traces; its own log says why.",
    TraceFault.NO_TRACE: "The bytes that a host has sent are not a trace.",
}
