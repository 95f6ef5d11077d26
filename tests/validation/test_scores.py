"""Metrics beside MLflow's own evaluation: the same names, the same values."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import mlflow.sklearn
import numpy as np
import pandas as pd
import pytest
from mlflow.models import MetricThreshold, infer_signature
from mlflow.models.evaluation.validation import (
    ModelValidationFailedException,
    validate_evaluation_results,
)
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

from service.validation.policy.quality_bounds import METRICS, TASKS, MetricBounds, ModelAnswer, Task
from service.validation.quality.bounds import Measured, weighed
from service.validation.quality.predicted import Predicted, predicted
from service.validation.quality.scores import scored_as, scores

CLASSES = ("setosa", "versicolor", "virginica")


def iris(classes: int, *, text: bool) -> pd.DataFrame:
    """So many classes of it, as numbers or by their names."""
    features, target = load_iris(return_X_y=True)
    labels = target[target < classes]
    frame = pd.DataFrame(features[target < classes, :2], columns=["a", "b"])
    frame["label"] = [CLASSES[each] for each in labels] if text else labels
    return frame


def mlflows(model: Any, frame: pd.DataFrame, task: Task, folder: Path) -> Mapping[str, float]:
    """What MLflow measures of a model that it loads itself, probabilities and all."""
    features = frame.drop(columns="label")
    signature = infer_signature(features, model.predict(features))
    mlflow.sklearn.save_model(model, folder / "model", signature=signature, pip_requirements=[])
    with warnings.catch_warnings(), mlflow.start_run():
        warnings.simplefilter("ignore")  # its own, and those of the libraries that it draws by
        result = mlflow.models.evaluate(  # type: ignore[no-untyped-call]
            str(folder / "model"),
            frame,
            targets="label",
            model_type=task,
            evaluator_config={"log_explainer": False},
        )
    return dict(result.metrics)


def answered(model: Any, frame: pd.DataFrame, task: Task) -> Predicted:
    """The same model's answers, as they come from a host."""
    features = frame.drop(columns="label")
    if task == "regressor":
        return predicted(dict(enumerate(model.predict(features).tolist())), ModelAnswer(), [])
    answers = dict(enumerate(model.predict_proba(features).tolist()))
    return predicted(answers, ModelAnswer(labels=model.classes_.tolist()), [])


@pytest.mark.parametrize(("classes", "text"), [(2, True), (3, False)])
def test_classifier_is_measured_as_by_mlflow(
    tracking_uri: str, tmp_path: Path, classes: int, *, text: bool
) -> None:
    """Of two classes by their names, and of three by their numbers."""
    frame = iris(classes, text=text).reset_index(drop=True)
    model = LogisticRegression(C=0.01).fit(frame[["a", "b"]], frame["label"])
    compare(model, frame, "classifier", tmp_path, tracking_uri)


def test_regressor_is_measured_as_by_mlflow(tracking_uri: str, tmp_path: Path) -> None:
    """Errors and r2."""
    features, target = load_diabetes(return_X_y=True)
    frame = pd.DataFrame(features[:, :2], columns=["a", "b"]).assign(label=target + 0.5)
    model = LinearRegression().fit(frame[["a", "b"]], frame["label"])
    compare(model, frame, "regressor", tmp_path, tracking_uri)


def compare(model: Any, frame: pd.DataFrame, task: Task, folder: Path, uri: str) -> None:
    """Every metric that both have has one value, and none of MLflow's that is known is missing."""
    mlflow.set_tracking_uri(uri)
    try:
        expected = mlflows(model, frame, task, folder)
    finally:  # it is the whole process's, and goes before what later tests have in the environment
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # which is how MLflow takes it back
    found = answered(model, frame, task)
    how = scored_as(task, frame["label"], [found.predictions], None)
    ours = scores(how, frame["label"], found, range(len(frame)))
    assert set(ours) == set(expected) & set(METRICS)
    assert set(ours) <= set(TASKS[task])
    assert ours == pytest.approx({name: expected[name] for name in ours})


def test_metrics_that_rows_do_not_define_are_left_out() -> None:
    """A slice of one class has no roc_auc, and no recall of what is not in it."""
    labels = pd.Series([0, 0, 1, 1])
    answers = {row: [0.8, 0.2] for row in range(4)}
    found = predicted(answers, ModelAnswer(labels=[0, 1]), [])
    how = scored_as(None, labels, [found.predictions], None)
    assert set(scores(how, labels, found, range(4))) > {"roc_auc", "recall_score"}
    assert set(scores(how, labels, found, [0, 1])) == {"accuracy_score", "log_loss"}


@pytest.mark.parametrize(
    ("labels", "task"),
    [([1, 2], "classifier"), ([1.0, 2.0], "classifier"), ([1.0, 2.5], "regressor")],
)
def test_task_is_seen_from_the_labels(labels: list[float], task: Task) -> None:
    """As MLflow does, where the policy does not say."""
    assert scored_as(None, pd.Series(labels), [], None).task == task
    assert scored_as("regressor", pd.Series(labels), [], None).task == "regressor"


@pytest.mark.parametrize("greater", [True, False])
@pytest.mark.parametrize("other", [0.5, 0.0, -0.5])
@pytest.mark.parametrize(
    "bounds",
    [
        {"threshold": 0.55},
        {"min_absolute_change": 0.05},
        {"min_relative_change": 0.1},
        {"threshold": 0.5, "min_absolute_change": 0.01, "min_relative_change": 0.01},
    ],
)
def test_bounds_are_weighed_as_by_mlflow(
    bounds: dict[str, float], other: float, *, greater: bool
) -> None:
    """Where MLflow takes them: changes that are not negative."""
    for value in np.linspace(-1, 1, 41):
        # At the bound itself the last bits of a float decide in MLflow.
        theirs = _by_mlflow(bounds, float(value) + 0.001, other, greater=greater)
        asked = MetricBounds(make_metric="a:b", greater_is_better=greater, **bounds)  # type: ignore[arg-type]
        measured = Measured(float(value) + 0.001, float(value) + 0.001, other)
        ours = weighed("own", asked, measured, "other", "passed")
        assert (ours.verdict == "passed") == theirs, (value, ours)


def _by_mlflow(bounds: dict[str, float], value: float, other: float, *, greater: bool) -> bool:
    threshold = MetricThreshold(**bounds, greater_is_better=greater)  # type: ignore[no-untyped-call]
    results = [
        mlflow.models.EvaluationResult(metrics={"own": each}, artifacts={})  # type: ignore[no-untyped-call]
        for each in (value, other)
    ]
    try:
        validate_evaluation_results({"own": threshold}, *results)
    except ModelValidationFailedException:
        return False
    return True


def test_last_bits_fail_nobody() -> None:
    """0.9 - 0.91 is less than -0.01 in floating point."""
    bounds = MetricBounds(min_absolute_change=-0.01)
    measured = Measured(0.9, 0.9, 0.91)
    assert weighed("accuracy_score", bounds, measured, "other", "passed").verdict == "passed"
    assert 0.9 - 0.91 < -0.01
