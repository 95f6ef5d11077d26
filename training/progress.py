"""Progress for whoever watches: a moving line on a terminal, plain lines anywhere else."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TextIO

from training.job import OnProgress, Step

_WIDTH = max(len(step.value) for step in Step)


@contextlib.contextmanager
def shown_on(stream: TextIO = sys.stderr) -> Iterator[OnProgress]:
    """Yields what a training reports to; the last line is complete afterwards, also on failure."""
    if stream.isatty():
        with _terminal(stream) as report:
            yield report
    else:
        yield lambda step, detail: print(_line(step, detail), file=stream, flush=True)


def _line(step: Step, detail: str) -> str:
    return f"{step.value:<{_WIDTH}}  {detail}".rstrip()


@contextlib.contextmanager
def _terminal(stream: TextIO) -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    steps = list(Step)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(20))
    console = Console(file=stream)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=len(steps))

        def report(step: Step, detail: str) -> None:
            line = _line(step, detail)
            progress.console.print(line, markup=False, highlight=False)
            progress.update(task, completed=steps.index(step), description=step.value)

        yield report
