"""Every host's memory, looked at again and again; one that takes more than it may is ended.

As the kernel tells it (proc(5)): a lone process is measured by its resident set. Where it has
forked, the processes share pages, and the resident sets would count those several times: then each
is measured by its proportional set, which the kernel sums up for a millisecond. So do not ask on an
event loop.
"""

import asyncio
import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from service.background import Work, begin, keep_running
from service.processes.front.child import Child
from service.processes.front.ending import EndReason

# A model fills some hundred megabytes meanwhile.
_LIMITED_SECONDS: Final = 0.25
# Where nothing is limited, the figure is for people, who look at a model that has just come: with
# 50 hosts, looking every second at each takes more of a core than following their aliases does.
_FIRST_SECONDS: Final = 0.5
_LATER_SECONDS: Final = 5.0
_KILOBYTE = 1024


def watch_memory(child: Child, limit: int | None, measured: Callable[[int, int], None]) -> None:
    """From now on until the child ends, `measured` is told its pid and bytes.

    Counted is what the child and all of its descendants hold. Over `limit` it is ended for
    `EndReason.MEMORY`; it may have taken more by then, which is what RLIMIT_DATA is there for.
    A look that fails is told, and the next one comes all the same.
    """
    work = partial(_watch, child, limit, measured)
    # A limit that nobody looks at for long is none.
    watching = begin(Work.MEMORY, keep_running(Work.MEMORY, work, longest=_FIRST_SECONDS))
    # Holds the task, too.
    child.exited.add_done_callback(lambda _: watching.cancel())


async def _watch(child: Child, limit: int | None, measured: Callable[[int, int], None]) -> None:
    pause, longest = (
        (_FIRST_SECONDS, _LATER_SECONDS) if limit is None else (_LIMITED_SECONDS, _LIMITED_SECONDS)
    )
    while True:
        held = await asyncio.to_thread(held_bytes, child.pid, child.keeper)
        child.held_bytes = held
        if limit is not None and held > limit:
            child.kill(EndReason.MEMORY)
        measured(child.pid, held)
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest)


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
