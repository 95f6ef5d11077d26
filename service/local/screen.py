"""What `up` prints: plain lines anywhere, and a moving sign of waiting on a terminal.

A terminal that has gone away is no reason to fail: what cannot be printed is dropped.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console


def plain(text: str) -> str:
    """The text with everything that could steer a terminal made visible instead."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Goes on in silence, so that the children are still ended in order."""
        self.quiet = True
        # Otherwise the interpreter stumbles over what is still buffered when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Screen:
    """Prints for the person who started `up`."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _Console(highlight=False, emoji=False)

    def say(self, text: str, style: str | None = None) -> None:
        """One or more lines as they are: no markup, no wrapping, so that commands can be pasted."""
        try:
            self._console.print(text, style=style, markup=False, soft_wrap=True)
        except OSError:
            self._console.quiet = True

    def fail(self, message: str, details: Sequence[str] = ()) -> None:
        """A sentence, and below it lines that somebody else wrote."""
        for line in details:
            self.say(f"  | {plain(line)}", style="dim")
        self.say(message, style="bold red")

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Says what is waited for; on a terminal, shows that it still is."""
        if not self._console.is_terminal:
            self.say(f"{text} ...")
            yield
            return
        with self._console.status(f"{text} ..."):
            yield
