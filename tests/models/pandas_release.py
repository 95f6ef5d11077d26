"""Answers with the major release of the pandas that it runs with."""

import mlflow
import pandas as pd


class PandasRelease(mlflow.pyfunc.PythonModel):
    """Row by row."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """The number, once for each row."""
        return [int(pd.__version__.split(".")[0])] * len(model_input)


mlflow.models.set_model(PandasRelease())
