"""What Podium must reach beside its peers, and whether it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.figures import Benchmarks


@dataclass(frozen=True, slots=True)
class Required:
    """Podium's figure divided by the peer's, `at least` or `at most` the limit.

    `figure` is an attribute of `Figure`, or, where no case is given, of `Start`.
    """

    measure: str
    to: str
    bound: str
    limit: float
    figure: str
    case: str | None = None
    connections: int = 64
    constant: bool = False

    def ratio(self, found: Benchmarks) -> float | None:
        """None if either side was not measured."""
        ours, theirs = self._figure(found, "podium"), self._figure(found, self.to)
        return None if ours is None or not theirs else ours / theirs

    def met(self, ratio: float) -> bool:
        """Whether that is enough."""
        return ratio >= self.limit if self.bound == "at least" else ratio <= self.limit

    def _figure(self, found: Benchmarks, peer: str) -> float | None:
        if self.case is None:
            of = found.start(peer)
            return None if of is None else float(getattr(of, self.figure))
        of_load = found.figure(peer, self.case, self.connections, constant=self.constant)
        return None if of_load is None else float(getattr(of_load, self.figure))


_PEAK: Final = "one row, 64 connections, requests/s"

REQUIRED: Final[Sequence[Required]] = (
    Required(_PEAK, "mlflow", "at least", 40, "per_second", "iris-1"),
    Required(_PEAK, "mlserver", "at least", 10, "per_second", "iris-1"),
    Required(_PEAK, "fastapi", "at least", 1.8, "per_second", "iris-1"),
    Required(_PEAK, "asgi", "at least", 0.4, "per_second", "iris-1"),
    Required("one row, 1 connection, p50", "mlflow", "at most", 1 / 3, "p50_ms", "iris-1", 1),
    Required("1,000 rows, rows/s", "mlflow", "at least", 8, "per_second", "iris-1000", 8),
    Required(
        "600 columns, one row, 1 connection, requests/s",
        *("mlflow", "at least", 40, "per_second", "numbers600-1", 1),
    ),
    Required(
        "one row, 64 connections, constant half of Podium's peak, p99",
        *("asgi", "at most", 2.5, "p99_ms", "iris-1"),
        constant=True,
    ),
    Required("memory at rest (PSS of all processes)", "mlflow", "at most", 0.8, "pss_bytes"),
    Required("start to ready, model cached", "mlflow", "at most", 0.6, "seconds"),
)
