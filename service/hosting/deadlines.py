"""Ends the wait of whoever's time is over, with one timer for all requests of a pool.

Nothing is kept for a request: who waits is looked through when the earliest of the deadlines may
have come, which with deadlines that are all as far away is once in so long.
"""

import asyncio
import contextvars
import math
import time
from collections.abc import Callable, Iterable
from typing import Final

from service.errors import ServiceError
from service.hosting.queue import Job

# Loops count time in integers: nobody is waited for at once for longer than that.
_LONGEST_SLEEP: Final = 3600.0


class Deadlines:
    """Calls `end_late` with the time when the earliest deadline that it was told of has come.

    That fails everybody who is late, and returns the earliest deadline of those who wait on; inf
    where nobody does. Times are `time.monotonic`'s. Runs in the context in which it was made.

    Whoever waits until `at` or longer need not be told of: `include` would do nothing.
    """

    def __init__(self, end_late: Callable[[float], float]) -> None:
        self._end_late = end_late
        self._context = contextvars.copy_context()
        self.at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def include(self, deadline: float) -> None:
        """Somebody waits until then."""
        if deadline < self.at:
            self._wait_until(deadline)

    def close(self) -> None:
        """Nobody waits any more."""
        self.at = math.inf
        if self._timer is not None:
            self._timer.cancel()

    def _wait_until(self, deadline: float) -> None:
        self.close()
        self.at = deadline
        seconds = min(max(0.0, deadline - time.monotonic()), _LONGEST_SLEEP)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._look, context=self._context)

    def _look(self) -> None:
        self.at = math.inf
        self.include(self._end_late(time.monotonic()))


def end_late(jobs: Iterable[Job], now: float, error: Callable[[], ServiceError]) -> float:
    """Fails those whose deadline has come; the earliest one of the others, inf without any."""
    wanted = [job for job in jobs if job.wanted]
    # Before any of them is failed: whoever is told goes on at once, and may do anything.
    late = [job for job in wanted if job.deadline <= now]
    earliest = min((job.deadline for job in wanted if job.deadline > now), default=math.inf)
    for job in late:
        job.fail(error())
    return earliest
