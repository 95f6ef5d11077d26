"""Doubles `x`, and does beside that what its configuration names as its fault. Self-contained."""

import os
import time
from pathlib import Path

import mlflow
import pandas as pd

MEGABYTES = 10 * 1024**2
# Beside the code, once that is an artifact's.
MLMODEL = Path(__file__).parent / "MLmodel"


class Faulty(mlflow.pyfunc.PythonModel):
    """One fault a version; without one it answers each row by itself."""

    def load_context(self, context):
        self._fault = (context.model_config or {}).get("fault", "")
        self._kept = []

    def predict(self, context, model_input: pd.DataFrame, params=None):
        answer = (2 * model_input["x"]).tolist()
        if self._fault == "raises_on_two" and len(answer) == 2:
            raise ValueError(f"two rows: {answer}")
        if self._fault == "leaks":
            self._kept.append(b"x" * MEGABYTES)
        if self._fault == "writes" and MLMODEL.exists():
            MLMODEL.with_name("written.txt").write_text("more")
        if self._fault == "alters" and MLMODEL.exists():
            with MLMODEL.open("a") as file:
                file.write("\n")
        if self._fault.startswith("dies on ") and float(self._fault[8:]) in set(model_input["x"]):
            os._exit(3)
        if self._fault.startswith("dies once ") and max(answer) > 20:
            mark = Path(self._fault[10:])
            if not mark.exists():
                mark.touch()
                os._exit(3)
        if self._fault.startswith("sleeps "):
            time.sleep(float(self._fault.partition(" ")[2]))
        return self._labelled(model_input["x"]) or answer

    def _labelled(self, values):
        kind, _, label = self._fault.rpartition(" ")
        if kind == "labels":
            return [label] * len(values)
        if kind == "parts at":
            return ["high" if x >= float(label) else "low" for x in values]
        return None


mlflow.models.set_model(Faulty())
