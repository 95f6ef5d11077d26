"""Answers with its version's number and its input, unless the input is one that goes wrong."""

import ctypes
import itertools
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import mlflow
import pandas as pd

RAISE, EXIT, SEGFAULT, HANG, FORK, THREADS, PRINT, NAN, CHANGE, EAT = range(1_000_001, 1_000_011)
FEW, MANY, ENDLESS, GIANT, UNKNOWN, GRAB, CHANNEL, GARBAGE, STOP = range(1_000_011, 1_000_020)


def raise_(model_input, answer):
    raise ValueError("a bad row")


def exit_(model_input, answer):
    os._exit(3)


def segfault(model_input, answer):
    ctypes.string_at(0)


def hang(model_input, answer):
    time.sleep(3600)


def fork(model_input, answer):
    subprocess.Popen(["sleep", "3600"])
    return answer


def threads(model_input, answer):
    for _ in range(20):
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    return answer


def print_much(model_input, answer):
    for _ in range(50):
        sys.stdout.write("y" * 65536 + "\n")
    return answer


def nan(model_input, answer):
    return [[number, float("nan") if x == NAN else x] for number, x in answer]


def change(model_input, answer):
    model_input["x"] = 0.0
    return answer


def eat(model_input, answer):
    hoard = []
    while True:
        hoard.append(b"x" * 2**22)
        time.sleep(0.001)


def few(model_input, answer):
    return answer[:-1]


def many(model_input, answer):
    return [*answer, answer[-1]]


def endless(model_input, answer):
    return itertools.count()


def giant(model_input, answer):
    return [[number, "y" * 2**23 if x == GIANT else x] for number, x in answer]


def unknown(model_input, answer):
    return [[number, object() if x == UNKNOWN else x] for number, x in answer]


def grab(model_input, answer):
    bytearray(2**34)


def sockets():
    for descriptor in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                yield descriptor
        except OSError:
            continue


def close_channel(model_input, answer):
    for descriptor in sockets():
        os.close(descriptor)
    time.sleep(3600)


def garbage(model_input, answer):
    for descriptor in sockets():
        os.write(descriptor, b"x" * 64)
    return answer


def stop(model_input, answer):
    os.kill(os.getpid(), signal.SIGSTOP)


FAULTS = {
    RAISE: raise_,
    EXIT: exit_,
    SEGFAULT: segfault,
    HANG: hang,
    FORK: fork,
    THREADS: threads,
    PRINT: print_much,
    NAN: nan,
    CHANGE: change,
    EAT: eat,
    FEW: few,
    MANY: many,
    ENDLESS: endless,
    GIANT: giant,
    UNKNOWN: unknown,
    GRAB: grab,
    CHANNEL: close_channel,
    GARBAGE: garbage,
    STOP: stop,
}


class Soaking(mlflow.pyfunc.PythonModel):
    """Row by row but for its faults."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """`[number, x]` for each row."""
        # Not above: the soak itself reads the faults' numbers here, where no such module is.
        from the_number import NUMBER

        answer = [[NUMBER, x] for x in model_input["x"]]
        for fault in sorted(FAULTS.keys() & set(model_input["x"])):
            answer = FAULTS[fault](model_input, answer)
        return answer


mlflow.models.set_model(Soaking())
