"""Podium beside other servers, on the same machine, model and requests, in one run.

    make bench
    make bench-quick

Servers are loaded one at a time, in turns, so that a slow moment of the machine slows all of them;
figures are medians of the rounds. No server is pinned to a core, and the load generator shares the
cores with it. Exit status 1: an answer was wrong. A ratio that was not reached is in the table.
"""

import contextlib
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.cases import prepared
from benchmarks.checking import WrongAnswerError
from benchmarks.figures import Benchmarks, write_figures
from benchmarks.machine import this_machine
from benchmarks.peers import BareAsgi, EmptyFastApi, MlflowServe, MlServer, Peer, Podium
from benchmarks.plan import EVERY_PEER, FULL, QUICK, Plan, narrowed
from benchmarks.plot import draw
from benchmarks.report import print_report
from benchmarks.rounds import Rounds, steps
from benchmarks.tools import find_k6, find_mlserver, find_wrk
from benchmarks.tracking import tracking_server

_CONSOLE = Console(stderr=True)


def _peers(keys: set[str], skipped: list[str]) -> Mapping[str, Peer]:
    found: list[Peer] = [Podium(), MlflowServe(), EmptyFastApi(), BareAsgi()]
    if "mlserver" in keys:
        program = find_mlserver(_CONSOLE.print)
        if program is None:
            skipped.append("MLServer: it could not be installed")
        else:
            found.append(MlServer(program))
    return {peer.key: peer for peer in found if peer.key in keys}


def _k6(plan: Plan, skipped: list[str]) -> Path | None:
    if not any(load.constant for load in plan.loads):
        return None
    program = find_k6(_CONSOLE.print)
    if program is None:
        skipped.append("constant rates: k6 could not be installed")
    return program


def measured(plan: Plan, folder: Path, *, database: bool) -> Benchmarks:
    """Runs the plan with whatever tools can be had; raises `WrongAnswerError`."""
    skipped: list[str] = []
    if not find_wrk(_CONSOLE.print):
        skipped.append("all loads: wrk is not there (apt-get install wrk)")
        plan = replace(plan, loads=())
    peers = _peers({key for load in plan.loads for key in load.peers} or set(EVERY_PEER), skipped)
    k6 = _k6(plan, skipped)
    machine = this_machine()
    _CONSOLE.print("Training the models ...")
    made = prepared(folder, plan.models or ("iris",))
    store = contextlib.nullcontext(made) if database else tracking_server(made)
    with store as asked, Progress(
        BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"),
        console=_CONSOLE,
    ) as progress:  # fmt: skip
        task = progress.add_task("", total=steps(plan, peers))

        def advance(words: str) -> None:
            progress.update(task, advance=1, description=words)

        rounds = Rounds(plan, asked, peers, k6, advance)
        rounds.run()
    skipped += rounds.skipped
    figures = tuple(rounds.figures)
    return Benchmarks(plan.name, machine, figures, tuple(rounds.starts), tuple(skipped))


@click.command()
@click.option("--quick", is_flag=True, help="Fewer loads and rounds: under two minutes.")
@click.option("--peer", "peers", multiple=True, type=click.Choice(EVERY_PEER), help="Only this.")
@click.option("--case", "cases", multiple=True, help="Only this, such as iris-1.")
@click.option("--database", is_flag=True, help="MLflow's SQLite file instead of its server.")
@click.option("--json", "figures", type=click.Path(path_type=Path), help="Write figures there.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw them there (.svg or .png).")
def main(  # noqa: PLR0913, PLR0917 - one for each option
    quick: bool,  # noqa: FBT001 - click gives it by name
    peers: tuple[str, ...],
    cases: tuple[str, ...],
    database: bool,  # noqa: FBT001 - the same
    figures: Path | None,
    plot: Path | None,
) -> None:
    """Measure Podium beside its peers and the floors under it."""
    # Ended from outside, it ends the servers that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    plan = narrowed(QUICK if quick else FULL, peers, cases)
    try:
        with tempfile.TemporaryDirectory(prefix="podium-bench-") as folder:
            found = measured(plan, Path(folder), database=database)
    except WrongAnswerError as error:
        _CONSOLE.print(f"wrong answer: {error}", markup=False)
        sys.exit(1)
    print_report(found, Console())
    if figures is not None:
        write_figures(found, figures)
    if plot is not None:
        draw(found, plot)


if __name__ == "__main__":
    main()
