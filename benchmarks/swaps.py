"""What a swap does to the latency of those who ask meanwhile.

    make bench-swaps

A service follows an alias of a scikit-learn model over SQLite, and is asked for one row at a time,
at a constant quarter of the rate that it reaches at most. Windows of some seconds take turns: in
one the alias moves at its beginning, so that a version is fetched, loaded, warmed up and swapped
in, and the one before is ended; in the next nothing happens. Compared are the medians of the
windows' p99. Exit status 1: the ratio is over 1.5, a request failed or could not be sent when it
was due, or a swap did not end in its window.
"""

import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import mlflow
from mlflow.models import infer_signature
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from benchmarks import steady_load
from benchmarks.steady_load import Plan, Steady, Window
from benchmarks.tools import find_k6, find_wrk
from benchmarks.wrk import wrk
from tests.support import tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service

_NAME: Final = "iris"
_BODY: Final = b'{"dataframe_split":{"columns":["a","b","c","d"],"data":[[5.1,3.5,1.4,0.2]]}}'
_PEAK_SECONDS: Final = 5
_CONNECTIONS: Final = 64
_SHARE_OF_PEAK: Final = 0.25
_MOST_TIMES: Final = 1.5
_STOP_SECONDS: Final = 30
# As `podium serve` has them, but for the version before, which would make half of the moves free.
_ENVIRONMENT: Final = {
    "PODIUM_POLL_SECONDS": "1",
    "PODIUM_KEEP_WARM_SECONDS": "0",
    # Nothing of the version before is to be there when the next one comes.
    "PODIUM_BAKE_SECONDS": "0",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """Windows with a swap beside quiet ones; `swapped` is how many swaps ended in their window."""

    peak: float
    rate: int
    steady: Steady
    swapped: int

    @property
    def quiet(self) -> Sequence[Window]:
        """The windows in which nothing happened."""
        return self.steady.windows[1::2]

    @property
    def busy(self) -> Sequence[Window]:
        """The windows with a swap."""
        return self.steady.windows[::2]

    @property
    def times(self) -> float:
        """The median p99 with a swap, as a multiple of the quiet one."""
        return median_p99(self.busy) / median_p99(self.quiet)

    @property
    def kept(self) -> bool:
        """Every swap ended in its window, every request was answered, and none much later."""
        whole = not (self.steady.failed or self.steady.dropped) and self.swapped == len(self.busy)
        return whole and self.times <= _MOST_TIMES


def median_p99(windows: Sequence[Window]) -> float:
    """In milliseconds."""
    return statistics.median(window.p99_ms for window in windows)


def compare(swaps: int, window_seconds: float, program: Path) -> Compared:
    """The whole measurement by k6, whose program that is: twice as many windows as swaps."""
    with tempfile.TemporaryDirectory() as text, _served(Path(text)) as (service, registry):
        url = f"{service.url}/predict"
        body = Path(text) / "body.json"
        body.write_bytes(_BODY)
        peak = wrk(url, str(body), _CONNECTIONS, _PEAK_SECONDS).per_second
        plan = Plan.from_now(round(peak * _SHARE_OF_PEAK), 2 * swaps, window_seconds)
        summary = Path(text) / "summary.json"
        k6 = steady_load.start(plan, program, url, _BODY, summary)
        swapped = _swap_in_turn(service, registry, plan)
        told, _ = k6.communicate(timeout=_STOP_SECONDS)
        if not summary.exists():
            raise RuntimeError(f"k6 has measured nothing:\n{told}")
        steady = steady_load.read(plan, summary)
    return Compared(peak, plan.rate, steady, swapped)


def _swap_in_turn(service: RunningService, registry: Registry, plan: Plan) -> int:
    swapped, version = 0, 1
    for window in track(range(0, plan.windows, 2), "Swaps", console=Console(stderr=True)):
        plan.wait_for(window)
        before, version = len(service.events("swapped")), 3 - version
        registry.move("champion", str(version))
        plan.wait_for(window + 1)
        swapped += len(service.events("swapped")) == before + 1
    plan.wait_for(plan.windows)
    return swapped


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[tuple[RunningService, Registry]]:
    uri = f"sqlite:///{tracking.migrate(folder)}"
    registry = Registry(uri, _NAME)
    for number, strength in enumerate((1.0, 0.1)):
        registry.add(_trained(folder / str(number), strength))
    registry.move("champion", "1")
    with running_service([f"{_NAME}@champion"], uri, folder, **_ENVIRONMENT) as service:
        service.wait_until_ready()
        yield service, registry


def _trained(place: Path, strength: float) -> Path:
    rows, kinds = load_iris(return_X_y=True, as_frame=True)
    rows.columns = list("abcd")
    mlflow.sklearn.save_model(
        LogisticRegression(C=strength, max_iter=1000).fit(rows, kinds),
        str(place),
        signature=infer_signature(rows, kinds),
        input_example=rows.head(3),
        pip_requirements=["scikit-learn"],
    )
    return place


@click.command()
@click.option("--swaps", default=20, show_default=True, help="As many quiet windows are measured.")
@click.option("--window-seconds", default=4.0, show_default=True, help="Of each window.")
def main(swaps: int, window_seconds: float) -> None:
    """Prints the windows side by side, and the ratio of the medians of their p99."""
    tell = Console(stderr=True).print
    k6 = find_k6(tell)
    if k6 is None or not find_wrk(tell):
        raise click.ClickException("wrk and k6 are needed, and could not be installed")
    found = compare(swaps, window_seconds, k6)
    Console().print(table_of(found))
    click.echo(
        f"peak {found.peak:.0f} requests/s, asked for {found.rate}/s; "
        f"{found.steady.failed} failed, {found.steady.dropped} not sent; "
        f"{found.swapped} of {len(found.busy)} swaps ended in their window"
    )
    click.echo(f"median p99 with a swap: {found.times:.2f} times the quiet one")
    if not found.kept:
        sys.exit(1)


def table_of(found: Compared) -> Table:
    """A row for each kind of window: medians over the windows, in milliseconds."""
    table = Table(title="One row at a time, at a quarter of the peak; medians over windows")
    for heading in ("windows", "requests", "median ms", "p99 ms", "longest ms"):
        table.add_column(heading, justify="right" if heading != "windows" else "left")
    for name, windows in (("quiet", found.quiet), ("with a swap", found.busy)):
        table.add_row(
            f"{len(windows)} {name}",
            str(sum(window.requests for window in windows)),
            f"{statistics.median(window.median_ms for window in windows):.2f}",
            f"{median_p99(windows):.2f}",
            f"{statistics.median(window.longest_ms for window in windows):.2f}",
        )
    return table


if __name__ == "__main__":
    main()
