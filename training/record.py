"""What is kept of a training: a run with its parameters, figures and data, and a version.

Everything goes to the store that MLflow is set to; errors are MLflow's.
"""

import contextlib
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Final

import mlflow
import mlflow.data
import mlflow.sklearn
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from sklearn.linear_model import LogisticRegression

from training.classifier import Evaluation
from training.data import TARGET, Split
from training.figure import confusion_figure

TEST_SET: Final = "evaluation/data.parquet"
TEST_SET_NOTE: Final = "evaluation/data.json"
"""Which column of the test set is the label; `podium validate --data-of-run` reads both files."""
TRAINING_INFO: Final = "Basic LR model for iris data"
# What the stored model needs at run time. Given, because MLflow takes 5 s in a second process to
# infer the same names.
_REQUIREMENTS: Final = ("mlflow", "scikit-learn", "pandas", "numpy", "skops")


@contextlib.contextmanager
def run_in(experiment: str) -> Iterator[mlflow.ActiveRun]:
    """A run of that experiment, failed if the body raises.

    Under `mlflow run` the run, and with it the experiment, is already there and is used.
    """
    given = "MLFLOW_RUN_ID" in os.environ
    experiment_id = None if given else _experiment_id(experiment)
    with mlflow.start_run(experiment_id=experiment_id) as run:
        yield run


def _experiment_id(name: str) -> str:
    client = MlflowClient()
    try:
        return str(client.create_experiment(name))
    except MlflowException as error:
        found = client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage != "active":
            raise MlflowException(
                f"experiment {name} cannot be used; was it deleted? Restore it in MLflow."
            ) from error
        return str(found.experiment_id)


def log_training(parameters: Mapping[str, Any], evaluation: Evaluation, split: Split) -> None:
    """Parameters, metrics, the confusion matrix, the tag and both parts of the data set."""
    mlflow.set_tag("Training Info", TRAINING_INFO)
    mlflow.log_params(dict(parameters))
    mlflow.log_metrics(dict(evaluation.metrics))
    mlflow.log_figure(confusion_figure(evaluation), "confusion_matrix.png")
    _log_data(split.train_frame, "training")
    _log_data(split.test_frame, "evaluation")
    _log_test_set(split.test_frame)


def _log_test_set(frame: pd.DataFrame) -> None:
    """The rows to test with as an artifact: what is judged later is judged by rows never seen."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(TEST_SET).name)
        frame.to_parquet(path, index=False)
        mlflow.log_artifact(str(path), str(Path(TEST_SET).parent))
    mlflow.log_dict({"label": TARGET}, TEST_SET_NOTE)


def _log_data(frame: pd.DataFrame, context: str) -> None:
    with warnings.catch_warnings():
        # The class numbers are integers and never missing.
        warnings.filterwarnings("ignore", "Hint: Inferred schema contains integer column")
        data = mlflow.data.from_pandas(frame, name="iris", targets=TARGET)  # type: ignore[attr-defined]
        mlflow.log_input(data, context=context)


def log_model(
    model: LogisticRegression, *, signature: ModelSignature, input_example: pd.DataFrame
) -> str:
    """Stores the model with the current run and returns its URI, `models:/m-...`.

    A version without signature or example could be neither checked nor warmed up, so both are asked
    for. Requirements are pinned to what is installed here.
    """
    stored = mlflow.sklearn.log_model(
        model,
        name="iris_model",
        signature=signature,
        input_example=input_example,
        pip_requirements=[f"{name}=={installed(name)}" for name in _REQUIREMENTS],
    )
    return str(stored.model_uri)


def register(model_uri: str, name: str, run_id: str, tags: Mapping[str, str]) -> str:
    """Makes the stored model the next version of `name`, and returns its number.

    The version has its tags from the first moment that anybody can see it.
    """
    client = MlflowClient()
    with contextlib.suppress(MlflowException):  # it exists; if not, the next call says why
        client.create_registered_model(name)
    version = client.create_model_version(
        name,
        source=model_uri,
        run_id=run_id,
        tags=dict(tags),
        model_id=model_uri.removeprefix("models:/"),
    )
    return str(version.version)


def set_alias(name: str, alias: str, version: str) -> None:
    """Points the alias to the version, away from any other."""
    MlflowClient().set_registered_model_alias(name, alias, version)
