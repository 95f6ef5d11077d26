"""Sends events one after the other, by a thread of its own, which nobody waits for.

What waits is bounded: where more comes than the receiver takes, the oldest is lost, since the
newest is nearest to how things are. Each try is bounded in time, and tries are bounded in number.
Everything is counted.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from service.background import Work, tell_from_thread
from service.events.event import Event
from service.events.event_faults import EventFault, fault_of, is_passing
from service.events.event_forms import EventForm, EventMessage
from service.processes.front.beside import Beside

MOST_WAITING: Final = 1000
PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between tries: a receiver that is started anew within a minute misses nothing."""
_LONGEST_PAUSE: Final = 60.0
_TRY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What the receiver says: its status, and for how many seconds it wants to be left alone."""

    status: int
    retry_after: float = 0.0


class NotAnswered(Exception):
    """There was no answer."""

    def __init__(self, fault: EventFault) -> None:
        super().__init__(fault)
        self.fault = fault


class EventPost(Protocol):
    """Knows the receiver."""

    def __call__(self, message: EventMessage, seconds: float) -> Answered:
        """The answer, within so many seconds in all; blocks. Raises `NotAnswered`."""
        ...


class SenderObserver(Protocol):
    """Told what becomes of events, from any thread; neither blocks nor raises."""

    def sent(self, waiting: int) -> None:
        """The receiver has taken one; so many wait."""
        ...

    def failed(self, fault: EventFault) -> None:
        """One is lost, for the receiver has not taken it."""
        ...

    def dropped(self, fault: EventFault) -> None:
        """One is lost, and was never tried."""
        ...


class EventSender:
    """Takes events at any time, and sends them in their order."""

    def __init__(  # noqa: PLR0913 - what a test steps by hand
        self,
        post: EventPost,
        form: EventForm,
        observer: SenderObserver,
        *,
        most_waiting: int = MOST_WAITING,
        pause: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`pause` in seconds, cut short when the end is near; by itself it waits for that."""
        self._post = post
        self._form = form
        self._observer = observer
        self._most = most_waiting
        self._clock = clock
        self._monotonic = monotonic
        self._thread = Beside(Work.EVENTS)
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque()
        self._ending = threading.Event()
        self._ends_at = math.inf
        self._pause = pause or self._wait

    def offer(self, event: Event) -> None:
        """Sent soon, or counted as lost; from any thread, at once."""
        with self._lock:
            is_full = len(self._waiting) >= self._most
            if is_full:
                self._waiting.popleft()
            self._waiting.append(event)
        if is_full:  # there is a turn of the thread for each that waits
            self._observer.dropped(EventFault.TOO_MANY)
        else:
            self._thread.submit(self._send_oldest)

    def close(self, seconds: float) -> None:
        """What waits is tried once more, for so many seconds in all; the rest is lost. Blocks."""
        self._ends_at = self._monotonic() + seconds
        self._ending.set()
        self._thread.finish(seconds)
        with self._lock:
            left = len(self._waiting)
            self._waiting.clear()
        for _ in range(left):
            self._observer.dropped(EventFault.STOPPED)

    def _wait(self, seconds: float) -> None:
        self._ending.wait(seconds)

    def _send_oldest(self) -> None:
        with self._lock:
            if not self._waiting:
                return  # what had waited was given up at the end
            event = self._waiting.popleft()
        if self._left <= 0:
            self._observer.dropped(EventFault.STOPPED)
            return
        fault = self._tried(event)
        if fault is None:
            self._observer.sent(len(self._waiting))
        else:
            self._observer.failed(fault)

    def _tried(self, event: Event) -> EventFault | None:
        """What has kept it from its receiver at last; None: it was taken."""
        for pause in (*PAUSES, None):
            is_last = pause is None or self._ending.is_set()
            fault, wished = self._try(event)
            if fault is None or not is_passing(fault) or is_last or pause is None:
                return fault
            self._pause(min(max(pause, wished), _LONGEST_PAUSE))
        return None

    def _try(self, event: Event) -> tuple[EventFault | None, float]:
        message = self._form.message(event, int(self._clock()))
        try:
            answer = self._post(message, max(0.0, min(_TRY_SECONDS, self._left)))
        except NotAnswered as error:
            return error.fault, 0.0
        except Exception as error:  # noqa: BLE001 - the next event is to be sent
            # Never its text, which may hold the address.
            tell_from_thread(RuntimeError(f"an event was not sent: {type(error).__name__}"))
            return EventFault.UNREACHABLE, 0.0
        return fault_of(answer.status), answer.retry_after

    @property
    def _left(self) -> float:
        return self._ends_at - self._monotonic()
