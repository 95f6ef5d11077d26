"""Tracebacks among the lines that a child prints, each joined into one.

Python prints a traceback line by line: told one by one, thirty entries of a log would belong to one
failure, and what another child says could stand between them.
"""

import re
from collections.abc import Callable
from typing import Final

MOST_LINES: Final = 200
"""Of one traceback; what follows is lines again."""
# Also of groups of exceptions, whose lines begin with bars, and of the interpreter's own end.
_BEGINS: Final = re.compile(
    r"[\s+|]*(?:Exception Group )?Traceback \(most recent call last\):\s*$|Exception ignored in"
)
_FATAL: Final = re.compile(r"Fatal Python error: ")
_OF_FATAL: Final = re.compile(
    r"\s|$|Current thread|Thread 0x|Stack \(|Python runtime state|Extension modules|<no Python"
)
_JOINS: Final = re.compile(
    r"[\s|]*(?:The above exception was the direct cause of the following exception:"
    r"|During handling of the above exception, another exception occurred:)\s*$"
)
_BARRED: Final = re.compile(r"\s+[+|]")


class Tracebacks:
    """Takes lines one by one and says them: a traceback whole, everything else as it comes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lines: list[str] = []
        self._fatal = False
        self._over = False
        self._joined = False
        self._paused = False

    @property
    def open(self) -> bool:
        """Whether there is one that more lines may belong to."""
        return bool(self._lines)

    def add(self, line: str, *, may_begin: bool = True) -> bool:
        """Takes the next line; whether it belongs to a traceback that has begun before it.

        One that does not is passed over unless it `may_begin`.
        """
        if self._lines and len(self._lines) < MOST_LINES and self._belongs(line):
            self._lines.append(line)
            return True
        self.close()
        if not may_begin:
            return False
        self._fatal = bool(_FATAL.match(line))
        if self._fatal or _BEGINS.match(line):
            self._lines = [line]
        else:
            self._say(line)
        return False

    def pause(self) -> None:
        """No more has been printed for now.

        The lines of an exception's message look like any others: those belong to it that have come
        with it.
        """
        self._paused = self._over

    def close(self) -> None:
        """Says what there is of a traceback; more lines belong to none."""
        lines, self._lines = self._lines, []
        self._over = self._joined = self._paused = False
        if lines:
            self._say("\n".join(lines).rstrip())

    def _belongs(self, line: str) -> bool:
        if self._fatal:
            return bool(_OF_FATAL.match(line))
        if _BEGINS.match(line) and not _BARRED.match(line):
            return self._begins_anew()
        if not self._over:
            self._over = bool(_BARRED.match(line)) or bool(line[:1].strip())
            return True
        self._joined = bool(_JOINS.match(line)) or (self._joined and not line.strip())
        return self._joined or not line.strip() or line[:1].isspace() or not self._paused

    def _begins_anew(self) -> bool:
        # After a sentence that joins two, or where the first line was not a traceback's own.
        begins = self._joined or not self._over
        self._over = self._joined = self._paused = False
        return begins
