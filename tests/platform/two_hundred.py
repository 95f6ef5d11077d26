"""Two hundred registered models behind one pattern, five of them loaded at a time.

`.venv/bin/python -m tests.platform.two_hundred` registers them in a real MLflow server, starts a
real service and asks each model: all answer, never more than six are loaded, the first request of
a cold one takes little longer than its load, and one that is registered later answers without a
restart. Prints figures, and exits with 1 where something does not hold.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from mlflow import MlflowClient

from tests.support import models
from tests.support.services import RunningService, running_service
from tests.support.tracking import migrate, mlflow_server
from tests.support.waiting import wait_until

PATTERN: Final = "*@champion"
ROW: Final = {"dataframe_records": [{"x": 1.0}]}
# Beside its load a first request waits for a place, its contract and its own prediction.
MOST_BEYOND_LOAD: Final = 0.05
# How a model answers tells which one has: several share an artifact.
ARTIFACTS: Final = 4
SECONDS: Final = 3600.0
_MEMORY_EVERY: Final = 20


@dataclass
class Figures:
    """What was measured, and what did not hold."""

    lines: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Prints it at once."""
        self.lines.append(line)
        print(line, flush=True)

    def require(self, what: str, *, holds: bool) -> None:
        """Notes whether it holds."""
        self.say(f"{'holds ' if holds else 'FAILED'}  {what}")
        if not holds:
            self.failed.append(what)


def name(number: int) -> str:
    """Of a model."""
    return f"use-case-{number:03}"


def logged(client: MlflowClient, place: Path) -> tuple[str, str]:
    """The run that holds what lies there, and where."""
    run = client.create_run("0").info
    client.log_artifacts(run.run_id, str(place), "model")
    return run.run_id, f"{run.artifact_uri}/model"


def registered(client: MlflowClient, runs: Sequence[tuple[str, str]], number: int) -> None:
    """One model with its champion."""
    client.create_registered_model(name(number))
    run, source = runs[number % len(runs)]
    made = client.create_model_version(name(number), source, run)
    client.set_registered_model_alias(name(number), "champion", str(made.version))


@contextmanager
def platform(folder: Path, count: int, resident: int) -> Iterator[tuple[RunningService, Any]]:
    """MLflow with so many models, and a service that follows all of them."""
    places = []
    for number in range(ARTIFACTS):
        module = models.number_module(folder / f"code {number}", number)
        places.append(models.save(folder / f"made {number}", "numbered", ships=[module]))
    served = folder / "mlflow"
    served.mkdir()
    with mlflow_server(migrate(folder), served) as server:
        client = MlflowClient(server.url)
        runs = [logged(client, place) for place in places]
        for number in range(count):
            registered(client, runs, number)
        settings = {"PODIUM_RESIDENT": str(resident), "PODIUM_POLL_SECONDS": "1"}
        with running_service([PATTERN], server.url, folder, **settings) as service:
            yield service, lambda number: registered(client, runs, number)


def ask(http: httpx.Client, number: int) -> tuple[float, bool]:
    """The seconds of one request, and whether the right model answered."""
    started = time.perf_counter()
    reply = http.post(f"/models/{name(number)}@champion/predict", json=ROW)
    seconds = time.perf_counter() - started
    right = reply.is_success and reply.json()["predictions"] == [number % ARTIFACTS]
    return seconds, bool(right and reply.json()["model"]["name"] == name(number))


def loads(service: RunningService) -> list[float]:
    """The seconds of each load that a request has waited for, without its wait for a place."""
    return [each["seconds"]["load"] for each in service.events("loaded_on_demand")]


def memory(service: RunningService) -> float:
    """What the service and all its processes hold, in MB: shared pages are divided among them."""
    held = 0
    for pid in {service.process.pid, *service.descendants()}:
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            held += next(int(line.split()[1]) for line in rollup.splitlines() if "Pss:" in line)
    return held / 1024


def run(count: int, resident: int) -> Figures:
    """All of it."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        with platform(Path(folder), count, resident) as (service, register):
            figures.say(f"{count} models registered in {time.monotonic() - began:.0f} s")
            with httpx.Client(base_url=service.url, trust_env=False, timeout=SECONDS) as http:
                _start(http, count, figures)
                _all(service, http, count, resident, figures)
                _later(http, count, register, figures)
                _pages(http, figures)
    return figures


def _start(http: httpx.Client, count: int, figures: Figures) -> None:
    began = time.monotonic()
    ready = lambda: http.get("/health/ready").is_success  # noqa: E731
    wait_until(ready, SECONDS, "the service is ready")
    wait_until(lambda: len(_slots(http)) == count, SECONDS, "all are there")
    wait_until(lambda: all(slot["ready"] for slot in _slots(http)), SECONDS, "all are ready")
    figures.say(f"all {count} slots ready after {time.monotonic() - began:.1f} s")


def _all(
    service: RunningService, http: httpx.Client, count: int, resident: int, figures: Figures
) -> None:
    figures.say(f"memory with the first {resident} loaded: {memory(service):.0f} MB (PSS)")
    beyond, right, most, most_memory = [], 0, 0, 0.0
    for number in range(count):
        before = len(loads(service))
        cold = http.get(f"/models/{name(number)}@champion").json()["state"] == "cold"
        seconds, is_right = ask(http, number)
        right += is_right
        if cold:
            wait_until(lambda: len(loads(service)) > before, 60, "its load is logged")  # noqa: B023
            beyond.append(seconds - loads(service)[-1])
        most = max(most, int(service.metrics()["podium_resident_versions"]))
        if not number % _MEMORY_EVERY:
            most_memory = max(most_memory, memory(service))
    figures.require(f"all {count} answer, each by its own model", holds=right == count)
    figures.require(f"at most {resident} loaded after each: {most}", holds=most <= resident)
    figures.say(f"memory meanwhile: at most {most_memory:.0f} MB (PSS)")
    took = loads(service)
    figures.say(f"loads: {len(took)}, median {statistics.median(took):.3f} s, max {max(took):.3f}")
    middle, worst = statistics.median(beyond), max(beyond)
    figures.say(f"beyond its load: median {middle * 1000:.1f} ms, max {worst * 1000:.1f} ms")
    figures.require("first request within load + 50 ms (median)", holds=middle <= MOST_BEYOND_LOAD)
    warm = [ask(http, count - 1)[0] for _ in range(50)]
    figures.say(f"request of a loaded one: median {statistics.median(warm) * 1000:.1f} ms")


def _later(http: httpx.Client, count: int, register: Any, figures: Figures) -> None:
    register(count)
    began = time.monotonic()
    wait_until(lambda: ask(http, count)[1], 60, "the model registered later answers")
    figures.say(f"a model registered later answers after {time.monotonic() - began:.1f} s")
    figures.require("a model registered later answers without a restart", holds=True)


def _pages(http: httpx.Client, figures: Figures) -> None:
    for path in ("/models", "/openapi.json", "/metrics", "/health/ready"):
        began = time.perf_counter()
        reply = http.get(path)
        took = (time.perf_counter() - began) * 1000
        figures.say(f"GET {path}: {took:.0f} ms, {len(reply.content)} bytes")
    look = http.get("/models").json()["look"]
    figures.say(f"the last look: {look['age_seconds']:.1f} s ago, failure {look['failure']}")


def _slots(http: httpx.Client) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = http.get("/models").json()["models"]
    return told


def main() -> int:
    """Runs it as the flags say."""
    flags = argparse.ArgumentParser(description="many models, few of them loaded")
    flags.add_argument("--models", type=int, default=200)
    flags.add_argument("--resident", type=int, default=5)
    given = flags.parse_args()
    return int(bool(run(given.models, given.resident).failed))


if __name__ == "__main__":
    sys.exit(main())
