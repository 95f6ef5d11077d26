"""Swaps versions under load, with faults drawn at random, and says what came of it.

make soak        1,000 swaps; or: .venv/bin/python -m tests.soak --help

Ctrl-C after the first swaps ends it early, with the counts so far and exit status 1.
"""

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from tests.soak.figures import Held, draw
from tests.soak.soaking import ENVIRONMENT, NAME, Soak, registered
from tests.support import tracking
from tests.support.services import running_service

_GROWTH_ALLOWED: Final = 1.05


@click.command()
@click.option("--swaps", default=1000, show_default=True, help="How often the alias is moved.")
@click.option("--first", default=50, show_default=True, help="Swaps before memory is compared.")
@click.option("--seed", default=1, show_default=True, help="Another one draws other faults.")
@click.option(
    "--plot",
    default=Path("soak.png"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Latency and memory over time.",
)
def main(swaps: int, first: int, seed: int, plot: Path) -> None:
    """Exit with 1 for a wrong answer, a failure that nobody has caused, or growth."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        uri = f"sqlite:///{tracking.migrate(folder)}"
        registry = registered(uri, folder)
        with running_service([f"{NAME}@champion"], uri, folder, **ENVIRONMENT) as service:
            service.wait_until_ready()
            soak = Soak(service, registry, seed)
            columns = (MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
            with Progress(*Progress.get_default_columns()[:2], *columns, console=console) as shown:
                task = shown.add_task("Swaps", total=swaps)
                soak.run(first, lambda: shown.advance(task))
                before = soak.drained()
                # Whoever has seen enough is told what there was to see so far.
                with contextlib.suppress(KeyboardInterrupt):
                    soak.run(swaps - first, lambda: shown.advance(task))
            after = soak.drained()
            status = service.stop()
        left = [path for path in (folder / "podium" / "tmp").iterdir() if path.name != ".lock"]
    draw(soak.record, plot)
    for line in soak.record.lines():
        click.echo(line)
    click.echo(_compared(before, after))
    click.echo(f"exit status {status}, {len(left)} temporary folders left; plot: {plot}")
    whole = len(soak.record.swaps) == swaps
    if not (whole and soak.record.clean) or status or left or _grown(before, after):
        sys.exit(1)


def _grown(before: Held, after: Held) -> bool:
    memory = after.memory_bytes > before.memory_bytes * _GROWTH_ALLOWED
    return memory or after.files > before.files * _GROWTH_ALLOWED


def _compared(before: Held, after: Held) -> str:
    return (
        f"memory {before.memory_bytes / 1e6:.0f} MB, then {after.memory_bytes / 1e6:.0f} MB; "
        f"open files {before.files}, then {after.files}; "
        f"processes {before.processes}, then {after.processes}"
    )


if __name__ == "__main__":
    main()
