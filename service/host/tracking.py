"""MLflow inside a host: there is no server, and none is made up; what becomes of a model's traces.

With no tracking address MLflow makes a database in the working directory, and writes clients'
values to it. A host's address is one that keeps nothing: what needs a server fails at once. A model
that names a server itself, or an operator who names one for it, gets that one, and MLflow does as
it always does. Without one, traces become nothing, at hardly any cost, or each is handed on as it
ends.
"""

import os
from collections.abc import Callable
from inspect import isfunction
from typing import Any, Final, NoReturn

import mlflow
from mlflow.entities import Experiment, LifecycleStage, NoOpSpan
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.abstract_store import AbstractStore as ModelStore
from mlflow.store.tracking.abstract_store import AbstractStore as TrackingStore
from mlflow.tracing import provider as _provider
from mlflow.tracing.fluent import get_current_active_span, update_current_trace
from mlflow.tracing.utils.otlp import should_use_otlp_exporter
from mlflow.tracking._model_registry import utils as _models
from mlflow.tracking._tracking_service import utils as _tracking
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan

from service.processes.parcels import Sender

_SCHEME: Final = "podium"
NO_SERVER: Final = f"{_SCHEME}:models-have-no-mlflow-server-here"
"""The tracking address of a host; readable, since processes that a model starts may tell it."""

_ADDRESS: Final = "MLFLOW_TRACKING_URI"
# Numbers of traces must differ between hosts, whatever a model seeds, and drawing them must not
# change what it draws (mlflow/tracing/provider.py).
_OWN_NUMBERS: Final = "MLFLOW_TRACE_USE_ISOLATED_RANDOM_ID_GENERATOR"
_DEFAULT_EXPERIMENT: Final = "0"
_TRACKING_STORES: Final[Any] = _tracking._tracking_store_registry  # noqa: SLF001 - plug-ins of MLflow are registered so
# To make it, MLflow reads what all installed packages say of themselves: once, for all hosts.
_MODEL_STORES: Final[Any] = _models._get_store_registry()  # type: ignore[no-untyped-call]  # noqa: SLF001 - plug-ins of MLflow are registered so
# What MLflow asks for at each span, to learn whether it is at home there; to find that a module is
# not installed takes a third of the time of a trace.
_ABSENT: Final = "dbruntime"

_no_span: Final[Callable[[Any], Any]] = NoOpSpan
_sampler_of_mlflow: Final = _provider._get_trace_sampler  # noqa: SLF001 - MLflow has no other place for it
_processor_of_mlflow: Final = _provider._get_mlflow_span_processor  # noqa: SLF001


def forgo_tracking() -> None:
    """From now on MLflow in this process knows no server, unless it is told one."""
    os.environ.setdefault(_ADDRESS, NO_SERVER)
    os.environ.setdefault(_OWN_NUMBERS, "true")
    for stores, store in ((_TRACKING_STORES, _NoTracking), (_MODEL_STORES, _NoModels)):
        stores.register(_SCHEME, lambda store=store, **_: store())


def _refusal(name: str) -> Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise MlflowException(
            f"`{name}` needs an MLflow server, and models have none here: the service keeps its "
            "credentials to itself. Traces alone are handed on, with PODIUM_MODEL_TRACKING; a "
            "model may call mlflow.set_tracking_uri itself. See docs/models.md."
        )

    return refuse


def _refusing(store: type[Any]) -> dict[str, Any]:
    # Whatever this version of MLflow asks of a store.
    names = [name for name in dir(store) if isfunction(getattr(store, name)) and name[0] != "_"]
    return {name: _refusal(name) for name in names}


def _experiment_by_name(_: Any, name: str) -> Experiment:
    # `mlflow.set_experiment` only says where traces would go: no reason not to load a model.
    return Experiment(_DEFAULT_EXPERIMENT, name, "", LifecycleStage.ACTIVE)


_NoTracking: Final = type(
    "NoTracking",
    (TrackingStore,),
    {**_refusing(TrackingStore), "get_experiment_by_name": _experiment_by_name},
)
_NoModels: Final = type("NoModels", (ModelStore,), _refusing(ModelStore))


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
    span = _provider.get_current_otel_span()
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
