"""Two classes by one number, or another one for so many in a hundred: two versions that differ."""

from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel


class Labelling(PythonModel):
    """`setosa` for even numbers, `versicolor` for odd ones; `virginica` as configured."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> list[str]:
        """One label a row."""
        other = context.model_config["other"]
        return [_label(int(each), other) for each in model_input["x"]]


def _label(number: int, other: int) -> str:
    if number % 100 < other:
        return "virginica"
    return "versicolor" if number % 2 else "setosa"


mlflow.models.set_model(Labelling())
