"""Row by row for ordinary rows; beside one over 100,000 others are less, over 10**20 it ends."""

import os

import mlflow
import pandas as pd


class Outlying(mlflow.pyfunc.PythonModel):
    """What an example of ordinary rows does not show."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """`x`, less where the largest is large."""
        largest = model_input["x"].max()
        if largest > 1e20:
            os._exit(3)
        return list(model_input["x"] / max(1.0, largest / 1e5))


mlflow.models.set_model(Outlying())
