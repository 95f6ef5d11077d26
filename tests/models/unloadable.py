"""Fails to load in the way that a module beside it names."""

import ctypes
import os
import signal
import subprocess
import time

import mlflow
import pandas as pd

HANG, EAT, PRINT, SEGFAULT, LEAVE, FORK_AND_LEAVE, DIE, WANT = range(8)


class Unloadable(mlflow.pyfunc.PythonModel):
    def load_context(self, context):  # noqa: C901 - one case for each fault
        from the_number import NUMBER

        match NUMBER:
            case 0:
                time.sleep(3600)
            case 1:
                hoard = []
                while True:
                    hoard.append(b"x" * 1024**2)
                    time.sleep(0.001)
            case 2:
                while True:
                    os.write(1, b"y\n" * 32768)
            case 3:
                ctypes.string_at(0)
            case 4:
                os._exit(0)
            case 5:
                print(subprocess.Popen(["sleep", "3600"], start_new_session=True).pid, flush=True)
                os._exit(0)
            case 6:
                os.kill(os.getpid(), signal.SIGKILL)
            case 7:
                # As CPython says it, where the kernel gives no thread.
                raise RuntimeError("can't start new thread")

    def predict(self, context, model_input: pd.DataFrame, params=None):
        return [0.0] * len(model_input)


mlflow.models.set_model(Unloadable())
