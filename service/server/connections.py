"""All connections of one server: how many there may be, and a look at each from time to time.

There may be as many as file descriptors leave room for. When all places are taken, who has no whole
request goes before anybody is turned away: heads that do not end and connections that were never
used, then idle ones, the oldest first. If nobody can go, a few places are left that answer probes
alone, so that a crowd does not look like a death.
"""

import asyncio
import resource
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from starlette.types import ASGIApp

from service.background import Work, tell
from service.predicting.request import RequestIds
from service.server.timeouts import ClientLimits, Ended

# One look takes about a microsecond; the loop turns between so many.
_AT_ONCE: Final = 512
# A hard limit can be a thousand million; nothing here needs more than this.
_MOST_DESCRIPTORS: Final = 65_536
_MOST_CONNECTIONS: Final = 10_000
# The service's own, with the connections reserved for probes: a quarter, but between these. At rest
# it has about thirty open, each host takes some more, and a swap doubles those.
_LEAST_OWN, _MOST_OWN = 64, 512


class Bounded(Protocol):
    """A connection, as far as it is one of many (`service.server.connection.Connection`)."""

    app: Any

    @property
    def since(self) -> float:
        """When it began what it is at, on the loop's clock."""

    @property
    def used(self) -> bool:
        """Whether it has ever brought a request."""

    @property
    def unanswered(self) -> int:
        """How many requests it has brought that are not answered."""

    @property
    def spare(self) -> bool:
        """Whether it could go without losing a request that has come whole."""

    def look(self, now: float) -> None:
        """Ends it if it is overdue."""

    def make_room(self) -> None:
        """Closes it for another's sake."""

    def abort(self, reason: Ended) -> None:
        """Ends it at once."""


class ConnectionObserver(Protocol):
    """Told how connections end. Called on the event loop."""

    def connections_ended(self, reasons: Mapping[Ended, int]) -> None:
        """The service has ended so many since the last look, by why."""


class Connections:
    """Bounds the connections of one server to `limits.connections`.

    On top of those are `limits.reserved` that are answered by `reserve`. `clock` is the loop's.
    """

    def __init__(
        self,
        limits: ClientLimits,
        reserve: ASGIApp,
        observer: ConnectionObserver,
        clock: Callable[[], float],
    ) -> None:
        self.limits = limits
        self.ids = RequestIds()
        self.looked_at = clock()
        self._clock = clock
        self._reserve = reserve
        self._observer = observer
        self._open: dict[Bounded, None] = {}
        self._reserved: dict[Bounded, None] = {}
        self._spare: deque[Bounded] | None = None
        self._ended: Counter[Ended] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def unanswered(self) -> int:
        """How many requests all of them have brought that are not answered."""
        return sum(connection.unanswered for connection in self._open)

    def admit(self, connection: Bounded) -> None:
        """Gives it a place, a reserved one, or none."""
        if (
            len(self._open) - len(self._reserved) >= self.limits.connections
            and not self._make_room()
        ):
            self._admit_to_reserve(connection)
        self._open[connection] = None

    def forget(self, connection: Bounded) -> None:
        """It has ended."""
        self._open.pop(connection, None)
        self._reserved.pop(connection, None)

    def ended(self, reason: Ended) -> None:
        """The service ends a connection."""
        self._ended[reason] += 1

    async def look(self) -> None:
        """Ends all that are overdue, and tells the observer of everything since the last look."""
        self._spare = None
        now = self._clock()
        for number, connection in enumerate(list(self._open), 1):
            if connection in self._open:
                self._look_at(connection, now)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        self.looked_at = now
        if self._ended:
            ended, self._ended = self._ended, Counter()
            self._observer.connections_ended(ended)

    def _look_at(self, connection: Bounded, now: float) -> None:
        try:
            connection.look(now)
        except Exception as error:  # noqa: BLE001 - the others are to be looked at, too
            tell(Work.CONNECTIONS, error)

    def _make_room(self) -> bool:
        # Who could go is found out once between two looks: a crowd must not make it costly.
        if self._spare is None:
            spare = [each for each in self._open if each.spare and each not in self._reserved]
            self._spare = deque(sorted(spare, key=lambda each: (each.used, each.since)))
        while self._spare:
            connection = self._spare.popleft()
            if connection in self._open and connection.spare:
                connection.make_room()
                return True
        return False

    def _admit_to_reserve(self, connection: Bounded) -> None:
        connection.app = self._reserve
        self.ended(Ended.REFUSED)
        if len(self._reserved) >= self.limits.reserved:
            oldest = next(iter(self._reserved))
            del self._reserved[oldest]
            oldest.abort(Ended.MADE_ROOM)
        self._reserved[connection] = None


def raise_descriptor_limit() -> int:
    """Raises the soft limit to the hard one, up to 65,536, and returns what is in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MOST_DESCRIPTORS) if hard != resource.RLIM_INFINITY else _MOST_DESCRIPTORS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft if soft != resource.RLIM_INFINITY else wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def connections_within(descriptors: int) -> int:
    """How many connections so many descriptors leave room for, beside the service's own."""
    own = min(max(descriptors // 4, _LEAST_OWN), _MOST_OWN)
    return max(1, min(_MOST_CONNECTIONS, descriptors - own))
