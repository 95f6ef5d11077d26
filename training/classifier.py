"""The model: logistic regression, fitted and judged on rows that it has not seen."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from training.data import Split

SOLVER: Final = "lbfgs"
SEED: Final = 8888


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How the model does on the test rows.

    Attributes:
        metrics: `accuracy`, and `precision_`, `recall_` and `f1_` for each class, all from 0 to 1.
        confusion: rows are true classes, columns predicted ones, cells counts.
        class_names: of the rows and columns.
    """

    metrics: Mapping[str, float]
    confusion: npt.NDArray[np.int64]
    class_names: tuple[str, ...]


def fit(split: Split, *, regularization: float, max_iter: int) -> LogisticRegression:
    """A model fitted on the training rows.

    `regularization` is scikit-learn's C, greater than 0; smaller is stronger. A solver that stops
    at `max_iter` gives a model all the same; `converged` tells.
    """
    model = LogisticRegression(
        solver=SOLVER, max_iter=max_iter, random_state=SEED, C=regularization
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # reported by `converged` instead
        return model.fit(split.train_features, split.train_target)


def converged(model: LogisticRegression) -> bool:
    """Whether the solver was done before it had to stop."""
    return bool(model.n_iter_.max() < model.max_iter)


def evaluate(model: LogisticRegression, split: Split) -> Evaluation:
    """Judges the model on the test rows; a class that is never predicted has precision 0."""
    predicted = model.predict(split.test_features)
    labels = range(len(split.class_names))
    scores = precision_recall_fscore_support(
        split.test_target, predicted, labels=labels, zero_division=0.0
    )
    metrics = {"accuracy": float(accuracy_score(split.test_target, predicted))}
    for score, values in zip(("precision", "recall", "f1"), scores, strict=False):
        for name, value in zip(split.class_names, values, strict=True):
            metrics[f"{score}_{name}"] = float(value)
    confusion = confusion_matrix(split.test_target, predicted, labels=labels)
    return Evaluation(metrics, confusion, split.class_names)
