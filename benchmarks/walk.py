"""Which files of the front one request goes through, and which one move of an alias.

    make walk
    .venv/bin/python -m benchmarks.walk --tree ANOTHER_CHECKOUT

A service with a real model is asked until it is warm; then the files that its front enters are
written down in the order of their first function: for one `POST /predict`, and from the move of the
alias to a version that was never fetched until the version before has ended. A room is the folder
below `service/`, or a file that lies there; a change of room is a file of another room than the
file before it.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import click
import httpx

from benchmarks.iris_versions import ROW, IrisVersions
from benchmarks.podium_process import ready_url
from tests.support.authenticated import environment
from tests.support.tracking import copy_database, migrate

_ROOT: Final = Path(__file__).parents[1]
_PROGRAM: Final = Path(__file__).with_name("walked_service.py")
_WARM_UP: Final = 50
# A look at the registry may come in between: what several walks have in common is the request's.
_REQUESTS: Final = 10
_LOOK_SECONDS: Final = 0.005
_WAIT_SECONDS: Final = 120.0
# The version before ends as soon as nobody uses it, which ends the walk of a move.
_SETTINGS: Final = {
    "PODIUM_KEEP_WARM_SECONDS": "0",
    "PODIUM_BAKE_SECONDS": "0",
    "PODIUM_REQUEST_LOG": "true",
}


@dataclass(frozen=True, slots=True)
class Walked:
    """A service that writes down its ways."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def walk(self, step: Callable[[], object]) -> Sequence[str]:
        """The files entered from before the step until after it."""
        self.until("walk_began", partial(self.process.send_signal, signal.SIGUSR1))
        step()
        ended = self.until("walked", partial(self.process.send_signal, signal.SIGUSR2))
        return list(ended["files"])

    def until(self, event: str, step: Callable[[], object]) -> Mapping[str, Any]:
        """Takes the step and waits until the log tells that event."""
        before = self.log.stat().st_size
        step()
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline:
            lines = self.log.read_bytes()[before:].splitlines(keepends=True)
            whole = [line for line in lines if line.startswith(b"{") and line.endswith(b"\n")]
            found = [line for line in map(json.loads, whole) if line.get("event") == event]
            if found:
                return dict(found[0])
            time.sleep(_LOOK_SECONDS)
        raise RuntimeError(f"the log tells of no `{event}`:\n{self.log.read_text()}")


def room(file: str) -> str:
    """The folder below `service/`, or the file's own name."""
    return file.partition("/")[0].removesuffix(".py")


def changes(files: Sequence[str]) -> int:
    """How many files are of another room than the one before."""
    return sum(room(one) != room(other) for one, other in pairwise(files))


@contextmanager
def walked_service(tree: Path, tracking_uri: str, folder: Path) -> Iterator[tuple[Walked, str]]:
    """A ready service of that checkout, and its address."""
    log = folder / "log"
    mine = {"MLFLOW_TRACKING_URI": tracking_uri, "PODIUM_HOME": str(folder / "podium")}
    # Children are started by this interpreter too, whose `service` is its checkout's.
    python = str(tree / ".venv/bin/python") if tree != _ROOT else sys.executable
    command = [python, "-P", str(_PROGRAM), "serve", "--port", "0"]
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*command, "--model", "iris@champion"],
            env=os.environ | mine | _SETTINGS,
            stderr=written,
        )
    try:
        yield Walked(process, log), ready_url(process, log)
    finally:
        process.terminate()
        process.wait()


def walks(tree: Path) -> tuple[Sequence[str], Sequence[str]]:
    """The files of one request, and of one move of the alias."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        uri = f"sqlite:///{copy_database(migrate(folder), folder)}"
        with environment({"MLFLOW_TRACKING_URI": uri}):
            registry = IrisVersions(uri).registered("iris", 2)
        with walked_service(tree, uri, folder) as (service, url):
            with httpx.Client(base_url=url, trust_env=False) as client:

                def ask() -> None:
                    client.post("/predict", json=ROW).raise_for_status()

                for _ in range(_WARM_UP):
                    ask()
                logged = partial(service.until, "request", ask)
                each = [service.walk(logged) for _ in range(_REQUESTS)]
            move = partial(registry.move, "champion", "2")
            moved = service.walk(partial(service.until, "retired", move))
    common = set(each[0]).intersection(*each)
    return [file for file in min(each, key=len) if file in common], moved


def table(title: str, files: Sequence[str]) -> Iterator[str]:
    """A line for each file, those of another room than before with the room's name."""
    yield f"{title}: {len(files)} files, {changes(files)} changes of room"
    for before, file in pairwise(["", *files]):
        named = room(file) if room(file) != room(before) else ""
        yield f"  {named:<12} service/{file}"


@click.command()
@click.option(
    "--tree",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=_ROOT,
    help="A checkout with a .venv of its own, whose service is walked; this one if not given.",
)
def main(tree: Path) -> None:
    """Print the way of one request and of one move of an alias through the front's files."""
    asked, moved = walks(tree.resolve())
    for line in (*table("POST /predict", asked), "", *table("A move of the alias", moved)):
        click.echo(line)


if __name__ == "__main__":
    main()
