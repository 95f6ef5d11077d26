"""Answers what it was called with: the dtype and the values of every column, and the params."""

import mlflow
import pandas as pd


class Mirror(mlflow.pyfunc.PythonModel):
    """One answer a row: `{column: [dtype, value]}`, and `_index` and `_params`."""

    def predict(self, context, model_input, params=None):
        """Whatever it gets, as text."""
        if not isinstance(model_input, pd.DataFrame):
            return self._tensors(model_input)
        dtypes = {name: str(dtype) for name, dtype in model_input.dtypes.items()}
        return [
            {str(name): [dtypes[name], repr(value)] for name, value in row.items()}
            | {"_index": repr(index), "_params": repr(params)}
            for index, row in zip(
                model_input.index, model_input.to_dict(orient="records"), strict=True
            )
        ]

    def _tensors(self, model_input):
        if isinstance(model_input, dict):
            return [{name: [str(v.dtype), v.tolist()] for name, v in model_input.items()}]
        return [[str(model_input.dtype), row.tolist()] for row in model_input]


mlflow.models.set_model(Mirror())
