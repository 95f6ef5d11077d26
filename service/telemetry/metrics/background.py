"""What is counted of the work that no request waits for."""

from prometheus_client import CollectorRegistry, Counter

from service.background import Work


class BackgroundMetrics:
    """Failures by the name of the work."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failures = Counter(
            "podium_background_failures_total",
            "Failures of work that no request waits for; it goes on, and the log says what failed.",
            ("task",),
            registry=registry,
        )
        for work in Work:
            self._failures.labels(work)

    def failed(self, work: Work) -> None:
        """Counts one."""
        self._failures.labels(work).inc()
