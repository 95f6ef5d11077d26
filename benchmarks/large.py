"""`make bench-large`: what small requests meet while bodies of 16 MB come in without a pause.

One connection sends one row of iris after the other, alone and then beside another process that
sends a table of 16 MB as often as it is answered. Small requests should keep their p99 within
three times.
"""

import argparse
import http.client
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import mlflow
import numpy as np
import orjson
from mlflow.models import infer_signature
from rich.console import Console
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from benchmarks.podium_process import serving

_LARGE_BYTES: Final = 16 * 1000 * 1000
_MOST_RATIO: Final = 3.0
_ROWS: Final = 10_000_000


def main() -> None:
    """Prints both p99 and their ratio; exits with 1 if that is above 3."""
    seconds = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        small, large = _prepared(Path(folder))
        with serving(Path(folder) / "iris", Path(folder) / "s", PODIUM_MAX_ROWS=str(_ROWS)) as url:
            percentiles(url, small, 1)
            alone = percentiles(url, small, seconds)
            sender = subprocess.Popen([sys.executable, "-c", _SENDER, url, str(large)])
            try:
                time.sleep(1)
                beside = percentiles(url, small, seconds)
            finally:
                sender.terminate()
                sender.wait()
    say = Console(highlight=False).print
    ratio = beside[1] / alone[1]
    say(f"small requests alone:            p50 {alone[0]:.2f} ms, p99 {alone[1]:.2f} ms")
    say(f"beside bodies of 16 MB:          p50 {beside[0]:.2f} ms, p99 {beside[1]:.2f} ms")
    say(f"p99 beside to alone:             {ratio:.2f} (at most {_MOST_RATIO})")
    sys.exit(ratio > _MOST_RATIO)


def _arguments() -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each of the two")
    seconds: float = parser.parse_args().seconds
    return seconds


def _prepared(folder: Path) -> tuple[bytes, Path]:
    data, target = load_iris(return_X_y=True, as_frame=True)
    mlflow.sklearn.save_model(
        LogisticRegression(max_iter=200).fit(data, target),
        str(folder / "iris"),
        signature=infer_signature(data),
        input_example=data.head(3),
        pip_requirements=["mlflow"],
    )
    row = data.head(1).to_numpy().tolist()
    header = list(data.columns)
    one = len(orjson.dumps(row[0])) + 1
    table = {"columns": header, "data": row * (_LARGE_BYTES // one)}
    large = folder / "large.json"
    large.write_bytes(orjson.dumps({"dataframe_split": table}))
    return orjson.dumps({"dataframe_split": {"columns": header, "data": row}}), large


def percentiles(url: str, body: bytes, seconds: float) -> tuple[float, float]:
    """Median and 99th percentile of one connection's requests, in milliseconds."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    taken, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        started = time.perf_counter()
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - started)
        if answer.status != http.client.OK:
            raise RuntimeError(f"a small request was answered with {answer.status}")
    return float(np.median(taken)) * 1000, float(np.percentile(taken, 99)) * 1000


# In a process of its own: this one would wait for itself.
_SENDER: Final = """
import http.client, pathlib, sys
from urllib.parse import urlsplit
body = pathlib.Path(sys.argv[2]).read_bytes()
connection = http.client.HTTPConnection(urlsplit(sys.argv[1]).netloc)
while True:
    connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"a large request was answered with {answer.status}")
"""

if __name__ == "__main__":
    main()
