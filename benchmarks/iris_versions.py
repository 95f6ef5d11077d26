"""Registered versions of iris, all of one model that was logged through an MLflow server."""

from typing import Final

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tests.support.authenticated import environment
from tests.support.registered import Registry

_COLUMNS: Final = ["a", "b", "c", "d"]
ROW: Final = {"dataframe_split": {"columns": _COLUMNS, "data": [[5.1, 3.5, 1.4, 0.2]]}}
_LOGGED: Final = "logged iris"
# What is printed is the benchmark's table alone.
_SILENT: Final = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}


class IrisVersions:
    """A logistic regression, logged once; each registered version of it is fetched by itself."""

    def __init__(self, tracking_uri: str) -> None:
        self._tracking_uri = tracking_uri
        rows, kinds = load_iris(return_X_y=True, as_frame=True)
        rows.columns = _COLUMNS
        told = {"MLFLOW_TRACKING_URI": tracking_uri, **_SILENT}
        with environment(told), mlflow.start_run():
            mlflow.sklearn.log_model(
                LogisticRegression(max_iter=1000).fit(rows, kinds),
                name="model",
                signature=infer_signature(rows, kinds),
                input_example=rows.head(3),
                pip_requirements=["scikit-learn"],
                registered_model_name=_LOGGED,
            )
        logged = mlflow.MlflowClient(tracking_uri).get_model_version(_LOGGED, "1")
        self._source, self._run_id = str(logged.source), logged.run_id

    def registered(self, name: str, versions: int) -> Registry:
        """A model of that name with so many versions; `champion` is the first."""
        registry = Registry(self._tracking_uri, name)
        registry.client.create_registered_model(name)
        for _ in range(versions):
            registry.client.create_model_version(
                name,
                self._source,
                self._run_id,
                model_id=self._source.removeprefix("models:/"),
            )
        registry.move("champion", "1")
        return registry
