"""Answers with all that its process finds in its environment."""

import json
import os

import mlflow
import pandas as pd


class Confiding(mlflow.pyfunc.PythonModel):
    """One text for each row."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """The environment as JSON."""
        return [json.dumps(dict(os.environ))] * len(model_input)


mlflow.models.set_model(Confiding())
