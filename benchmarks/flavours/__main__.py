"""Podium beside `mlflow models serve` with a model of each flavour, both in one environment.

    make bench-flavours
    python -m benchmarks.flavours --flavour onnx --flavour xgboost --seconds 1 --rounds 3

Podium is measured beside itself first: no bound is nearer to 1 than twice that spread. What cannot
be installed or made is left out and named. Exit status 1: an answer was wrong, or a bound missed.
"""

import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from benchmarks.flavours.bounds import Verdict, verdict
from benchmarks.flavours.environment import NotInstalledError
from benchmarks.flavours.figures import FlavourBenchmarks, write_flavours
from benchmarks.flavours.flavour import FLAVOURS, named
from benchmarks.flavours.measuring import Length, NotComparedError
from benchmarks.flavours.plot import draw_flavours
from benchmarks.flavours.report import print_flavours
from benchmarks.flavours.run import FAILURES, Run
from benchmarks.tools import find_wrk

_CONSOLE: Final = Console(stderr=True, highlight=False)
_KEYS: Final = click.Choice([each.key for each in FLAVOURS])
_WIDE: Final = 160
_AT_LEAST_ONE: Final = click.IntRange(min=1)


@click.command()
@click.option("--flavour", "keys", multiple=True, type=_KEYS, help="Only this.")
@click.option("--rounds", type=_AT_LEAST_ONE, default=5, show_default=True, help="Of each server.")
@click.option("--seconds", type=_AT_LEAST_ONE, default=3, show_default=True, help="Of each round.")
@click.option("--with-torch", is_flag=True, help="Also where pip brings several GB with it.")
@click.option("--json", "figures", type=click.Path(path_type=Path), help="Write figures there.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw them there (.svg or .png).")
def main(  # noqa: PLR0913, PLR0917 - one for each option
    keys: tuple[str, ...],
    rounds: int,
    seconds: int,
    with_torch: bool,  # noqa: FBT001 - click gives it by name
    figures: Path | None,
    plot: Path | None,
) -> None:
    """Measure Podium beside `mlflow models serve`, one row of each flavour, 32 connections."""
    # Ended from outside, it ends the servers that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if not find_wrk(_tell):
        sys.exit("wrk is not there (apt-get install wrk)")
    run = Run(named(keys), Length(rounds, seconds), _tell, with_torch=with_torch)
    try:
        with tempfile.TemporaryDirectory(prefix="podium-bench-") as folder:
            found = run.measured(Path(folder))
    except (NotInstalledError, NotComparedError, *FAILURES) as error:
        sys.exit(str(error))
    # A file has no width of its own.
    print_flavours(found, Console(width=None if sys.stdout.isatty() else _WIDE))
    # Figures beside which an answer was wrong are not kept.
    if figures is not None and not found.failed:
        write_flavours(found, figures)
    if plot is not None and not found.failed:
        draw_flavours(found, plot)
    sys.exit(_is_bad(found))


def _is_bad(found: FlavourBenchmarks) -> bool:
    verdicts = [verdict(each, found.same.spread) for each in found.flavours]
    return bool(found.failed) or not verdicts or Verdict.MISSED in verdicts


def _tell(words: str) -> None:
    _CONSOLE.print(words, markup=False)


if __name__ == "__main__":
    main()
