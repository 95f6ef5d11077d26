"""What an environment of a version's own costs: to build, to start, in memory, and at each request.

    make bench-environments

An iris model asks for exactly what Podium itself has. Podium serves it in an environment that it
builds with an empty home, with what was fetched then, and as it lies there; then its alias moves to
other libraries that lie there, and to the same ones. `mlflow models serve` builds one by uv and by
virtualenv, and again where that is there. Then one row is asked for on 64 connections, in turn of
an own environment and of two services that share Podium's. Exit status 1: the own one's rate is
further from the shared one's than twice what those two are apart.
"""

import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click
import httpx
import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from benchmarks.processes import pss_bytes, tree
from benchmarks.tools import find_wrk
from benchmarks.wrk import wrk
from tests.environments.eras import public_index
from tests.support import tracking
from tests.support.registered import Registry
from tests.support.server_process import ServerProcess
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

_NAME: Final = "iris"
_REF: Final = f"{_NAME}@champion"
_LIBRARIES: Final = ("mlflow", "scikit-learn", "pandas")
_BODY: Final = b'{"dataframe_split":{"columns":["a","b","c","d"],"data":[[5.1,3.5,1.4,0.2]]}}'
_CONNECTIONS: Final = 64
_MEGABYTE: Final = 1024**2
_SPREADS: Final = 2
_LINE_SECONDS: Final = 60
_LOOK_SECONDS: Final = 0.02
# None of the others needs it: with it the libraries are other ones.
_MORE: Final = "tabulate"
_KEY_DIGITS: Final = 64
_SERVICES: Final = ("shared", "shared again", "own")

Tell = Callable[[str], None]


@click.command()
@click.option("--rounds", default=10, show_default=True, help="Of requests, for each service.")
@click.option("--seconds", default=4, show_default=True, help="Of each round.")
@click.option("--peers/--no-peers", default=True, help="Whether mlflow models serve is measured.")
@click.option("--output", type=click.Path(path_type=Path), help="Written beside what is printed.")
def main(rounds: int, seconds: int, output: Path | None, *, peers: bool) -> None:
    """Prints a line for each figure."""
    lines: list[str] = []

    def tell(line: str) -> None:
        click.echo(line)
        lines.append(line)

    if not find_wrk(click.echo):
        raise click.ClickException("wrk is needed, and could not be installed")
    with tempfile.TemporaryDirectory(prefix="bench-environments-") as text:
        folder = Path(text)
        tell(f"{time.strftime('%Y-%m-%d', time.gmtime())} {', '.join(_pins())}")
        place = _trained(folder / "model", _pins())
        uri = f"sqlite:///{tracking.migrate(folder)}"
        registry = Registry(uri, _NAME)
        registry.add(place, "champion")
        _starts(uri, folder, tell)
        _swaps(registry, folder, tell)
        if peers:
            _peers(place, folder, tell)
        kept = _rates(uri, folder, rounds, seconds, tell)
    if output is not None:
        output.write_text("".join(f"{line}\n" for line in lines))
    sys.exit(not kept)


def _pins() -> list[str]:
    return [f"{name}=={version(name)}" for name in _LIBRARIES]


def _trained(place: Path, requirements: Sequence[str]) -> Path:
    rows, kinds = load_iris(return_X_y=True, as_frame=True)
    rows.columns = list("abcd")
    mlflow.sklearn.save_model(
        LogisticRegression(max_iter=1000).fit(rows, kinds),
        str(place),
        signature=infer_signature(rows, kinds),
        input_example=rows.head(3),
        pip_requirements=list(requirements),
    )
    return place


def _starts(uri: str, folder: Path, tell: Tell) -> None:
    """Podium's: from nothing, from what was fetched, from what lies there."""
    home = _home(folder, "own")
    environments = home / "podium" / "environments"
    for called in ("cold", "warm", "cached"):
        _forget(environments, built=called == "warm")
        began = time.monotonic()
        with _service(uri, home, "own") as service:
            ready = time.monotonic() - began
            # Lines come through a pipe, and may be later than what they tell of.
            wait_until(lambda: service.events("swapped"), _LINE_SECONDS, "the swap is told")
            stages = service.events("swapped")[-1]["seconds"]
            held = pss_bytes(service.process.pid) / _MEGABYTE
            own = sum(_own_bytes(service, environments)) / _MEGABYTE
        tell(
            f"podium, {called}: ready after {ready:.1f} s ({_listed(stages)}); {held:.0f} MB in all"
        )
        tell(f"  of which the environment's zygote and host: {own:.0f} MB")


def _swaps(registry: Registry, folder: Path, tell: Tell) -> None:
    """From a move to the first answer: to other libraries that lie there, and to the same again."""
    place = _trained(folder / "other", [*_pins(), _MORE])
    other, same = registry.add(place), registry.add(place)
    home = _home(folder, "own")
    registry.move("champion", other)
    with _service(registry.tracking_uri, home, "own"):
        pass  # its environment is there from now on
    registry.move("champion", "1")
    with _service(registry.tracking_uri, home, "own") as service:
        wait_until(lambda: service.events("swapped"), _LINE_SECONDS, "the start is told")
        for called, version in (("cached", other), ("equal requirements", same)):
            tell(f"podium, a swap, {called}: {_swapped(registry, version, service)}")
    registry.move("champion", "1")


def _swapped(registry: Registry, version: str, service: RunningService) -> str:
    before = len(service.events("swapped"))
    began = time.monotonic()
    registry.move("champion", version)
    with httpx.Client(base_url=service.url, trust_env=False, timeout=60) as client:
        while client.post("/predict", content=_BODY).headers["podium-version"] != version:
            time.sleep(_LOOK_SECONDS)
    took = time.monotonic() - began
    wait_until(lambda: len(service.events("swapped")) > before, _LINE_SECONDS, "the swap is told")
    stages = service.events("swapped")[-1]["seconds"]
    return f"the first answer after {took:.2f} s ({_listed(stages)})"


def _listed(stages: Mapping[str, float]) -> str:
    return ", ".join(f"{stage} {took:.2f} s" for stage, took in stages.items())


def _forget(environments: Path, *, built: bool) -> None:
    """All but environments, as in a new home; those too, if wanted, but not what was fetched."""
    for each in environments.parent.glob("*"):
        if each.is_dir() and each != environments:
            shutil.rmtree(each)
    for each in environments.glob("*") if built else ():
        if each.is_dir() and len(each.name) == _KEY_DIGITS:
            shutil.rmtree(each)


def _own_bytes(service: RunningService, environments: Path) -> Iterator[int]:
    """Of each process of an interpreter below that folder, itself alone."""
    for pid in tree(service.process.pid):
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if command.startswith(bytes(environments)):
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                line = next(each for each in rollup.splitlines() if each.startswith("Pss:"))
                yield int(line.split()[1]) * 1024


def _peers(place: Path, folder: Path, tell: Tell) -> None:
    for manager in ("uv", "virtualenv"):
        roots = folder / f"mlflow-{manager}"
        roots.mkdir()
        # MLflow looks for uv there.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        given = {
            **public_index(),
            "PATH": path,
            "MLFLOW_ENV_ROOT": str(roots),
            "UV_CACHE_DIR": str(roots / "c"),
        }
        for called in ("cold", "cached"):
            server = _mlflow(place, manager, roots, given)
            began = time.monotonic()
            try:
                server.start()
            except AssertionError as error:
                tell(f"mlflow models serve --env-manager {manager}: {str(error)[-300:]!r}")
                break
            took = time.monotonic() - began
            held = _held_by(server) / _MEGABYTE
            server.stop()
            tell(
                f"mlflow models serve --env-manager {manager}, {called}: ready after {took:.1f} s; "
                f"{held:.0f} MB in all"
            )


def _mlflow(
    place: Path, manager: str, folder: Path, environment: Mapping[str, str]
) -> ServerProcess:
    port = tracking.free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "models", "serve", "-m", str(place)),
        *("--env-manager", manager, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
    ]
    answers = tracking.answering(f"http://127.0.0.1:{port}/ping")
    return ServerProcess(f"serve-{port}", command, folder, answers, environment)


def _held_by(server: ServerProcess) -> int:
    process = server._process  # noqa: SLF001 - nobody else asks for it
    return 0 if process is None else pss_bytes(process.pid)


def _rates(uri: str, folder: Path, rounds: int, seconds: int, tell: Tell) -> bool:
    """Whether the own environment's is as near the shared one's as two shared ones are."""
    body = folder / "body.json"
    body.write_bytes(_BODY)
    found: dict[str, list[float]] = {name: [] for name in _SERVICES}
    with contextlib.ExitStack() as running:
        services = {
            name: running.enter_context(_service(uri, _home(folder, name), name))
            for name in _SERVICES
        }
        for number in range(rounds):
            # Whoever comes first has a quieter machine, or a busier one.
            turn = _SERVICES[number % len(_SERVICES) :] + _SERVICES[: number % len(_SERVICES)]
            for name in turn:
                url = f"{services[name].url}/predict"
                seen = wrk(url, str(body), _CONNECTIONS, seconds)
                if seen.failed:
                    raise click.ClickException(f"{seen.failed} requests have failed")
                found[name].append(seen.per_second)
    return _compared(found, tell)


def _compared(found: Mapping[str, Sequence[float]], tell: Tell) -> bool:
    for name, rates in found.items():
        tell(
            f"{name}: {statistics.median(rates):.0f} requests/s of {_CONNECTIONS} connections, "
            f"{min(rates):.0f} to {max(rates):.0f} in {len(rates)} rounds"
        )
    shared = found["shared"]
    alike = [a / b for a, b in zip(found["shared again"], shared, strict=True)]
    other = [a / b for a, b in zip(found["own"], shared, strict=True)]
    spread = statistics.pstdev(alike) if len(alike) > 1 else 0.0
    apart = abs(statistics.median(other) - 1)
    tell(
        f"own to shared {statistics.median(other):.3f}; shared again to shared "
        f"{statistics.median(alike):.3f}, spread {spread:.3f}"
    )
    return apart <= _SPREADS * spread


def _home(folder: Path, name: str) -> Path:
    home = folder / name.replace(" ", "-")
    home.mkdir(exist_ok=True)
    return home


@contextlib.contextmanager
def _service(uri: str, home: Path, name: str) -> Iterator[RunningService]:
    manager = "uv" if name == "own" else "local"
    given = {**public_index(), "PODIUM_ENV_MANAGER": manager}
    with running_service([_REF], uri, home, **given) as service:
        service.wait_until_ready()
        answer = httpx.post(
            f"{service.url}/predict", json=json.loads(_BODY), trust_env=False, timeout=60
        ).raise_for_status()
        answer.read()
        yield service


if __name__ == "__main__":
    main()
