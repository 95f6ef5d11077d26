"""The line of requests before one slot's shadow: bounded in requests and bytes, of which all share.

What finds no room is dropped at once: a shadow that hangs costs a counter.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from service.following.servable import Servable
from service.predicting.hearing import HeardRequest
from service.processes.frames import Body
from service.refs import ModelRef
from service.shadowing.shadow_tally import ComparedVersions, Dropped, ShadowTally

MOST_WAITING: Final = 512
"""Requests that wait for one shadow."""


@dataclass(eq=False, slots=True)
class ShadowBytes:
    """What all requests that wait for shadows hold together; one shadow's at most half of that."""

    limit: int
    held: int = 0


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """A request, what it was answered or failed with, whose tally it is, and what it holds."""

    heard: HeardRequest
    answer: Body | None
    error: str | None
    tally: ShadowTally
    size: int


@dataclass(eq=False, slots=True)
class ShadowLine:
    """One shadow's. `held` is what its requests hold, until they have been compared or dropped.

    Attributes:
        servable: what hears of them; None: it is not known.
        versions: whose answers are compared now; None before the first.
        tally: what is known of these two.
        since: when that began, in seconds since 1970.
        waiting: those that have room, the oldest first.
        working: how many tasks there are that take from them.
    """

    ref: ModelRef
    bytes: ShadowBytes
    servable: Servable | None = None
    versions: ComparedVersions | None = None
    tally: ShadowTally = field(default_factory=ShadowTally)
    since: float = 0.0
    held: int = 0
    waiting: deque[AnsweredRequest] = field(default_factory=deque)
    working: int = 0

    def of(self, versions: ComparedVersions, now: float) -> ShadowTally:
        """Where the two are counted: anew, as soon as others are compared than before."""
        if versions != self.versions:
            self.versions, self.tally, self.since = versions, ShadowTally(), now
        return self.tally

    def add(self, answered: AnsweredRequest) -> None:
        """It waits from now on, or is dropped."""
        size, room = answered.size, self.bytes
        if len(self.waiting) >= MOST_WAITING:
            answered.tally.dropped[Dropped.BEHIND] += 1
        elif self.held + size > room.limit // 2 or room.held + size > room.limit:
            answered.tally.dropped[Dropped.BYTES] += 1
        else:
            self.hold(size)
            self.waiting.append(answered)

    def leave(self) -> None:
        """Its shadow is gone: what waits is dropped."""
        while self.waiting:
            self.drop(self.waiting.popleft(), Dropped.LEFT)

    def hold(self, size: int) -> None:
        """So many bytes more, which are there already; fewer, where it is negative."""
        self.held += size
        self.bytes.held += size

    def drop(self, answered: AnsweredRequest, why: Dropped) -> None:
        """Nothing more is done for a request that has waited."""
        self.hold(-answered.size)
        answered.tally.dropped[why] += 1
