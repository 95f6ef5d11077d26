"""Answers with its version's number and its input, unless the input is one that goes wrong."""

import ctypes
import os
import subprocess
import sys
import threading
import time

import mlflow
import pandas as pd

RAISE, EXIT, SEGFAULT, HANG, FORK, THREADS, PRINT, NAN, CHANGE, EAT = range(1_000_001, 1_000_011)


def raise_(model_input):
    raise ValueError("a bad row")


def exit_(model_input):
    os._exit(3)


def segfault(model_input):
    ctypes.string_at(0)


def hang(model_input):
    time.sleep(3600)


def fork(model_input):
    subprocess.Popen(["sleep", "3600"])


def threads(model_input):
    for _ in range(20):
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()


def print_much(model_input):
    for _ in range(50):
        sys.stdout.write("y" * 65536 + "\n")


def change(model_input):
    model_input["x"] = 0.0


def eat(model_input):
    hoard = []
    while True:
        hoard.append(b"x" * 2**22)
        time.sleep(0.001)


FAULTS = {
    RAISE: raise_,
    EXIT: exit_,
    SEGFAULT: segfault,
    HANG: hang,
    FORK: fork,
    THREADS: threads,
    PRINT: print_much,
    CHANGE: change,
    EAT: eat,
}


class Soaking(mlflow.pyfunc.PythonModel):
    """Row by row but for its faults."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """`[number, x]` for each row."""
        # Not above: the soak itself reads the faults' numbers here, where no such module is.
        from the_number import NUMBER

        sent = list(model_input["x"])
        for fault in sorted(FAULTS.keys() & set(sent)):
            FAULTS[fault](model_input)
        return [[NUMBER, float("nan") if x == NAN else x] for x in sent]


mlflow.models.set_model(Soaking())
