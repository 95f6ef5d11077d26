"""Swaps versions under load, with faults drawn at random, and says what came of it.

make soak        1,000 swaps with each of three seeds; or: .venv/bin/python -m tests.soak --help

Ctrl-C or SIGTERM after the first swaps ends it early, with the counts so far and exit status 1.
"""

import logging
import os
import signal
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from tests.soak.figures import draw
from tests.soak.whole import Result, soaked


@click.command()
@click.option("--swaps", default=1000, show_default=True, help="How often the alias is moved.")
@click.option("--first", default=50, show_default=True, help="Swaps before memory is compared.")
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    default=(1,),
    show_default=True,
    help="Each one draws other faults, on a service of its own. May be given several times.",
)
@click.option(
    "--plot",
    default=Path("soak.png"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Latency and memory over time; one of each seed, with the seed in its name.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Also writes there what is printed."
)
def main(swaps: int, first: int, seeds: tuple[int, ...], plot: Path, output: Path | None) -> None:
    """Exit with 1 for a wrong answer, a failure that nobody has caused, or growth."""
    # Also in the background of a script, where a shell has interrupts ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=UserWarning, module="mlflow")
    printed = [f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores"]
    passed = True
    for seed in seeds:
        result = _shown(seed, swaps, first)
        draw(result.record, plot.with_stem(f"{plot.stem}-{seed}"))
        passed = passed and result.passed(swaps)
        printed += [f"\nseed {seed}: {'passed' if result.passed(swaps) else 'FAILED'}"]
        printed += result.lines()
        if output is not None:
            output.write_text("\n".join([*printed, ""]))
        if result.interrupted:
            break
    click.echo("\n".join(printed))
    sys.exit(0 if passed else 1)


def _shown(seed: int, swaps: int, first: int) -> Result:
    columns = (MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*Progress.get_default_columns()[:2], *columns, console=console) as shown:
        task = shown.add_task(f"Swaps, seed {seed}", total=swaps)
        return soaked(seed, swaps, first, lambda: shown.advance(task))


if __name__ == "__main__":
    main()
