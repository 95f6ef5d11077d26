"""`podium serve` with one saved model, for measurements."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import mlflow

_START_SECONDS: Final = 120


@contextlib.contextmanager
def serving(model: Path, folder: Path, **environment: str) -> Iterator[str]:
    """The address of a ready service for `model`, registered in SQLite below the folder."""
    folder.mkdir(parents=True)
    uri = registered(model, folder)
    command = [sys.executable, "-P", "-m", "service", "serve", "--port", "0"]
    mine = {"MLFLOW_TRACKING_URI": uri, "PODIUM_HOME": str(folder / "podium")}
    log = folder / "log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [*command, "--model", "model@champion"],
            env=os.environ | mine | environment,
            stderr=written,
        )
    try:
        yield ready_url(process, log)
    finally:
        process.terminate()
        process.wait()


def registered(model: Path, folder: Path) -> str:
    """The URI of a new SQLite registry in the folder, whose `model@champion` is that model."""
    uri = f"sqlite:///{folder}/mlflow.db"
    client = mlflow.MlflowClient(uri)
    client.create_registered_model("model")
    made = client.create_model_version("model", str(model))
    client.set_registered_model_alias("model", "champion", made.version)
    return uri


def ready_url(process: "subprocess.Popen[Any]", log: Path) -> str:
    """The service's address, once it can answer; raises RuntimeError with its log."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            told = json.loads(line) if line.startswith("{") else {}
            if told.get("event") == "listening" and _answers(told["url"]):
                return str(told["url"])
        time.sleep(0.1)
    raise RuntimeError(f"the service did not become ready:\n{log.read_text()}")


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/health/ready", trust_env=False).is_success
    return False
