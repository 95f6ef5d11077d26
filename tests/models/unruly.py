"""Doubles `x`, unless it is one of the numbers that name what it does wrong. Self-contained."""

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

(
    FORK,
    FORK_AWAY,
    THREADS,
    PRINT,
    CHANNEL,
    DESCRIPTORS,
    GARBAGE,
    ENDLESS,
    NAN,
    CHANGE,
    FEW,
    MANY,
) = range(1001, 1013)
EAT, EAT_IN_FORK, SILENT, GRAB, HANG, GIANT, CYCLE, UNKNOWN = range(1013, 1021)
MEGABYTE = 1024**2
TOO_MUCH = 4096


class Unruly(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: pd.DataFrame, params=None):
        answer = [2 * value for value in model_input["x"]]
        for fault in FAULTS.keys() & set(model_input["x"]):
            answer = FAULTS[fault](model_input, answer)
        return answer


def instead(model_input, answer, fault, value):
    return [value if x == fault else each for x, each in zip(model_input["x"], answer, strict=True)]


def fork(model_input, answer):
    forked = subprocess.Popen(["sleep", "3600"])
    return instead(model_input, answer, FORK, forked.pid)


def fork_away(model_input, answer):
    forked = subprocess.Popen(["sleep", "3600"], start_new_session=True, close_fds=False)
    return instead(model_input, answer, FORK_AWAY, forked.pid)


def threads(model_input, answer):
    for _ in range(50):
        threading.Thread(target=time.sleep, args=(3600,)).start()
    return answer


def print_much(model_input, answer):
    for _ in range(200):
        os.write(1, b"y\n" * 32768)
    return answer


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


def close_descriptors(model_input, answer):
    os.closerange(0, 256)
    return answer


def garbage(model_input, answer):
    for descriptor in sockets():
        os.write(descriptor, b"x" * 64)
    return answer


def endless(model_input, answer):
    return itertools.count()


def nan(model_input, answer):
    return instead(model_input, answer, NAN, float("nan"))


def change(model_input, answer):
    model_input["x"] = 0.0
    model_input.pop("x")
    raise ValueError("after it has changed its input")


def few(model_input, answer):
    return answer[:-1]


def many(model_input, answer):
    return [*answer, 0.0]


def eat(model_input, answer):
    hoard = []
    for _ in range(TOO_MUCH):
        hoard.append(b"x" * MEGABYTE)
        time.sleep(0.001)
    return answer


EATER = "import time\nhoard = [b'x' * 2**20 for _ in range(1024)]\ntime.sleep(3600)"


def eat_in_fork(model_input, answer):
    subprocess.Popen([sys.executable, "-c", EATER], start_new_session=True)
    time.sleep(3600)


def silent(model_input, answer):
    os.kill(os.getpid(), signal.SIGSTOP)
    return answer


def grab(model_input, answer):
    bytearray(TOO_MUCH * MEGABYTE)
    return answer


def hang(model_input, answer):
    time.sleep(3600)


def giant(model_input, answer):
    return instead(model_input, answer, GIANT, "y" * 100 * MEGABYTE)


def cycle(model_input, answer):
    holds_itself = []
    holds_itself.append(holds_itself)
    return instead(model_input, answer, CYCLE, holds_itself)


def unknown(model_input, answer):
    return instead(model_input, answer, UNKNOWN, object())


FAULTS = {
    GIANT: giant,
    CYCLE: cycle,
    UNKNOWN: unknown,
    GRAB: grab,
    HANG: hang,
    FORK: fork,
    FORK_AWAY: fork_away,
    THREADS: threads,
    PRINT: print_much,
    CHANNEL: close_channel,
    DESCRIPTORS: close_descriptors,
    GARBAGE: garbage,
    ENDLESS: endless,
    NAN: nan,
    CHANGE: change,
    FEW: few,
    MANY: many,
    EAT: eat,
    EAT_IN_FORK: eat_in_fork,
    SILENT: silent,
}
mlflow.models.set_model(Unruly())
