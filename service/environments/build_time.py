"""How long one build may take: its own time, not that of the ones before it.

Few are built, and few resolved, at a time. Each has its limit, so that whoever waits for a turn
waits for a bounded while; of many versions that come at once the last one has its whole time still.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator


class BuildTime:
    """So many seconds for what is done within `limit`; waiting for a turn costs none of them."""

    def __init__(self, seconds: float) -> None:
        self._timeout = asyncio.timeout(seconds)

    @contextlib.asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """Raises TimeoutError where the time is over; to be entered once."""
        async with self._timeout:
            yield

    @contextlib.asynccontextmanager
    async def turn(self, turns: asyncio.Semaphore) -> AsyncIterator[None]:
        """One of these turns, given back at the end; within the limit."""
        with self._stopped():
            await turns.acquire()
        try:
            yield
        finally:
            turns.release()

    @contextlib.contextmanager
    def _stopped(self) -> Iterator[None]:
        loop, end = asyncio.get_running_loop(), self._timeout.when()
        begun = loop.time()
        self._timeout.reschedule(None)
        try:
            yield
        finally:
            if end is not None:
                self._timeout.reschedule(end + loop.time() - begun)
