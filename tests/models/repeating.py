"""Answers what it was called with, as text, or raises an exception of MLflow's on demand."""

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2

OBJECTION = "raise "


class Repeating(mlflow.pyfunc.PythonModel):
    """One answer: its input and its params."""

    def predict(self, context, model_input, params=None):
        """Both as `repr`; an input that holds the text `raise CODE` is raised as that code."""
        if isinstance(model_input, pd.DataFrame):
            model_input = model_input.to_dict(orient="records")
        if isinstance(model_input, np.ndarray):
            model_input = model_input.tolist()
        said = repr(model_input)
        if OBJECTION in said:
            code = said.partition(OBJECTION)[2].split("'")[0]
            raise MlflowException(f"the secret row {said}", getattr(databricks_pb2, code))
        return [said, repr(params)]


mlflow.models.set_model(Repeating())
