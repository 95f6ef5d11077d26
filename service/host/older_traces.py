"""What becomes of a model's traces with an older MLflow, or one that has none: nothing.

MLflow has them since 2.14. Where nobody would receive them it is told at its first span to record
none, and what a model asks of the span that it is in does nothing.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

import mlflow

from service.host.tracking import NO_SERVER
from service.processes.parcels import Sender

# What makes of the settings whatever records spans: by MLflow 2.14 to 3.8, and since.
_SET_UP: Final = ("_setup_tracer_provider", "_initialize_tracer_provider")


def let_traces_vanish() -> None:
    """Spans record nothing from now on, unless the model or its operator names a server."""
    try:
        from mlflow.entities import NoOpSpan
        from mlflow.tracing import provider
    except ImportError:
        return  # it has no traces
    for name in _SET_UP:
        if hasattr(provider, name):
            setattr(provider, name, _as_wanted(getattr(provider, name)))
    # Models ask for the span that they are in, and rely on it.
    _replace("get_current_active_span", NoOpSpan)
    _replace("update_current_trace", lambda *_, **__: None)


def hand_traces_on(sender: Sender) -> None:  # noqa: ARG001 - as `current_traces` has it
    """Nor are they handed on: what this MLflow makes of a trace is not what Podium's takes."""
    print(  # noqa: T201 - the front's log
        f"PODIUM_MODEL_TRACKING: traces of this version are dropped, since it runs with MLflow "
        f"{mlflow.__version__}; they are handed on where a version runs with Podium's own.",
        flush=True,
    )
    let_traces_vanish()


def _as_wanted(set_up: Callable[[bool], Any]) -> Callable[..., Any]:
    @functools.wraps(set_up)
    def chosen(disabled: bool = False) -> Any:  # noqa: FBT001, FBT002 - MLflow's signature
        return set_up(disabled or _vanish())

    return chosen


def _replace(name: str, nothing: Callable[..., Any]) -> None:
    original = getattr(mlflow, name, None)
    if original is None:
        return

    @functools.wraps(original)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        return nothing() if _vanish() else original(*args, **kwargs)

    setattr(mlflow, name, chosen)


def _vanish() -> bool:
    if mlflow.get_tracking_uri() != NO_SERVER:
        return False
    try:
        from mlflow.tracing.utils.otlp import should_use_otlp_exporter
    except ImportError:
        return True
    # An operator may have named a collector for the model (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT).
    return not should_use_otlp_exporter()
