"""A look at a model in a fork of this process, which may end, hang or take what it likes."""

import contextlib
import os
import resource
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

_MORE_BYTES: Final = 512 * 1024**2
_LONGEST: Final = 4096


def apart(look: Callable[[], str | None], seconds: float) -> str | None:
    """What it finds; None as well where the fork ends before it says so, or is late.

    Nothing that it does to this process's memory, or prints, is left. It has half a gigabyte more
    than this process has.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_apart(look, writer)
    os.close(writer)
    try:
        return _heard(reader, seconds)
    finally:
        os.close(reader)
        _end(pid)


def _be_apart(look: Callable[[], str | None], writer: int) -> None:
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nothing, stream)
        _limit_memory()
        os.write(writer, (look() or "").encode(errors="replace")[:_LONGEST] or b"\0")
    finally:
        # Whatever was raised: a fork never returns into what the host does.
        os._exit(0)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    wanted = pages * resource.getpagesize() + _MORE_BYTES
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft == resource.RLIM_INFINITY or wanted < soft:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _heard(reader: int, seconds: float) -> str | None:
    readable, _, _ = select.select([reader], [], [], seconds)
    # Written at once: less than a pipe takes. At its end there is nothing to read.
    said = os.read(reader, _LONGEST) if readable else b""
    return said.decode(errors="replace").strip("\0") or None


def _end(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
