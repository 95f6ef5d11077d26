"""Nothing outlives the front: rules that the Linux kernel keeps for us.

A child asks to be signalled when its parent's thread ends (PR_SET_PDEATHSIG, prctl(2)); that does
not pass to what the child forks, so orphans are adopted by the nearest ancestor that asked for
them (PR_SET_CHILD_SUBREAPER) and ended there.
"""

import contextlib
import ctypes
import os
import signal
from collections.abc import Collection
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int | bytes) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def die_with_parent(parent: int, death_signal: int = signal.SIGKILL) -> None:
    """From now on this process gets `death_signal` when the thread that started it ends.

    `parent` is the process that must still be there; if it has gone already, this process ends.
    """
    _prctl(_PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        os.kill(os.getpid(), death_signal)


def adopt_orphans() -> None:
    """From now on descendants whose parents die become this process's own children."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def call_this_process(name: str) -> None:
    """From now on `ps` and the kernel's log know it by this name; at most 15 bytes count."""
    _prctl(_PR_SET_NAME, name.encode())


def children() -> set[int]:
    """This process's children, zombies included, of every thread (proc(5), `children`)."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.update(map(int, (task / "children").read_text().split()))
    return found


def end_group(leader: int) -> None:
    """Kills every process of the group; one that is empty already is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def end_orphans(keep: Collection[int]) -> None:
    """Kills and reaps every child that is not in `keep`, and what those leave behind in turn."""
    while orphans := children().difference(keep):
        _end(orphans)


def end_marked(mark: str, known: Collection[int], keep: Collection[int] = ()) -> None:
    """Kills and reaps every child that was started with `mark` (NAME=value) in its environment.

    For a process that has other children too; what those leave behind in turn is ended as well.
    `known` are marked children that lead sessions: one that is dying or dead has lost its
    environment, and may have children still; of those, too, some may be dead already, and are known
    by their session. Those in `keep` are left alone.
    """
    marked = mark.encode()
    while orphans := {
        child
        for child in children().difference(keep)
        if child in known or _session(child) in known or _is_marked(child, marked)
    }:
        _end(orphans)


def _end(orphans: Collection[int]) -> None:
    for orphan in orphans:
        os.kill(orphan, signal.SIGKILL)
    for orphan in orphans:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(orphan, 0)


def _session(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        return os.getsid(pid)
    return -1


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
