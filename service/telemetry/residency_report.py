"""Tells metrics and logs which versions are loaded, and which are let go for others."""

from collections.abc import Hashable

from structlog.typing import FilteringBoundLogger

from service.errors import FollowingError
from service.following.sentences import LONGEST_DETAIL, cut
from service.refs import VersionId
from service.telemetry.metrics.metrics import Metrics


class ResidencyReport:
    """`service.hosting.residents.ResidencyObserver` for metrics and logs."""

    def __init__(self, metrics: Metrics, logger: FilteringBoundLogger) -> None:
        self._metrics = metrics.residency
        self._metrics.watch()
        self._logger = logger
        self.resident = self._metrics.resident

    def demanded(
        self, key: Hashable, waited: float, seconds: float, error: Exception | None
    ) -> None:
        """A request has waited for it; a failure is a warning with its code."""
        self._metrics.demanded(waited + seconds, failed=error is not None)
        model, version = _named(key)
        took = {"wait": round(waited, 4), "load": round(seconds, 4)}
        if error is None:
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
        self._metrics.let_go()
        model, version = _named(key)
        self._logger.info("let_go", model=model, version=version)


def _named(key: Hashable) -> tuple[str, str]:
    return (key.name, key.version) if isinstance(key, VersionId) else ("", str(key))
