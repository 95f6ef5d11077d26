"""Answers with its number; on the way it says where it is, and waits there until it may go on.

A module beside it names the stage at which it waits, the file that it makes there, and the file
that it waits for.
"""

import time
from pathlib import Path

import mlflow
import pandas as pd
from the_gate import ARRIVED, GATE, NUMBER, STAGE


def pass_gate(stage):
    if stage != STAGE:
        return
    Path(ARRIVED).touch()
    deadline = time.monotonic() + 120
    while not Path(GATE).exists() and time.monotonic() < deadline:
        time.sleep(0.02)


class Gated(mlflow.pyfunc.PythonModel):
    """Row by row."""

    def load_context(self, context):
        """Waits if that is its stage."""
        pass_gate("load")

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """The number, once for each row; the first prediction of a host is its warm-up."""
        pass_gate("warm_up")
        return [NUMBER] * len(model_input)


mlflow.models.set_model(Gated())
