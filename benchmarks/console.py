"""What open consoles cost the front of a service, in processor time a request.

    make bench-console

wrk asks for one row at a time, as fast as 64 connections go. Rounds take turns: in each there are
two windows without a page, and one with ten open pages, in an order that changes from round to
round. The front's processor time (all its threads, no other process of the service) is divided by
the requests of the window; the pages are read by a process of their own. The second window without
a page, compared with the first one alike, shows what chance does. At the end nobody asks anything,
and what ten pages take then is told by the second. Exit status 1: the median of the rounds' ratios
is over 1.05, a page has ended or has been told nothing, or a request failed.
"""

import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks.processes import own_cpu_seconds
from benchmarks.tools import find_wrk
from benchmarks.wrk import wrk
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service

_REF: Final = "doubling@champion"
_BODY: Final = b'{"dataframe_split":{"columns":["x"],"data":[[1.5]]}}'
_CONNECTIONS: Final = 64
_PAGES: Final = 10
_MOST: Final = 1.05
_IDLE_SECONDS: Final = 10.0
# Each round begins with another of these: quiet, quiet again, watched.
_KINDS: Final = ("quiet", "again", "watched")
# Reads whatever comes; one line for each page that has been told something, and for each that ends.
_READER: Final = """
import selectors, socket, sys
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
selector = selectors.DefaultSelector()
for number in range(count):
    page = socket.create_connection((host, port))
    page.sendall(b"GET /console/events HTTP/1.1\\r\\nHost: podium\\r\\n\\r\\n")
    selector.register(page, selectors.EVENT_READ)
told = {}
while True:
    for key, _ in selector.select():
        got = key.fileobj.recv(1 << 20)
        if not got:
            print("ended", flush=True)
            selector.unregister(key.fileobj)
        elif b"event: " in got and key.fd not in told:
            told[key.fd] = True
            print("told", flush=True)
"""


@dataclass(frozen=True, slots=True)
class WindowCost:
    """One window: its requests, and the front's processor seconds."""

    kind: str
    requests: int
    cpu_seconds: float

    @property
    def microseconds(self) -> float:
        """Of the front, a request."""
        return 1e6 * self.cpu_seconds / self.requests


@dataclass(frozen=True, slots=True)
class ConsoleCost:
    """All windows in rounds of three, and what ten pages take by the second while nobody asks."""

    windows: Sequence[WindowCost]
    idle_quiet: float
    idle_watched: float

    def ratios(self, kind: str) -> Sequence[float]:
        """Of each round: that window's cost as a multiple of the first one without a page."""
        of_kind = {
            each: [one.microseconds for one in self.windows if one.kind == each] for each in _KINDS
        }
        pairs = zip(of_kind[kind], of_kind[_KINDS[0]], strict=True)
        return [found / quiet for found, quiet in pairs]

    @property
    def kept(self) -> bool:
        """Whether it is no more than it may be."""
        return statistics.median(self.ratios("watched")) <= _MOST


def measure(rounds: int, window_seconds: int) -> ConsoleCost:
    """On a service of one model, started here. Raises `RuntimeError`."""
    with tempfile.TemporaryDirectory() as text, _served(Path(text)) as service:
        body = Path(text) / "body.json"
        body.write_bytes(_BODY)
        _window(service, body, "warm", window_seconds)
        windows = []
        for number in range(rounds):
            for place in range(len(_KINDS)):
                kind = _KINDS[(number + place) % len(_KINDS)]
                with _pages(service) if kind == "watched" else contextlib.nullcontext():
                    windows.append(_window(service, body, kind, window_seconds))
        idle_quiet = _idle(service)
        with _pages(service):
            idle_watched = _idle(service)
        return ConsoleCost(windows, idle_quiet, idle_watched)


def _window(service: RunningService, body: Path, kind: str, seconds: int) -> WindowCost:
    pid = service.process.pid
    before = own_cpu_seconds(pid)
    seen = wrk(f"{service.url}/predict", str(body), _CONNECTIONS, seconds)
    if seen.failed:
        raise RuntimeError(f"{seen.failed} requests failed")
    return WindowCost(kind, seen.requests, own_cpu_seconds(pid) - before)


def _idle(service: RunningService) -> float:
    before = own_cpu_seconds(service.process.pid)
    time.sleep(_IDLE_SECONDS)
    return (own_cpu_seconds(service.process.pid) - before) / _IDLE_SECONDS


@contextlib.contextmanager
def _pages(service: RunningService) -> Iterator[None]:
    """Ten of them, each told how everything is; every one must be open still at the end."""
    host, _, port = service.url.removeprefix("http://").rpartition(":")
    command = [sys.executable, "-S", "-c", _READER, host, port, str(_PAGES)]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        said = [line.strip() for line in islice(reader.stdout or (), _PAGES)]
        if said != ["told"] * _PAGES:
            raise RuntimeError(f"pages were not told anything: {said}")
        yield
    finally:
        reader.terminate()
        rest, _ = reader.communicate()
    if "ended" in rest:
        raise RuntimeError("a page has ended")


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[RunningService]:
    uri = f"sqlite:///{tracking.migrate(folder)}"
    registry = Registry(uri, "doubling")
    place = folder / "model"
    place.mkdir()
    registry.add(models.save(place, "misbehaving", None, None, config={"does": "well"}))
    registry.move("champion", "1")
    environment = {"PODIUM_POLL_SECONDS": "1", "PODIUM_REQUEST_LOG": "false"}
    with running_service([_REF], uri, folder, **environment) as service:
        service.wait_until_ready()
        yield service


def table_of(cost: ConsoleCost) -> Table:
    """A row for each kind of window."""
    table = Table(title=f"One row, {_CONNECTIONS} connections; medians over rounds")
    for heading in ("", "requests/window", "front's µs a request", "times the first", "from", "to"):
        table.add_column(heading, justify="right" if heading else "left")
    names = dict(zip(_KINDS, ("no page", "no page, again", f"{_PAGES} pages"), strict=True))
    for kind, name in names.items():
        windows = [each for each in cost.windows if each.kind == kind]
        ratios = cost.ratios(kind)
        table.add_row(
            name,
            f"{statistics.median(each.requests for each in windows):.0f}",
            f"{statistics.median(each.microseconds for each in windows):.1f}",
            f"{statistics.median(ratios):.3f}",
            f"{min(ratios):.3f}",
            f"{max(ratios):.3f}",
        )
    return table


@click.command()
@click.option("--rounds", default=15, show_default=True, help="Of three windows each.")
@click.option("--window-seconds", default=4, show_default=True, help="Of each window.")
def main(rounds: int, window_seconds: int) -> None:
    """Prints what a request costs the front with ten open pages and without."""
    if not find_wrk(Console(stderr=True).print):
        raise click.ClickException("wrk is needed, and could not be installed")
    cost = measure(rounds, window_seconds)
    printed = Console(width=120)
    printed.print(table_of(cost))
    printed.print(
        f"While nobody asks, the front takes {1000 * cost.idle_quiet:.1f} ms of processor time a "
        f"second, with {_PAGES} pages {1000 * cost.idle_watched:.1f} ms."
    )
    if not cost.kept:
        sys.exit(1)


if __name__ == "__main__":
    main()
