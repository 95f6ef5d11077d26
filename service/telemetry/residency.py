"""What is counted and logged where not every version stays loaded; nothing where all do."""

from collections.abc import Hashable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from structlog.typing import FilteringBoundLogger

from service.errors import FollowingError
from service.following.sentences import LONGEST_DETAIL, cut
from service.refs import VersionId

_LOAD_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class ResidencyReport:
    """`service.hosting.residents.ResidencyObserver` for metrics and logs.

    What is counted is shown from when this is made.
    """

    def __init__(self, registry: CollectorRegistry, logger: FilteringBoundLogger) -> None:
        self._logger = logger
        self.resident = Gauge(
            "podium_resident_versions", "Versions that are loaded.", registry=registry
        ).set
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

    def demanded(
        self, key: Hashable, waited: float, seconds: float, error: Exception | None
    ) -> None:
        """A request has waited for it; a failure is a warning with its code."""
        self._loads.labels("loaded" if error is None else "failed").inc()
        model, version = _named(key)
        took = {"wait": round(waited, 4), "load": round(seconds, 4)}
        if error is None:
            self._seconds.observe(waited + seconds)
            self._logger.info("loaded_on_demand", model=model, version=version, seconds=took)
            return
        self._logger.warning(
            "not_loaded_on_demand",
            model=model,
            version=version,
            seconds=took,
            code=error.reason if isinstance(error, FollowingError) else "internal",
            message=str(error),
            detail=cut(getattr(error, "detail", ""), LONGEST_DETAIL),
        )

    def let_go(self, key: Hashable) -> None:
        """It is loaded again when it is asked."""
        self._let_go.inc()
        model, version = _named(key)
        self._logger.info("let_go", model=model, version=version)


def _named(key: Hashable) -> tuple[str, str]:
    return (key.name, key.version) if isinstance(key, VersionId) else ("", str(key))
