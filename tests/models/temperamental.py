"""Doubles `x`, unless it is one of the numbers on which it loses its temper. Self-contained."""

import ctypes
import os
import sys
import time

import mlflow
import pandas as pd

RAISE, EXIT, SEGFAULT, HANG, LEAVE, UNENCODABLE, HUGE, SLOW = range(1001, 1009)


class Temperamental(mlflow.pyfunc.PythonModel):
    """Row by row but for its moods."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """Twice `x` for each row."""
        moods = set(model_input["x"])
        if RAISE in moods:
            raise ValueError(f"cannot bear {RAISE}")
        if EXIT in moods:
            os._exit(3)
        if SEGFAULT in moods:
            ctypes.string_at(0)
        if HANG in moods:
            time.sleep(3600)
        if SLOW in moods:
            time.sleep(0.02)
        if LEAVE in moods:
            sys.exit("leaving")
        if UNENCODABLE in moods:
            return [object()] * len(model_input)
        return ["x" * 1_000_000 if value == HUGE else 2 * value for value in model_input["x"]]


mlflow.models.set_model(Temperamental())
