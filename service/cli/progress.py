"""How far a long command has come, on stderr: a bar on a terminal, elsewhere a line a stage."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from service.following.sentences import plain
from service.validation.findings import Judgement


class _Screen(Protocol):
    def begin(self, title: str) -> None: ...

    def advance(self, done: int, of: int) -> None: ...

    def say(self, line: str) -> None: ...


class ShownTrial:
    """`service.validation.trial_run.TrialObserver` for whoever looks on.

    `verbose`: what processes print is shown, too.
    """

    def __init__(self, screen: _Screen, *, verbose: bool) -> None:
        self._screen = screen
        self._verbose = verbose

    def stage(self, title: str) -> None:
        """It is at that now."""
        self._screen.begin(title)

    def advanced(self, done: int, of: int) -> None:
        """So much of the stage is done."""
        self._screen.advance(done, of)

    def judged(self, judgement: Judgement) -> None:
        """Said at once where it is not as it should be."""
        if judgement.verdict != "passed":
            self._screen.say(f"{judgement.verdict}  {judgement.name}  {judgement.sentence}")

    def detail(self, text: str) -> None:
        """Whatever a process has printed."""
        if self._verbose and text:
            self._screen.say(f"| {text}")


class _Lines:
    def begin(self, title: str) -> None:
        self.say(title)

    def advance(self, done: int, of: int) -> None:
        """Nobody looks on."""

    def say(self, line: str) -> None:
        for each in line.splitlines():
            click.echo(plain(each), err=True)


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def begin(self, title: str) -> None:
        self._progress.reset(self._task, description=plain(title), total=None)

    def advance(self, done: int, of: int) -> None:
        self._progress.update(self._task, completed=done, total=max(done, of))

    def say(self, line: str) -> None:
        for each in line.splitlines():
            self._progress.console.print(plain(each), markup=False, highlight=False)


@contextlib.contextmanager
def shown_on_stderr(*, verbose: bool) -> Iterator[ShownTrial]:
    """Whom to tell, until it is left."""
    if not sys.stderr.isatty():
        yield ShownTrial(_Lines(), verbose=verbose)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield ShownTrial(_Bar(progress), verbose=verbose)
