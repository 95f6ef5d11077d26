"""What a version was made of, below what MLflow calls it by."""

from collections.abc import Mapping
from typing import Any, Final

from mlflow.pyfunc import PyFuncModel

# Where MLflow's wrappers keep it, which before 2.14 do not tell. Until 2.6 there was none for
# scikit-learn: MLflow calls the estimator itself.
_KEPT_AS: Final[Mapping[str, str]] = {
    "mlflow.catboost": "cb_model",
    "mlflow.lightgbm": "lgb_model",
    "mlflow.sklearn": "sklearn_model",
    "mlflow.xgboost": "xgb_model",
}


def raw_model(model: PyFuncModel) -> Any:
    """The estimator, booster, or whatever else it is; what MLflow calls where nobody can say."""
    if hasattr(model, "get_raw_model"):
        return model.get_raw_model()  # type: ignore[no-untyped-call]  # MLflow annotates little
    called = model._model_impl  # noqa: SLF001 - MLflow has no other name for it
    loader = model.metadata.flavors["python_function"]["loader_module"]
    return getattr(called, _KEPT_AS.get(loader, ""), called)
