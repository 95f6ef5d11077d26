"""How long a connection may be at what it is at: the rules, free of any I/O.

Whoever is slow is told from who is far away by what has moved: bodies and replies earn time with
every byte (Apache's `RequestReadTimeout` with its `MinRate` is the model), heads and idle
connections do not.
"""

import math
from dataclasses import dataclass
from enum import StrEnum, auto


class Phase(StrEnum):
    """What a connection is at."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    RUNNING = auto()
    REPLY = auto()


class Ended(StrEnum):
    """Why the service has ended a connection, in the metrics' words."""

    IDLE = auto()
    HEAD_TOO_SLOW = auto()
    BODY_TOO_SLOW = auto()
    REPLY_NOT_READ = auto()
    TOO_LONG = auto()
    MADE_ROOM = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """What clients may take. Times are in seconds.

    Attributes:
        idle_seconds: between two requests. Longer than balancers keep an idle connection (nginx and
            AWS 60 s, Go's proxies 90 s, Google Cloud 600 s), so that they close first: a request
            that crosses the server's close is lost. Where places are short, idle ones go anyway.
        head_seconds: from a head's first byte to its last; heads are sent at once.
        body_seconds: for a body, and as much more as its bytes take at `bytes_per_second`.
        reply_seconds: the same for the client to take a reply that the system does not buffer.
        bytes_per_second: 128 kbit/s; a body of 16 MiB may take 17 minutes.
        head_bytes: of a head, not counting what came with its first byte.
        request_bytes: of all that belongs to one request on the wire; chunks of one byte take six.
        connections: at once.
        reserved: on top of those, for probes alone.
        look_seconds: between two looks at all connections, in tenths; times are kept that exactly.
    """

    idle_seconds: float = 620.0
    head_seconds: float = 20.0
    body_seconds: float = 30.0
    reply_seconds: float = 30.0
    bytes_per_second: int = 16 * 1024
    head_bytes: int = 64 * 1024
    request_bytes: int = 128 * 1024**2
    connections: int = 10_000
    reserved: int = 32
    look_seconds: float = 1.0

    def seconds(self, phase: Phase, moved: int) -> float:
        """The longest that a phase may last in which so many bytes have moved."""
        if phase is Phase.BODY:
            return self.body_seconds + moved / self.bytes_per_second
        if phase is Phase.REPLY:
            return self.reply_seconds + moved / self.bytes_per_second
        if phase is Phase.HEAD:
            return self.head_seconds
        return self.idle_seconds if phase is Phase.IDLE else math.inf


class Patience:
    """What one connection is at and since when, told by looks at it from outside.

    Nothing is done per request: a phase begins, as far as this knows, with the first look at it.
    """

    __slots__ = ("_limits", "_moved", "_phase", "_work", "since")

    def __init__(self, limits: ClientLimits, now: float) -> None:
        self._limits = limits
        self._phase = Phase.IDLE
        self._work: object = None
        self._moved = 0
        self.since = now

    def overdue(self, phase: Phase, work: object, moved: int, now: float) -> bool:
        """Whether it has been at that phase of that work for too long.

        `moved` counts the connection's bytes in the direction that matters, since it was made.
        """
        if phase is not self._phase or work is not self._work:
            self._phase, self._work, self._moved, self.since = phase, work, moved, now
            return False
        return now - self.since > self._limits.seconds(phase, moved - self._moved)
