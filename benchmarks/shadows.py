"""What a shadow costs those whose requests it hears of, whatever it does.

    make bench-shadows

A service is asked for one row at a time, at a constant quarter of the rate that it reaches at most.
Windows of some seconds take turns: two without a shadow, and one with, after a pause in which it is
loaded. For each way in which a shadow may misbehave the medians of the windows' p50 and p99 are
compared with those of the first windows without; the second ones, compared alike, show what
chance does. Exit status 1: p50 with a shadow is over 1.1 times that without, or p99 over 1.25
times; a request failed or could not be sent when it was due; or a shadow heard of nothing.
"""

import contextlib
import statistics
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import httpx
from rich.console import Console
from rich.table import Table

from benchmarks import steady_load
from benchmarks.steady_load import Plan, Steady, Window
from benchmarks.tools import find_k6, find_wrk
from benchmarks.wrk import wrk
from service.rollout_tags import tag_name
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service

_NAME: Final = "doubling"
_REF: Final = f"{_NAME}@champion"
_SHADOW: Final = tag_name("shadow", "champion")
_BODY: Final = b'{"dataframe_split":{"columns":["x"],"data":[[1.5]]}}'
_KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "answers as the other": {"does": "well"},
    "hangs": {"does": "hang"},
    "crashes": {"does": "crash"},
    "eats memory": {"does": "eat"},
    "answers nonsense": {"does": "nonsense"},
    # What a call of the other takes is some 0.2 ms.
    "takes 100 times as long": {"does": "slow", "seconds": 0.02},
}
_QUIET, _AGAIN, _LOADING, _HEARING, _LEAVING = range(5)
_WINDOWS: Final = 5
_PEAK_SECONDS: Final = 5
_CONNECTIONS: Final = 64
_SHARE_OF_PEAK: Final = 0.25
_MOST_P50, _MOST_P99 = 1.1, 1.25
_SECONDS: Final = 120
_ENVIRONMENT: Final = {
    "PODIUM_POLL_SECONDS": "0.25",
    "PODIUM_HOST_MEMORY_BYTES": str(700 * 1024**2),
    "PODIUM_BAKE_SECONDS": "0",
}


@dataclass(frozen=True, slots=True)
class Ratios:
    """The median of some windows as a multiple of that of the first ones without a shadow."""

    p50: float
    p99: float

    @classmethod
    def of(cls, windows: Sequence[Window], quiet: Sequence[Window]) -> "Ratios":
        """Both."""
        return cls(
            _median(each.median_ms for each in windows) / _median(each.median_ms for each in quiet),
            _median(each.p99_ms for each in windows) / _median(each.p99_ms for each in quiet),
        )


@dataclass(frozen=True, slots=True)
class Beside:
    """One way to misbehave: windows with such a shadow beside those without, and its report."""

    kind: str
    steady: Steady
    report: Mapping[str, Any]

    def windows(self, place: int) -> Sequence[Window]:
        """Of every round the one at that place."""
        return self.steady.windows[place::_WINDOWS]

    @property
    def chance(self) -> Ratios:
        """Of windows without a shadow, too."""
        return Ratios.of(self.windows(_AGAIN), self.windows(_QUIET))

    @property
    def found(self) -> Ratios:
        """Of those with one."""
        return Ratios.of(self.windows(_HEARING), self.windows(_QUIET))

    @property
    def kept(self) -> bool:
        """Nobody has felt the shadow, and it has heard of requests."""
        whole = not (self.steady.failed or self.steady.dropped) and self.report["heard"] > 0
        return whole and self.found.p50 <= _MOST_P50 and self.found.p99 <= _MOST_P99


def measure(
    kinds: Collection[str], rounds: int, window_seconds: float, program: Path
) -> Iterator[Beside]:
    """Each kind in a service of its own, by k6, whose program that is."""
    for version, kind in enumerate(_KINDS, start=2):
        if kind not in kinds:
            continue
        with tempfile.TemporaryDirectory() as text, _served(Path(text)) as (service, registry):
            body = Path(text) / "body.json"
            body.write_bytes(_BODY)
            url = f"{service.url}/predict"
            peak = wrk(url, str(body), _CONNECTIONS, _PEAK_SECONDS).per_second
            rate = round(peak * _SHARE_OF_PEAK)
            plan = Plan.from_now(rate, _WINDOWS * rounds, window_seconds)
            summary = Path(text) / "summary.json"
            k6 = steady_load.start(plan, program, url, _BODY, summary)
            for each in range(rounds):
                _shadow_for_a_window(registry, plan, each * _WINDOWS, f"v{version}")
            plan.wait_for(plan.windows)
            told, _ = k6.communicate(timeout=_SECONDS)
            if not summary.exists():
                raise RuntimeError(f"k6 has measured nothing:\n{told}")
            found = httpx.get(f"{service.url}/models/{_REF}/shadow", trust_env=False).json()
            yield Beside(kind, steady_load.read(plan, summary), found["requests"])


def _shadow_for_a_window(registry: Registry, plan: Plan, first: int, version: str) -> None:
    plan.wait_for(first + _LOADING)
    registry.client.set_registered_model_tag(_NAME, _SHADOW, version)
    plan.wait_for(first + _LEAVING)
    registry.client.delete_registered_model_tag(_NAME, _SHADOW)


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[tuple[RunningService, Registry]]:
    uri = f"sqlite:///{tracking.migrate(folder)}"
    registry = Registry(uri, _NAME)
    for number, config in enumerate(({"does": "well"}, *_KINDS.values())):
        place = folder / str(number)
        place.mkdir()
        registry.add(models.save(place, "misbehaving", None, None, config=config))
    registry.move("champion", "1")
    with running_service([_REF], uri, folder, **_ENVIRONMENT) as service:
        service.wait_until_ready()
        yield service, registry


def _median(numbers: Iterator[float]) -> float:
    return statistics.median(numbers)


@click.command()
@click.option("--rounds", default=10, show_default=True, help="Windows of each kind.")
@click.option("--window-seconds", default=4.0, show_default=True, help="Of each window.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(_KINDS)), help="All.")
def main(rounds: int, window_seconds: float, kinds: Sequence[str]) -> None:
    """Prints for each kind of shadow the ratios of p50 and p99, and what the shadow has heard."""
    tell = Console(stderr=True).print
    k6 = find_k6(tell)
    if k6 is None or not find_wrk(tell):
        raise click.ClickException("wrk and k6 are needed, and could not be installed")
    found = []
    for each in measure(kinds or _KINDS, rounds, window_seconds, k6):
        found.append(each)
        tell(f"{each.kind}: {each.found}, by chance {each.chance}")
    Console(width=140).print(table_of(found))
    if not all(each.kept for each in found):
        sys.exit(1)


def table_of(found: Sequence[Beside]) -> Table:
    """A row for each kind of shadow."""
    table = Table(title="One row at a time, at a quarter of the peak; medians over windows")
    headings = ("shadow", "requests/window", "p50 ms", "p99 ms", "p50 times", "p99 times")
    for heading in (*headings, "chance p50, p99", "heard", "compared", "failed", "dropped"):
        table.add_column(heading, justify="left" if heading == "shadow" else "right")
    for each in found:
        quiet, report = each.windows(_QUIET), each.report
        dropped = sum(one["count"] for one in report["dropped"].values())
        table.add_row(
            each.kind,
            f"{statistics.median(one.requests for one in quiet):.0f}",
            f"{statistics.median(one.median_ms for one in quiet):.2f}",
            f"{statistics.median(one.p99_ms for one in quiet):.2f}",
            f"{each.found.p50:.2f}",
            f"{each.found.p99:.2f}",
            f"{each.chance.p50:.2f}, {each.chance.p99:.2f}",
            str(report["heard"]),
            str(report["compared"]),
            str(sum(report["shadow_failed_alone"].values())),
            str(dropped),
        )
    return table


if __name__ == "__main__":
    main()
