"""Forks, computes without end, or raises, as its input says."""

import subprocess
import zlib

import mlflow
import pandas as pd

FORK, COMPUTE = 1001, 1002


class Stubborn(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: pd.DataFrame, params=None):
        wishes = set(model_input["x"])
        if FORK in wishes:
            return [subprocess.Popen(["sleep", "3600"]).pid] * len(model_input)
        while COMPUTE in wishes:
            zlib.crc32(b"\0" * 2**30)
        return [0] * len(model_input)


mlflow.models.set_model(Stubborn())
