"""Answers how far `x` is from the mean of all rows of the call: never row by row."""

import mlflow
import pandas as pd


class Centring(mlflow.pyfunc.PythonModel):
    """A row's answer depends on its neighbours."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """`x` minus the mean."""
        return list(model_input["x"] - model_input["x"].mean())


mlflow.models.set_model(Centring())
