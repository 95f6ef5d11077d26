"""What a newcomer does first, word for word: up, curl, train, move the alias back, Ctrl-C."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
from mlflow import MlflowClient

from tests.support.services import alive, descendants_of
from tests.support.tracking import free_port
from tests.support.waiting import wait_until

MODEL, POLL_SECONDS = "basic_lr_iris_model", 1.0
FLOWER = {
    "sepal length (cm)": 5.1,
    "sepal width (cm)": 3.5,
    "petal length (cm)": 1.4,
    "petal width (cm)": 0.2,
}
START_SECONDS = 400


@dataclass(frozen=True)
class Up:
    """A running `podium up`."""

    process: "subprocess.Popen[bytes]"
    environment: dict[str, str]
    folder: Path
    url: str
    tracking_uri: str

    def podium(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Another command, in another terminal."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "service", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def answer(self) -> dict[str, Any]:
        """To the README's curl."""
        body = {"dataframe_records": [FLOWER]}
        reply = httpx.post(f"{self.url}/predict", json=body, trust_env=False, timeout=240)
        assert reply.status_code == 200
        answer: dict[str, Any] = reply.json()
        return answer

    def version(self) -> str:
        """Which answers."""
        return str(self.answer()["model"]["version"])


@contextlib.contextmanager
def up(folder: Path) -> Iterator[Up]:
    """`podium up` in an empty folder, ready; killed afterwards if need be."""
    port, tracking_port = free_port(), free_port()
    ports = {"PODIUM_PORT": str(port), "PODIUM_TRACKING_PORT": str(tracking_port)}
    # As a newcomer has it, to whom no test has said where models run.
    as_it_is = {name: of for name, of in os.environ.items() if name != "PODIUM_ENV_MANAGER"}
    environment = as_it_is | ports
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "service", "up"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    running = Up(
        process,
        environment,
        folder,
        f"http://127.0.0.1:{port}",
        f"http://127.0.0.1:{tracking_port}",
    )
    try:
        said = folder / "up.log"
        ended = "Ctrl-C ends all of it"
        wait_until(lambda: ended in said.read_text() or process.poll(), START_SECONDS, "up is up")
        assert process.poll() is None, said.read_text()
        yield running
    finally:
        process.terminate()
        process.wait(60)


def test_quickstart(tmp_path: Path) -> None:
    """Each step of the README shows what the README says."""
    with up(tmp_path) as running:
        assert running.answer() == {
            "predictions": [0],
            "model": {"name": MODEL, "alias": "champion", "version": "1"},
        }
        client = MlflowClient(running.tracking_uri)
        first = client.get_model_version(MODEL, "1")
        assert first.tags["validation_status"] == "passed"
        listed = running.podium("rollback", MODEL, "--list")
        assert "the first version" in listed.stdout, listed.stderr
        trained = running.podium("train", "--C", "0.1", "--alias", "champion")
        assert trained.returncode == 0, trained.stderr
        followed_within(running, "2", POLL_SECONDS + 2)
        client.set_registered_model_alias(MODEL, "champion", "1")
        followed_within(running, "1", POLL_SECONDS + 2)
        smoked = running.podium("smoke", "--url", running.url, "--junit", "smoke.xml")
        assert smoked.returncode == 0, smoked.stdout
        suite = ET.parse(tmp_path / "smoke.xml").getroot()  # noqa: S314 - written a moment ago
        assert {case.find("failure") for case in suite.iter("testcase")} == {None}
        status = running.podium("status")
        assert status.returncode == 0, status.stdout
        assert f"{MODEL}@champion  serving: version 1 since 20" in status.stdout
        assert not (tmp_path / ".podium" / "environments").exists(), "iris builds nothing"
        below = descendants_of(running.process.pid)
        assert len(below) >= 5
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
        assert not any(alive(pid) for pid in below)


def followed_within(running: Up, version: str, seconds: float) -> None:
    """The promise is in seconds, and so is the deadline; a busy test machine gets some more."""
    begun = time.monotonic()
    wait_until(lambda: running.version() == version, seconds + 10, f"version {version} answers")
    print(f"version {version} after {time.monotonic() - begun:.2f} s")  # noqa: T201 - with -s
