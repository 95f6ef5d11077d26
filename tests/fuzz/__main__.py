"""Sends broken requests to a service with a model of every kind, and says what came of them.

make fuzz        100,000 of them; or: .venv/bin/python -m tests.fuzz --help
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from tests.fuzz.fuzzing import Outcome, run, troubles
from tests.fuzz.memory import own_bytes
from tests.fuzz.seeds import seeds
from tests.support import tracking
from tests.support.services import RunningService
from tests.support.zoo import running_zoo

# What allocators have not given back yet: 5 to 11 MB over five seeds. A leak of a kilobyte each
# request would be 80.
_GROWTH_ALLOWED: Final = 24 * 1024**2


@click.command()
@click.option("--bodies", default=100_000, show_default=True, help="How many requests.")
@click.option("--seed", default=1, show_default=True, help="Another one breaks them otherwise.")
@click.option(
    "--findings",
    default=Path("fuzz-findings"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the bodies of what was found.",
)
def main(bodies: int, seed: int, findings: Path) -> None:
    """Exit with 1 if any answer or log line is one that should not be, or if memory has grown."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        console.print("Starting a service with a model of every kind ...")
        with running_zoo(tracking.migrate(folder), folder) as service:
            outcome, grown = _fuzz(service, bodies, seed, console)
            logged = troubles(service.events)
    click.echo(", ".join(f"{count} of {code}" for code, count in sorted(outcome.statuses.items())))
    click.echo(f"Memory of the whole service grew by {grown / 1e6:.1f} MB after a fifth of them.")
    click.echo("".join(f"Logged {line}\n" for line in logged), nl=False)
    _save(outcome, seed, findings)
    if outcome.findings or logged or grown > _GROWTH_ALLOWED:
        sys.exit(1)


def _fuzz(service: RunningService, bodies: int, seed: int, console: Console) -> tuple[Outcome, int]:
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Requests", total=bodies)
        made, warm = seeds(), bodies // 5
        outcome = run(service.url, made, range(warm), seed, lambda: progress.advance(task))
        before = own_bytes(service.process.pid)
        rest = run(service.url, made, range(warm, bodies), seed, lambda: progress.advance(task))
        grown = own_bytes(service.process.pid) - before
    outcome.statuses += rest.statuses
    outcome.findings += rest.findings
    return outcome, grown


def _save(outcome: Outcome, seed: int, folder: Path) -> None:
    for finding in outcome.findings:
        folder.mkdir(exist_ok=True)
        place = folder / f"{seed}-{finding.number}"
        place.write_bytes(finding.request.body)
        click.echo(
            f"{place}: {finding.problem}\n  {finding.request.path} {finding.request.headers}"
        )
    click.echo(f"{len(outcome.findings)} findings with seed {seed}.")


if __name__ == "__main__":
    main()
