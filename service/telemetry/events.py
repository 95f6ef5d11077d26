"""What is counted and logged of events on their way to a receiver; nothing where nobody is told."""

import threading
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter
from structlog.typing import FilteringBoundLogger

from service.events.event_faults import EVENT_SENTENCES, EventFault, EventTrouble

_OUTCOMES = ("sent", "failed", "dropped")


class EventsReport:
    """`service.events.event_sender.SenderObserver` for metrics, logs and `/models`.

    What is counted is shown from when this is made.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        logger: FilteringBoundLogger,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since 1970."""
        self._logger = logger
        self._clock = clock
        self._lock = threading.Lock()
        self._trouble: EventTrouble | None = None
        self._counted = Counter(
            "podium_events_total",
            "Events for the receiver: sent, failed (not taken), or dropped without a try.",
            ("outcome",),
            registry=registry,
        )
        for outcome in _OUTCOMES:
            self._counted.labels(outcome)

    @property
    def trouble(self) -> EventTrouble | None:
        """That events are being lost; None: the receiver takes them."""
        return self._trouble

    def sent(self, waiting: int) -> None:
        """All is well once nothing waits any more."""
        self._counted.labels("sent").inc()
        if waiting:
            return
        with self._lock:
            had, self._trouble = self._trouble, None
        if had is not None:
            self._logger.info("events_sent_again")

    def failed(self, fault: EventFault) -> None:
        """One is lost, for the receiver has not taken it."""
        self._lost("failed", fault)

    def dropped(self, fault: EventFault) -> None:
        """One is lost, and was never tried."""
        self._lost("dropped", fault)

    def _lost(self, outcome: str, fault: EventFault) -> None:
        """Counted each time, logged once for each reason until all is well again."""
        self._counted.labels(outcome).inc()
        with self._lock:
            had = self._trouble
            since, lost = (self._clock(), 0) if had is None else (had.since, had.lost)
            self._trouble = EventTrouble(since, lost + 1, fault)
        if had is None or had.fault is not fault:
            self._logger.warning("events_lost", code=fault, message=EVENT_SENTENCES[fault])
