"""Open pages that watch a service: a bounded number, each with a bounded line of what is to come.

Nobody waits for a page: one that does not take what comes is given up, and may come back.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from service.errors import Overloaded

MOST_WATCHERS: Final = 32
"""Pages at once, of those who show no admin token."""
FOR_OPERATORS: Final = 4
"""So many more are let in with it: whoever fills the places of others does not keep them out."""
MOST_EVENTS: Final = 256
"""Events that wait for one page; a quiet one has none."""
MOST_BYTES: Final = 4 * 1024**2
"""Bytes of these; all pages share the same bytes. The first event may be longer."""
_SECONDS: Final = 5.0


class Watcher:
    """One page. `why`: it is shown what is for the operator alone.

    Attributes:
        greeted: it has been told how everything is; from then on it is told of changes.
        ended: nothing comes any more.
    """

    def __init__(self, *, why: bool) -> None:
        self.why = why
        self.greeted = False
        self.ended = False
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._came = asyncio.Event()

    def offer(self, event: bytes) -> None:
        """It is sent soon; where too much waits already all of it is dropped, and the page ends."""
        full = len(self._waiting) >= MOST_EVENTS or self._bytes + len(event) > MOST_BYTES
        if self._waiting and full:
            self.end()
            return
        self._waiting.append(event)
        self._bytes += len(event)
        self._came.set()

    def end(self) -> None:
        """Nothing comes any more, and what waits is dropped."""
        self.ended = True
        self._waiting.clear()
        self._came.set()

    async def taken(self) -> bytes:
        """All that waits, once something does; empty at the end."""
        await self._came.wait()
        if self.ended:
            return b""
        self._came.clear()
        events = b"".join(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return events


class Watchers:
    """All of them. `came` is called when one more is there."""

    def __init__(self, came: Callable[[], None]) -> None:
        self._came = came
        self._open: dict[Watcher, None] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Watcher]:
        return iter(list(self._open))

    def admit(self, *, why: bool) -> Watcher:
        """One more. Raises `Overloaded`."""
        if self._closed:
            raise Overloaded("This service stops.", _SECONDS)
        if len(self._open) >= MOST_WATCHERS + why * FOR_OPERATORS:
            raise Overloaded("As many pages watch this service already as may.", _SECONDS)
        watcher = Watcher(why=why)
        self._open[watcher] = None
        self._came()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """It is gone."""
        watcher.end()
        self._open.pop(watcher, None)

    def offer(self, events: Mapping[bool, bytes]) -> None:
        """To each that has been greeted, by whether it is shown why."""
        for each in self._open:
            if each.greeted and not each.ended:
                each.offer(events[each.why])

    def close(self) -> None:
        """Ends all of them, and lets nobody in any more."""
        self._closed = True
        for each in self._open:
            each.end()
