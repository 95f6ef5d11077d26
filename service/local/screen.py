"""What `up` prints: plain lines anywhere, and a moving sign of waiting on a terminal.

A terminal that has gone away is no reason to fail: what cannot be printed is dropped.
"""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, cast

from rich.console import Console
from rich.text import Text

from service.following.sentences import plain


class _Stdout(io.TextIOBase):
    """Standard output, for as long as somebody takes it; then nowhere, without a word.

    A pipe whose reader has ended and a terminal that was closed both fail only when written to,
    and would do so while the children are being ended.
    """

    def __init__(self) -> None:
        # Taken now: while rich shows a status, `sys.stdout` is a stand-in that leads back here.
        self._stream = sys.stdout

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has it writable, io has not
        return self._stream.encoding

    def write(self, text: str, /) -> int:
        # A name may hold letters that the terminal's character set lacks.
        writable = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
        try:
            return self._stream.write(writable)
        except OSError:
            self._give_up()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._give_up()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def _give_up(self) -> None:
        # Also the interpreter's own flush at its exit then succeeds.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


class Screen:
    """Prints for the person who started `up`."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=cast("IO[str]", _Stdout()))

    def say(self, text: str, style: str | None = None) -> None:
        """One or more lines as they are: no markup, no wrapping, so that commands can be pasted."""
        said = Text(text, style=style or "")
        self._console.print(said, soft_wrap=True)

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
