"""Answers, as JSON text, with what it finds around it: draws, variables, configuration, processes.

What is asked for is the number in `x`.
"""

import json
import multiprocessing
import os
import random
import secrets
import ssl
import subprocess
import sys
import tempfile
import threading
import uuid

import mlflow
import numpy as np
import pandas as pd
from scipy import stats
from sklearn.model_selection import ShuffleSplit
from sklearn.utils import check_random_state

DRAW, TELL, ORPHANS, START, ASK, POOL = range(1, 7)
STATUS = 7


def draw(model):
    million = pd.Series(range(10**6))
    return {
        "numpy": [int(value) for value in np.random.randint(2**62, size=4)],  # noqa: NPY002 - the kind that is asked about
        "numpy's generator": float(np.random.default_rng().random()),
        "random": random.random(),  # noqa: S311 - as above
        "scikit-learn": float(check_random_state(None).random_sample()),
        "a splitter": [int(value) for value in next(ShuffleSplit(1).split(range(10**4)))[0][:8]],
        "scipy": float(stats.norm.rvs()),
        "pandas": int(million.sample(1).iloc[0]),
        "uuid1": str(uuid.uuid1()),
        "uuid4": str(uuid.uuid4()),
        "tempfile": tempfile.mktemp(dir="."),  # noqa: S306 - nothing is made there
        "multiprocessing": bytes(multiprocessing.current_process().authkey).hex(),
        "secrets": secrets.token_hex(),
        "ssl": ssl.RAND_bytes(16).hex(),
        "torch": float(torch().rand(())) if torch() else secrets.token_hex(),
    }


def torch():
    try:
        import torch
    except ImportError:
        return None
    return torch


def tell(model):
    inherited = subprocess.run(["env"], check=True, capture_output=True, text=True).stdout
    return {
        "variables": dict(os.environ),
        "path": sys.path,
        "config": model.config,
        "inherited": inherited.split("\n"),
    }


def orphans(model):
    return subprocess.run(["sh", "-c", "(exit 0 &);(exit 0 &);exit 5"], check=False).returncode


def start(model):
    model.started = subprocess.Popen(["sh", "-c", f"exit {STATUS}"])
    return model.started.pid


def ask(model):
    return model.started.wait()


def pool(model):
    return model.pool.map(abs, [-1, -2, -3])


ASKED = {DRAW: draw, TELL: tell, ORPHANS: orphans, START: start, ASK: ask, POOL: pool}


class Surrounded(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.config = dict(context.model_config or {})
        if self.config.get("pool"):
            # Forked by a thread that ends.
            thread = threading.Thread(target=self.make_pool)
            thread.start()
            thread.join()

    def make_pool(self):
        self.pool = multiprocessing.get_context("fork").Pool(2)

    def predict(self, context, model_input: pd.DataFrame, params=None):
        return [
            json.dumps({"pid": os.getpid(), "found": ASKED[int(x)](self)}) for x in model_input["x"]
        ]


mlflow.models.set_model(Surrounded())
