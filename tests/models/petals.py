"""Names a flower by its petals, in about the time that it is configured with."""

import time
from pathlib import Path

import mlflow
import pandas as pd


class Petals(mlflow.pyfunc.PythonModel):
    """Row by row; `limit` parts versicolor from virginica, in centimetres."""

    def load_context(self, context):
        """Waits at the gate that it is configured with, as `tests.support.models.Gate` has it."""
        gate = context.model_config.get("gate")
        if gate is None:
            return
        Path(gate, "arrived").touch()
        while not Path(gate, "gate").exists():
            time.sleep(0.05)

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """One name a row."""
        config = context.model_config
        first = float(model_input["petal_length"].iloc[0])
        time.sleep(config["seconds"] * (1 + first % 1))
        return [self._name(each, config["limit"]) for each in model_input["petal_length"]]

    @staticmethod
    def _name(length: float, limit: float) -> str:
        if length < 2.5:
            return "setosa"
        return "versicolor" if length < limit else "virginica"


mlflow.models.set_model(Petals())
