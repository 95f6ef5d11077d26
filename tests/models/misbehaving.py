"""Whatever a shadow may do to whom it is beside: as it is configured to."""

import os
import time
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel

_FOREVER = 3600


class Misbehaving(PythonModel):
    """Doubles; or hangs, crashes, eats memory, answers nonsense, computes for long."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        """One number a row, if it comes to that."""
        match context.model_config["does"]:
            case "hang":
                time.sleep(_FOREVER)
            case "crash":
                os.abort()
            case "eat":
                self.hoard = [bytearray(os.urandom(2**20)) * 64 for _ in range(10_000)]
            case "nonsense":
                return {"what": [{"is": None}] * 7, "this": "x" * 10_000}
            case "slow":
                _compute(context.model_config["seconds"])
        return list(model_input["x"] * 2)


def _compute(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


mlflow.models.set_model(Misbehaving())
