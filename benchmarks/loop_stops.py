"""How long large bodies stop the loop of a running service: `benchmarks.probed_service` tells."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import mlflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types.schema import Schema
from rich.console import Console
from rich.progress import track
from sklearn.linear_model import LinearRegression

from benchmarks.podium_process import ready_url, registered

_START_SECONDS: Final = 60
_REST_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Stops:
    """The longest stops of the loop, in milliseconds: of its own work, and by the clock."""

    body_bytes: int
    requests: int
    cpu_ms: float
    wall_ms: float
    rest_cpu_ms: float
    rest_wall_ms: float
    answer_seconds: float


def loop_stops(body: bytes, entries: list[dict[str, Any]], requests: int) -> Stops:
    """Sends the body so many times, one after the other, to a linear model of these columns."""
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder), entries) as (process, url):
        _told(process)
        time.sleep(_REST_SECONDS)
        rest = _told(process)
        with httpx.Client(base_url=url, trust_env=False, timeout=_START_SECONDS) as client:
            started = time.perf_counter()
            for _ in track(range(requests), "Large bodies", console=Console(stderr=True)):
                client.post("/predict", content=body).raise_for_status()
            taken = time.perf_counter() - started
        busy = _told(process)
    return Stops(
        len(body),
        requests,
        busy["cpu_ms"],
        busy["wall_ms"],
        rest["cpu_ms"],
        rest["wall_ms"],
        taken / requests,
    )


@contextlib.contextmanager
def _served(
    folder: Path, entries: list[dict[str, Any]]
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    uri = _registered(folder, entries)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.probed_service", "model@champion", folder / "home"],
            env=os.environ | {"MLFLOW_TRACKING_URI": uri},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield process, ready_url(process, folder / "log")
    finally:
        process.terminate()
        process.communicate()


def _registered(folder: Path, entries: list[dict[str, Any]]) -> str:
    numbers = np.eye(len(entries))
    mlflow.sklearn.save_model(
        LinearRegression().fit(numbers, numbers[0]),
        str(folder / "model"),
        signature=ModelSignature(inputs=Schema.from_json(json.dumps(entries))),
        pip_requirements=["scikit-learn"],
    )
    return registered(folder / "model", folder)


def _told(process: "subprocess.Popen[str]") -> dict[str, float]:
    process.send_signal(signal.SIGUSR1)
    if process.stdout is None:
        raise RuntimeError("the service was started without a pipe")
    told: dict[str, float] = json.loads(process.stdout.readline())
    return told
