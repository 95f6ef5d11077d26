"""What an environment of a version's own costs, in time and in memory.

    make bench-environments

One scikit-learn model, logged with this environment's own pins. Podium serves it in an environment
of its own: built with nothing downloaded before (cold), built from what was downloaded (warm),
there already (cached); then a second version of equal requirements; and once in Podium's own
environment. `mlflow models serve` serves the same model by each of its environment managers, twice.
Memory is that of every process, shared pages counted once.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click
import httpx
import mlflow
from mlflow.models import infer_signature
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from benchmarks.machine import this_machine
from benchmarks.processes import pss_bytes
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.tracking import copy_database, free_port, migrate
from tests.support.waiting import wait_until

_WIDTH: Final = 110
_NAME, _REF = "iris", "iris@champion"
_PINNED: Final = ("mlflow", "scikit-learn", "pandas", "numpy")
_OWN: Final = {"PODIUM_ENV_MANAGER": "uv"}
_SHARED: Final = {"PODIUM_ENV_MANAGER": "local"}
_MANAGERS: Final = ("uv", "virtualenv")
_SECONDS: Final = 1800.0
_MIB: Final = 1024**2
_CACHE: Final = "uv-cache"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one start, or one move of the alias: seconds, and the memory of all processes then."""

    what: str
    environment: float | None
    load: float | None
    seconds: float
    memory: int


def save(folder: Path) -> Path:
    """The model, as MLflow saves it."""
    rows, kinds = load_iris(return_X_y=True, as_frame=True)
    mlflow.sklearn.save_model(
        LogisticRegression(max_iter=1000).fit(rows, kinds),
        folder / "model",
        signature=infer_signature(rows, kinds),
        input_example=rows.head(3),
        pip_requirements=[f"{name}=={version(name)}" for name in _PINNED],
    )
    return folder / "model"


def podium(registry: Registry, place: Path, home: Path) -> Iterator[Cost]:
    """Cold, warm, cached, a second version; then in Podium's own environment."""
    for what in ("cold", "warm", "cached"):
        with _served(registry, home, _OWN) as service:
            yield _cost(f"own environment, {what}", service)
            if what == "cached":
                registry.add(place, "champion")
                wait_until(lambda: len(service.events("swapped")) > 1, _SECONDS, "it is swapped in")
                yield _cost("a second version of equal requirements", service)
        if what == "cold":
            _forget_built(home / "podium" / "environments")
    with _served(registry, home, _SHARED) as service:
        yield _cost("Podium's own environment", service)


def _forget_built(environments: Path) -> None:
    """All but what was downloaded."""
    for each in environments.iterdir():
        if each.is_dir() and each.name != _CACHE:
            shutil.rmtree(each)


@contextmanager
def _served(
    registry: Registry, home: Path, settings: Mapping[str, str]
) -> Iterator[RunningService]:
    with running_service([_REF], registry.tracking_uri, home, **settings) as service:
        # Longer than a start takes that builds nothing.
        wait_until(lambda: service.events("swapped"), _SECONDS, lambda: str(service.log))
        yield service


def _cost(what: str, service: RunningService) -> Cost:
    stages = service.events("swapped")[-1]["seconds"]
    memory = pss_bytes(service.process.pid)
    return Cost(what, stages.get("environment"), stages["load"], sum(stages.values()), memory)


def peers(place: Path, folder: Path) -> Iterator[Cost | str]:
    """`mlflow models serve`, by each manager, with nothing there and then with what it has made."""
    for manager in _MANAGERS:
        for what in ("cold", "cached"):
            yield _mlflow(f"mlflow models serve, {manager}, {what}", manager, place, folder)


def _mlflow(what: str, manager: str, place: Path, folder: Path) -> Cost | str:
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(place)]
    command += ["--port", str(port), "--env-manager", manager]
    began, log = time.monotonic(), folder / f"{manager}.log"
    roots = {"MLFLOW_ENV_ROOT": str(folder / manager), "UV_CACHE_DIR": str(folder / "uv")}
    with log.open("wb") as printed:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(roots),
            stdout=printed,
            stderr=printed,
            start_new_session=True,
        )
    try:
        wait_until(lambda: server.poll() is not None or _answers(port), _SECONDS, what)
        if server.poll() is not None:
            return f"{what}: {(log.read_text().strip().splitlines() or ['it ended'])[-1]}"
        return Cost(what, None, None, time.monotonic() - began, pss_bytes(server.pid))
    finally:
        _end(server)


def _environment(more: Mapping[str, str]) -> Mapping[str, str]:
    beside = str(Path(sys.executable).parent)
    return {**os.environ, **more, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}


def _answers(port: int) -> bool:
    try:
        return (
            httpx.get(f"http://127.0.0.1:{port}/ping", trust_env=False).status_code
            == httpx.codes.OK
        )
    except httpx.TransportError:
        return False


def _end(server: "subprocess.Popen[bytes]") -> None:
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def print_costs(costs: list[Cost], console: Console) -> None:
    """One table."""
    table = Table("", "environment s", "load s", "in all s", "memory MiB")
    for each in costs:
        parts = ["" if part is None else f"{part:.2f}" for part in (each.environment, each.load)]
        table.add_row(each.what, *parts, f"{each.seconds:.2f}", f"{each.memory / _MIB:.0f}")
    console.print(table)


@click.command()
@click.option("--peers/--no-peers", "with_peers", default=True, help="Also mlflow models serve.")
def main(*, with_peers: bool) -> None:
    """Prints what it costs, on this machine as busy as it is."""
    console, failed = Console(width=_WIDTH), list[str]()
    machine = this_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = save(folder)
        database = copy_database(migrate(folder), folder)
        registry = Registry(f"sqlite:///{database}", _NAME)
        registry.add(place, "champion")
        costs = list(podium(registry, place, folder))
        for found in peers(place, folder) if with_peers else ():
            if isinstance(found, Cost):
                costs.append(found)
            else:
                failed.append(found)
    console.print(str(machine))
    print_costs(costs, console)
    for each in failed:
        console.print(f"not measured: {each}")


if __name__ == "__main__":
    main()
