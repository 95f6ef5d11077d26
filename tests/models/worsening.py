"""Doubles `x`, and does as badly as the module beside it says. Self-contained.

`FAILS`: the share in percent of the values of `x` on which it fails; `SECONDS`: for how long it
sleeps each time; 1001 is a value on which it always fails, whoever it is.
"""

import time

import mlflow
import pandas as pd
from how_badly import FAILS, SECONDS

POISON = 1001


class Worsening(mlflow.pyfunc.PythonModel):
    """Row by row."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """Twice `x`."""
        if SECONDS:
            time.sleep(SECONDS)
        for x in model_input["x"]:
            if x == POISON or x % 100 < FAILS:
                raise ValueError("it cannot")
        return list(model_input["x"] * 2)


mlflow.models.set_model(Worsening())
