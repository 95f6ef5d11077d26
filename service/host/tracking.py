"""MLflow inside a host: there is no server, and none is made up.

With no tracking address MLflow makes a database in the working directory, and writes clients'
values to it. A host's address is one that keeps nothing: what needs a server fails at once. A model
that names a server itself, or an operator who names one for it, gets that one, and MLflow does as
it always does. What becomes of traces says `service.host.traces`.
"""

import os
from collections.abc import Callable
from inspect import isfunction
from typing import Any, Final, NoReturn

from mlflow.entities import Experiment, LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.abstract_store import AbstractStore as ModelStore
from mlflow.store.tracking.abstract_store import AbstractStore as TrackingStore
from mlflow.tracking._model_registry import utils as _models
from mlflow.tracking._tracking_service import utils as _tracking

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
