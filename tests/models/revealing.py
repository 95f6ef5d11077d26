"""Answers how many values of its process's environment hold the secrets of a test."""

import os

import mlflow
import pandas as pd


class Revealing(mlflow.pyfunc.PythonModel):
    """Row by row."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """How many, once for each row."""
        found = sum("hunter2" in value for value in os.environ.values())
        return [found] * len(model_input)


mlflow.models.set_model(Revealing())
