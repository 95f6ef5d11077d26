"""A zygote as a new process, before anybody talks to it."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from service.processes import lifetime

_MODULE: Final = "service.zygote.main"
# For an interpreter that sees nothing of Podium but what is named; `-P` is younger than some are.
_RUN: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from service.zygote.main import main; main()"
)


class Process(Protocol):
    """A child of this process, as `subprocess.Popen` and `Spare` are."""

    pid: int
    returncode: int | None

    def kill(self) -> None:
        """Sends SIGKILL."""

    def wait(self) -> object:
        """Reaps it."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """A zygote that imports what it needs, or has done so.

    `mark` is in its environment, as NAME=value, and so in that of all that come from it. `errors`
    is what it prints to stderr, until somebody else has taken that; None if somebody has before.
    """

    process: Process
    control: socket.socket
    mark: str
    errors: BinaryIO | None = None

    def end(self) -> None:
        """Returns when it has gone; nothing is done if it has been ended by somebody else."""
        self.control.close()
        if self.errors is not None:
            self.errors.close()
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True, slots=True)
class OtherPython:
    """An interpreter that is not Podium's own.

    Attributes:
        interpreter: started with `-I`: of its own libraries it sees those, and no folder of a user.
        code: what it finds Podium's modules in, and nothing else.
    """

    interpreter: Path
    code: Path


@dataclass(frozen=True, slots=True)
class ZygoteCommand:
    """How zygotes are started.

    Attributes:
        roles: the modules whose `run` a child may be asked to call.
        environment: the whole environment of the zygote and so of every child.
        module: the zygote's main, called as `service.zygote.main` is. Of Podium's own Python.
        late: more roles, which are imported when the first child is asked for.
        other: the interpreter; None: Podium's own, with all of Podium.
        once: whether one is all that there is: none stands by, with its memory, and none is started
            in its place when it dies.
    """

    roles: tuple[str, ...]
    environment: Mapping[str, str]
    module: str = _MODULE
    late: tuple[str, ...] = ()
    other: OtherPython | None = None
    once: bool = False

    def spawn(self) -> Spawned:
        """Exec'd by this thread, with which it ends; raises OSError if that cannot be done."""
        lifetime.adopt_orphans()
        mark = os.urandom(8).hex()
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(control.close)
            reading, writing = os.pipe()
            errors = undo.enter_context(os.fdopen(reading, "rb", buffering=0))
            printed = os.fdopen(writing, "wb", buffering=0)
            undo.callback(printed.close)
            process = subprocess.Popen(
                [
                    *self._python(),
                    *(str(theirs.fileno()), str(os.getpid())),
                    *(",".join(self.roles), ",".join(self.late)),
                ],
                env={**self.environment, "PODIUM_ZYGOTE": mark},
                stdin=subprocess.DEVNULL,
                stderr=printed,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
            undo.pop_all()
            printed.close()
        return Spawned(process, control, f"PODIUM_ZYGOTE={mark}", errors)

    def _python(self) -> Sequence[str]:
        if self.other is None:
            return (sys.executable, "-P", "-m", self.module)
        place = str(self.other.code)
        return (str(self.other.interpreter), "-I", "-u", "-c", _RUN, place)
