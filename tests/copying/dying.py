"""Copies that end in the middle: each in a process of its own, which is there at once.

`python -m tests.copying.dying` imports MLflow once, and forks for each line of its stdin. A fork
copies as the command does, and is killed before the step whose sentence begins as it is told.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from tests.copying.conftest import Copies, fetched


class DyingCopies:
    """The program, running."""

    def __init__(self, given: IO[str], told: IO[str]) -> None:
        self._given, self._told = given, told

    def copy(self, copies: Copies, name: str, to: str, step: str) -> int:
        """What has become of it: an exit status, or a signal's number with a minus."""
        asked = [copies.uri, str(copies.home), name, to, step]
        self._given.write(f"{json.dumps(asked)}\n")
        self._given.flush()
        return int(self._told.readline())


@contextmanager
def dying_copies() -> Iterator[DyingCopies]:
    """While it lasts."""
    command = [sys.executable, "-m", "tests.copying.dying"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield DyingCopies(process.stdin, process.stdout)
        process.stdin.close()


def _copied(uri: str, home: str, name: str, to: str, step: str) -> NoReturn:
    def killed(told: str) -> None:
        if told.startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    Copies(uri, Path(home), on_step=killed, fetch=fetched).copy(name, to)
    os._exit(0)


def _forked(asked: list[str]) -> int:
    child = os.fork()
    if child == 0:
        # Its own words are no answer.
        os.dup2(2, 1)
        _copied(*asked)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{_forked(json.loads(line))}\n")
        sys.stdout.flush()
