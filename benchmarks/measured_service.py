"""`podium` on asyncio's own loop, every callback of which is timed.

uvloop's callbacks cannot be looked into; what the service does in them is the same. Each SIGUSR1
writes one line to stderr, the longest callback since the one before it: `cpu_ms` that the loop's
thread itself worked, `wall_ms` by the clock, and `callback`, whose the processor time was.
"""

import asyncio
import json
import os
import signal
import time
from asyncio.events import Handle
from collections.abc import Coroutine
from typing import Any, Final

import uvloop

from service.cli.main import main

EVENT: Final = "longest_callback"
_STDERR: Final = 2
# Where asyncio calls everything that it calls.
_RUN: Final = "_run"
_run_callback = getattr(Handle, _RUN)


class Longest:
    """The longest callback since somebody was told of one."""

    def __init__(self) -> None:
        self._wall = self._cpu = 0.0
        self._callback: Handle | None = None

    def run(self, handle: Handle) -> None:
        """What the loop calls in place of `Handle._run`."""
        wall, cpu = time.perf_counter(), time.thread_time()
        _run_callback(handle)
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
        self._wall = max(self._wall, wall)
        if cpu > self._cpu:
            self._cpu, self._callback = cpu, handle

    def tell(self) -> None:
        """Writes a line, and begins anew."""
        line = {
            "event": EVENT,
            "cpu_ms": self._cpu * 1000,
            "wall_ms": self._wall * 1000,
            "callback": repr(self._callback)[:300],
        }
        os.write(_STDERR, json.dumps(line).encode() + b"\n")
        self._wall = self._cpu = 0.0
        self._callback = None


async def _told(longest: Longest, service: Coroutine[Any, Any, None]) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, longest.tell)
    await service


def _measured(service: Coroutine[Any, Any, None]) -> None:
    longest = Longest()

    def run(handle: Handle) -> None:
        longest.run(handle)

    setattr(Handle, _RUN, run)
    asyncio.run(_told(longest, service))


if __name__ == "__main__":
    uvloop.run = _measured  # type: ignore[assignment]
    main()
