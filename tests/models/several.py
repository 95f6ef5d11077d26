"""Answers with several named outputs, or in whatever form its params ask for."""

import mlflow
import numpy as np
import pandas as pd


class Several(mlflow.pyfunc.PythonModel):
    """Of a number its double, its sign and its name."""

    def predict(self, context, model_input, params=None):
        """A DataFrame, or what `form` says."""
        x = model_input["x"].to_numpy()
        frame = pd.DataFrame(
            {"double": 2 * x, "sign": np.sign(x).astype("int64"), "name": [f"é{v}" for v in x]}
        )
        nulls = {"name": [None, *frame["name"][1:]], "double": [None, *x[1:]]}
        answers = {
            "frame": frame,
            "array": np.stack([x, 2 * x], axis=1).astype("float32"),
            "dictionary": {
                "double": 2 * x,
                "matrix": np.stack([x, -x], axis=1),
                "said": "all",
            },
            "records": frame.to_dict(orient="records"),
            "number": float(x.sum()),
            "lists": [[float(v), float(-v)] for v in x],
            "ragged": [[float(v)] * (1 + place) for place, v in enumerate(x)],
            "nulls": pd.DataFrame(nulls),
        }
        return answers[(params or {}).get("form", "frame")]


mlflow.models.set_model(Several())
