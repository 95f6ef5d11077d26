"""How much memory a process and all of its descendants hold, as the kernel tells (proc(5)).

A lone process is measured by its resident set. Where it has forked, the processes share pages, and
the resident sets would count those several times: then each is measured by its proportional set,
which the kernel sums up for a millisecond. So do not ask on an event loop.
"""

import mmap
import os
from collections.abc import Iterable, Iterator

_KILOBYTE = 1024


def held_bytes(leader: int, keeper: int | None = None) -> int:
    """Resident memory of the process and its descendants, in whatever sessions; 0 when it is gone.

    Those whose parents have died count too, where the leader or its keeper adopts them. The keeper
    itself, which holds next to nothing, does not.
    """
    processes = list(_family(leader)) if keeper is None else list(_family(keeper))[1:]
    if len(processes) == 1:
        return _resident(processes[0])
    return sum(map(_proportional, processes))


def _family(leader: int) -> Iterator[int]:
    waiting = [leader]
    while waiting:
        process = waiting.pop()
        yield process
        waiting.extend(_children(process))


def _children(process: int) -> Iterable[int]:
    # Each thread has its own list.
    for thread in _listed(f"/proc/{process}/task"):
        yield from map(int, _read(f"/proc/{process}/task/{thread}/children").split())


def _resident(process: int) -> int:
    fields = _read(f"/proc/{process}/statm").split()
    return int(fields[1]) * mmap.PAGESIZE if fields else 0


def _proportional(process: int) -> int:
    for line in _read(f"/proc/{process}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * _KILOBYTE
    return 0


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - paths would cost more than all the rest
    except OSError:
        return []


def _read(path: str) -> bytes:
    # Processes come and go; one that is gone holds nothing.
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - the same
            return file.read()
    except OSError:
        return b""
