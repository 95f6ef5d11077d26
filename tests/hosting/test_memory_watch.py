"""A host's memory is looked at to its end, whatever a look comes to (P12)."""

import asyncio
import os
from typing import Any, cast

from service.background import NAMED, Work
from service.hosting.memory_watch import watch_memory
from service.processes.front.child import Child
from service.processes.front.ending import EndReason


class Process:
    """As much of a `Child` as is watched: this very process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.exited: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.held_bytes = 0
        self.keeper = None
        self.killed = asyncio.Event()

    def kill(self, reason: EndReason) -> None:
        assert reason is EndReason.MEMORY
        self.killed.set()


async def test_p12_look_at_memory_that_fails_is_told_and_the_next_one_comes() -> None:
    """The figure is there again; and the watch ends with its host."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: told.append(said))
    process, seen = Process(), asyncio.Queue[int]()
    failures = [ZeroDivisionError()]

    def measured(_: int, held: int) -> None:
        if failures:
            raise failures.pop()
        seen.put_nowait(held)

    watch_memory(cast("Child", process), None, measured)
    async with asyncio.timeout(30):
        assert await seen.get() > 0
    process.exited.set_result(0)
    assert [said[NAMED] for said in told] == [Work.MEMORY]


async def test_p12_limit_holds_where_nobody_can_be_told_the_figure() -> None:
    """The host is ended all the same."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    process = Process()

    def measured(_: int, held: int) -> None:
        raise ZeroDivisionError

    watch_memory(cast("Child", process), 1, measured)
    async with asyncio.timeout(30):
        await process.killed.wait()
    process.exited.set_result(None)
