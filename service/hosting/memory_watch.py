"""Every host's memory, looked at again and again; one that takes more than it may is ended."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from service.background import Work, begin, keep_running
from service.processes.front.child import Child
from service.processes.front.ending import EndReason
from service.processes.front.memory import held_bytes

# A model fills some hundred megabytes meanwhile.
_LIMITED_SECONDS: Final = 0.25
# Where nothing is limited, the figure is for people, who look at a model that has just come: with
# 50 hosts, looking every second at each takes more of a core than following their aliases does.
_FIRST_SECONDS: Final = 0.5
_LATER_SECONDS: Final = 5.0


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
