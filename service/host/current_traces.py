"""What becomes of a model's traces with an MLflow as new as Podium's own, by hooks in it.

To import this raises ImportError or AttributeError with another; `older_traces` is for those.
"""

from collections.abc import Callable
from typing import Any, Final

import mlflow
from mlflow.entities import NoOpSpan
from mlflow.tracing import provider as _provider
from mlflow.tracing.fluent import get_current_active_span, update_current_trace
from mlflow.tracing.utils.otlp import should_use_otlp_exporter
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan

from service.host.tracking import NO_SERVER
from service.processes.parcels import Sender

if tuple(map(int, mlflow.__version__.split(".")[:2])) < (3, 17):
    raise ImportError("these hooks are those of MLflow 3.17 and later ones")

# What MLflow asks for at each span, to learn whether it is at home there; to find that a module is
# not installed takes a third of the time of a trace.
_ABSENT: Final = "dbruntime"

_no_span: Final[Callable[[Any], Any]] = NoOpSpan
_current_otel_span: Final = _provider.get_current_otel_span
_sampler_of_mlflow: Final = _provider._get_trace_sampler  # noqa: SLF001 - MLflow has no other place for it
_processor_of_mlflow: Final = _provider._get_mlflow_span_processor  # noqa: SLF001


def let_traces_vanish() -> None:
    """Spans record nothing from now on: they are MLflow's own that do nothing, and can be asked."""
    _replace_sampler(lambda: ALWAYS_OFF if _vanish() else _sampler_of_mlflow())
    _replace_processor(lambda _: SpanProcessor())
    mlflow.get_current_active_span = _active_span
    mlflow.update_current_trace = _update_trace


def hand_traces_on(sender: Sender) -> None:
    """Each trace goes to the sender, whole, when its last span ends."""
    _replace_processor(lambda tracking_uri: _handing_on(tracking_uri, sender))


def _replace_sampler(sampler: Callable[[], Any]) -> None:
    _provider._get_trace_sampler = sampler  # noqa: SLF001


def _replace_processor(processor: Callable[[str], SpanProcessor]) -> None:
    def chosen(tracking_uri: str) -> SpanProcessor:
        ours = tracking_uri == NO_SERVER
        return processor(tracking_uri) if ours else _processor_of_mlflow(tracking_uri)

    _provider._get_mlflow_span_processor = chosen  # noqa: SLF001


def _vanish() -> bool:
    # An operator may have named a collector for the model (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT).
    return mlflow.get_tracking_uri() == NO_SERVER and not should_use_otlp_exporter()


def _dropped_span() -> NonRecordingSpan | None:
    span = _current_otel_span()
    if isinstance(span, NonRecordingSpan) and span.get_span_context().is_valid:
        return span
    return None


def _active_span() -> Any:
    # Models ask for the span that they are in, and rely on it.
    dropped = _dropped_span()
    return get_current_active_span() if dropped is None else _no_span(dropped)


def _update_trace(*args: Any, **kwargs: Any) -> None:
    # MLflow would print a line each time.
    if _dropped_span() is None:
        update_current_trace(*args, **kwargs)


def _handing_on(tracking_uri: str, sender: Sender) -> SpanProcessor:
    import importlib.util
    import sys

    from mlflow.tracing.export.mlflow_v3 import MlflowV3SpanExporter
    from mlflow.tracing.processor.mlflow_v3 import MlflowV3SpanProcessor

    class HandingOn(MlflowV3SpanExporter):
        """MLflow's own, but for what it does with a trace in the end."""

        def __init__(self) -> None:
            super().__init__(tracking_uri)
            self._store_supports_log_spans = False

        def _should_enable_async_logging(self) -> bool:
            return False

        def _log_trace(self, trace: Any, prompts: Any, workspace: str | None = None) -> None:
            sender.send(lambda: trace.to_json().encode())

    if importlib.util.find_spec(_ABSENT) is None:
        sys.modules[_ABSENT] = None  # type: ignore[assignment]  # Python's way to say that it is not there
    return MlflowV3SpanProcessor(span_exporter=HandingOn(), export_metrics=False)
