"""Tells metrics and logs which versions are loaded, and which are let go for others."""

from collections.abc import Hashable

from structlog.typing import FilteringBoundLogger

from service.errors import FollowingError
from service.following.sentences import LONGEST_DETAIL, cut
from service.metrics.metrics import Metrics


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
        took = {"wait": round(waited, 4), "load": round(seconds, 4)}
        if error is None:
            self._logger.info("loaded_on_demand", version=str(key), seconds=took)
            return
        self._logger.warning(
            "not_loaded_on_demand",
            version=str(key),
            seconds=took,
            code=error.reason if isinstance(error, FollowingError) else "internal",
            message=str(error),
            detail=cut(getattr(error, "detail", ""), LONGEST_DETAIL),
        )

    def let_go(self, key: Hashable) -> None:
        """It is loaded again when it is asked."""
        self._metrics.let_go()
        self._logger.info("let_go", version=str(key))
