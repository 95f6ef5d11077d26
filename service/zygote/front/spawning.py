"""A zygote as a new process, before anybody talks to it."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from service.processes import lifetime

_MODULE: Final = "service.zygote.main"


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
class ZygoteCommand:
    """How zygotes are started.

    Attributes:
        roles: the modules whose `run` a child may be asked to call.
        environment: the whole environment of the zygote and so of every child.
        module: the zygote's main, called as `service.zygote.main` is.
        late: more roles, which are imported when the first child is asked for.
    """

    roles: tuple[str, ...]
    environment: Mapping[str, str]
    module: str = _MODULE
    late: tuple[str, ...] = ()

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
                    *(sys.executable, "-P", "-m", self.module),
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
