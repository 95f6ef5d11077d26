"""The metrics that have a name in MLflow, and whether more of one is better.

As `mlflow.models.evaluate` computes them for predictions that are there already
(mlflow/models/evaluation/evaluators/classifier.py and regressor.py). Importing this loads no
library.
"""

from collections.abc import Mapping
from typing import Final, Literal

Task = Literal["classifier", "regressor"]

CLASSIFIER: Final[Mapping[str, bool]] = {
    "accuracy_score": True,
    "f1_score": True,
    "log_loss": False,
    "precision_recall_auc": True,
    "precision_score": True,
    "recall_score": True,
    "roc_auc": True,
}
"""Whether more is better, by the metric's name."""
REGRESSOR: Final[Mapping[str, bool]] = {
    "max_error": False,
    "mean_absolute_error": False,
    "mean_absolute_percentage_error": False,
    "mean_squared_error": False,
    "r2_score": True,
    "root_mean_squared_error": False,
}
"""The same of regressions."""
METRICS: Final[Mapping[str, bool]] = {**CLASSIFIER, **REGRESSOR}
TASKS: Final[Mapping[Task, Mapping[str, bool]]] = {
    "classifier": CLASSIFIER,
    "regressor": REGRESSOR,
}
