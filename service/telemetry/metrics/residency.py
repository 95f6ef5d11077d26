"""What is counted where not every version stays loaded; nothing where all do."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LOAD_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class ResidencyMetrics:
    """Loads that requests have waited for, and who is loaded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def watch(self) -> None:
        """Shows them from now on."""
        registry = self._registry
        self._resident = Gauge(
            "podium_resident_versions", "Versions that are loaded.", registry=registry
        )
        self._loads = Counter(
            "podium_demanded_loads_total",
            "Loads that requests have waited for, by what came of them.",
            ("outcome",),
            registry=registry,
        )
        for outcome in ("loaded", "failed"):
            self._loads.labels(outcome)
        self._seconds = Histogram(
            "podium_demanded_load_seconds",
            "From the first request to its version's being loaded.",
            buckets=_LOAD_SECONDS,
            registry=registry,
        )
        self._let_go = Counter(
            "podium_versions_let_go_total",
            "Versions that were ended so that another one could be loaded.",
            registry=registry,
        )

    def resident(self, count: int) -> None:
        """So many are loaded now."""
        self._resident.set(count)

    def demanded(self, seconds: float, *, failed: bool) -> None:
        """A request has had a version loaded, or it could not be."""
        self._loads.labels("failed" if failed else "loaded").inc()
        if not failed:
            self._seconds.observe(seconds)

    def let_go(self) -> None:
        """Counts one."""
        self._let_go.inc()
