"""Answers what each row was called with: the dtype and the value of every column."""

import mlflow
import pandas as pd


class Describing(mlflow.pyfunc.PythonModel):
    """Row by row: nothing of the index or of other rows."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """`{column: [dtype, value]}` for each row."""
        dtypes = {name: str(dtype) for name, dtype in model_input.dtypes.items()}
        return [
            {str(name): [dtypes[name], repr(value)] for name, value in row.items()}
            for row in model_input.to_dict(orient="records")
        ]


mlflow.models.set_model(Describing())
