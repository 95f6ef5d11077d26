"""Metrics by MLflow's names and with MLflow's values, by scikit-learn's functions.

Not by `mlflow.models.evaluate`: for predictions that are there already it knows no probabilities,
so neither roc_auc nor log_loss (mlflow/models/evaluation/evaluators/classifier.py); it refuses
slices of one class, writes to a run of its own, and takes 0.4 s for each slice and version. A test
compares both wherever both have a value.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from service.validation.policy.quality_bounds import Task
from service.validation.quality.predicted import Predicted

_TWO: Final = 2


class UnmeasurableAnswers(Exception):
    """Labels and predictions that no metric is defined for; a sentence that names no value."""


@dataclass(frozen=True, slots=True)
class ScoredAs:
    """What all rows say, so that a slice is measured by the same metrics as the whole.

    Attributes:
        task: whether classes or numbers are predicted.
        classes: every class among labels and predictions, sorted; empty for a regressor.
        positive: the one that counts where there are two.
    """

    task: Task
    classes: tuple[Any, ...] = ()
    positive: Any = None

    @property
    def binary(self) -> bool:
        """Whether there are two classes at most."""
        return len(self.classes) <= _TWO


def scores(
    scored_as: ScoredAs, truth: "pd.Series[Any]", found: Predicted, rows: Sequence[int]
) -> Mapping[str, float]:
    """The metrics of these rows, all of which have a prediction; without those that have none.

    One that the rows do not define, as `roc_auc` where all have one class, is left out.
    """
    labels, values = truth.loc[list(rows)], found.predictions.loc[list(rows)]
    if scored_as.task == "regressor":
        told = _regression(np.asarray(labels, float), np.asarray(values, float))
    else:
        told = _classification(scored_as, labels, values)
        told |= _of_probabilities(scored_as, labels, found, rows)
    return {name: value for name, value in told.items() if math.isfinite(value)}


def _regression(labels: Any, values: Any) -> dict[str, float]:
    told = {
        "max_error": sk.max_error(labels, values),
        "mean_absolute_error": sk.mean_absolute_error(labels, values),
        "mean_absolute_percentage_error": sk.mean_absolute_percentage_error(labels, values),
        "mean_squared_error": sk.mean_squared_error(labels, values),
        "root_mean_squared_error": math.sqrt(sk.mean_squared_error(labels, values)),
    }
    if len(labels) >= _TWO:
        told["r2_score"] = sk.r2_score(labels, values)
    return {name: float(value) for name, value in told.items()}


def _classification(
    scored_as: ScoredAs, labels: "pd.Series[Any]", values: "pd.Series[Any]"
) -> dict[str, float]:
    told = {"accuracy_score": float(sk.accuracy_score(labels, values))}
    how: dict[str, Any] = {"average": "weighted", "zero_division": 0.0}
    if scored_as.binary:
        if not (labels == scored_as.positive).any():
            return told  # what of the positives was found is not defined without any
        labels, values = labels == scored_as.positive, values == scored_as.positive
        how = {"average": "binary", "zero_division": 0.0}
    for name in ("f1_score", "precision_score", "recall_score"):
        told[name] = float(getattr(sk, name)(labels, values, **how))
    return told


def _of_probabilities(
    scored_as: ScoredAs, truth: "pd.Series[Any]", found: Predicted, rows: Sequence[int]
) -> dict[str, float]:
    if found.probabilities is None or found.labels is None:
        return {}
    order = sorted(range(len(found.labels)), key=lambda at: found.labels[at])  # type: ignore[index]
    labels = [found.labels[at] for at in order]
    table = found.probabilities.loc[list(rows)].to_numpy()[:, order]
    if not set(truth) <= set(labels):
        return {}
    told = {"log_loss": float(sk.log_loss(truth, table, labels=labels))}
    if set(truth) == set(labels):
        told |= _ranked(scored_as, truth, table, labels)
    return told


def _ranked(
    scored_as: ScoredAs, truth: "pd.Series[Any]", table: Any, labels: list[Any]
) -> dict[str, float]:
    if len(labels) == _TWO:
        hit, of_it = truth == scored_as.positive, table[:, labels.index(scored_as.positive)]
        return {
            "roc_auc": float(sk.roc_auc_score(hit, of_it)),
            "precision_recall_auc": float(sk.average_precision_score(hit, of_it)),
        }
    area = sk.roc_auc_score(truth, table, average="weighted", multi_class="ovr", labels=labels)
    return {"roc_auc": float(area)}


def scored_as(
    task: Task | None,
    labels: "pd.Series[Any]",
    all_values: Sequence["pd.Series[Any]"],
    positive: Any,
) -> ScoredAs:
    """How such labels and predictions are measured.

    Raises `UnmeasurableAnswers`; `TypeError` or `ValueError` for kinds that are mixed.
    """
    found = task or _task(labels, all_values)
    everything = (labels, *all_values)
    if found == "regressor":
        if not all(np.isfinite(each.astype(float)).all() for each in everything):
            raise UnmeasurableAnswers("Labels or predictions are infinite")
        return ScoredAs("regressor")
    if any(map(_fractions, everything)):
        raise UnmeasurableAnswers(
            "Labels or predictions are numbers with fractions, which are not classes: name "
            "answer.probabilities, or set task to regressor"
        )
    classes = sorted(set(labels).union(*map(set, all_values)))
    return ScoredAs("classifier", tuple(classes), classes[-1] if positive is None else positive)


def _task(labels: "pd.Series[Any]", all_values: Sequence["pd.Series[Any]"]) -> Task:
    """A number is predicted where labels, or predictions of more than two whole ones, say so.

    Fractions beside labels of two values may be probabilities as well: nobody can tell.
    """
    many = labels.nunique() > _TWO
    if _fractions(labels) or (many and any(map(_fractions, all_values))):
        return "regressor"
    return "classifier"


def _fractions(values: "pd.Series[Any]") -> bool:
    return values.dtype.kind == "f" and bool((values % 1 != 0).any())


OwnMetric = Callable[[Sequence[int], Predicted, Mapping[str, float]], float]
"""One of the operator's own, of these rows: `service.validation.quality.own_metrics`."""
