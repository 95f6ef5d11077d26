"""Traces that wait to be sent on: so many, of so many bytes; what does not fit is counted."""

import threading
from collections import Counter, deque
from dataclasses import dataclass

from service.registry.forwarder.wire import TraceFault, TraceOutcome


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may wait."""

    traces: int = 1000
    size: int = 32 * 1024**2


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of traces since it was last asked; the fault is that of the newest."""

    outcomes: dict[TraceOutcome, int]
    fault: TraceFault | None


class TraceQueue:
    """Filled by one thread, emptied by several; never waits for room."""

    def __init__(self, limits: QueueLimits | None = None) -> None:
        self._limits = limits or QueueLimits()
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._busy = 0
        self._outcomes: Counter[TraceOutcome] = Counter()
        self._fault: TraceFault | None = None

    def put(self, data: bytes) -> None:
        """It waits from now on, or is dropped."""
        with self._changed:
            full = len(self._waiting) >= self._limits.traces
            if full or self._size + len(data) > self._limits.size:
                self._outcomes[TraceOutcome.DROPPED] += 1
                return
            self._waiting.append(data)
            self._size += len(data)
            self._changed.notify_all()

    def take(self) -> bytes:
        """The oldest, once there is one; `done` is to be called after it."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            data = self._waiting.popleft()
            self._size -= len(data)
            self._busy += 1
            return data

    def done(self, fault: TraceFault | None) -> None:
        """What was taken was sent, or failed for that."""
        with self._changed:
            self._busy -= 1
            self._outcomes[TraceOutcome.SENT if fault is None else TraceOutcome.FAILED] += 1
            self._fault = fault
            self._changed.notify_all()

    def refused(self, fault: TraceFault) -> None:
        """Something came that is not even put."""
        with self._changed:
            self._outcomes[TraceOutcome.FAILED] += 1
            self._fault = fault

    def lost(self, count: int) -> None:
        """So many were lost before they came."""
        with self._changed:
            self._outcomes[TraceOutcome.DROPPED] += count

    def drain(self, seconds: float) -> None:
        """Returns when nothing waits or is being sent, or so much later."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._busy, seconds)

    def count(self) -> Counts:
        """What has happened since the last time."""
        with self._changed:
            outcomes, self._outcomes = dict(self._outcomes), Counter()
            return Counts(outcomes, self._fault)
