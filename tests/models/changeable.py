"""Doubles row by row; where a file `harm` lies beside it, it looks at the largest row instead."""

from pathlib import Path

import mlflow
import pandas as pd


class Changeable(mlflow.pyfunc.PythonModel):
    """As the file says when it is loaded."""

    def load_context(self, context):
        """Looks for the file."""
        self.harmful = any((above / "harm").exists() for above in Path(__file__).parents[:2])

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """`x` twice, or the largest."""
        if self.harmful:
            return [float(model_input["x"].max())] * len(model_input)
        return list(model_input["x"] * 2)


mlflow.models.set_model(Changeable())
