"""What each request adds to, made into Prometheus's families when a scrape asks.

The client library takes a lock for each counter and each bucket: three microseconds a request, of
fifty for all else in the front. These are added to on the event loop alone. A scrape that reads
them in a thread may see a request in one of them and not yet in the next.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple, TypeVar

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from service.refs import ModelRef
from service.telemetry.metrics.lives import REQUEST_SECONDS, SLOT, SLOT_VERSION

_BOUNDS: Final = (*map(floatToGoString, REQUEST_SECONDS), "+Inf")


class RequestCount:
    """How many."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class RequestTimes:
    """How many took how long.

    Attributes:
        buckets: by `REQUEST_SECONDS`, each with its bound, and the open one behind them.
        sum: of all together.
    """

    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BOUNDS)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """One more took so long."""
        self.buckets[bisect_left(REQUEST_SECONDS, seconds)] += 1
        self.sum += seconds


class CountedKind(NamedTuple):
    """What requests have in common that are counted together; `version` and `error` may lack."""

    slot: str
    version: str | None
    route: str
    code: int
    error: str | None


class KindCounts(NamedTuple):
    """Where those of one kind are counted, looked up once for all of them."""

    ref: ModelRef
    version: str | None
    requests: RequestCount
    seconds: RequestTimes
    errors: RequestCount | None


class RequestCounts(Collector):
    """All of it, by labels."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, ...], RequestCount] = {}
        self._errors: dict[tuple[str, ...], RequestCount] = {}
        self._seconds: dict[tuple[str, ...], RequestTimes] = {}

    def place(self, ref: ModelRef, kind: CountedKind) -> KindCounts:
        """Where requests of that kind are counted."""
        slot = (ref.name, ref.alias)
        errors = None
        if kind.error is not None:
            errors = self._errors.setdefault((*slot, kind.error), RequestCount())
        requests = self._requests.setdefault((*slot, kind.route, str(kind.code)), RequestCount())
        return KindCounts(ref, kind.version, requests, self.seconds(ref, kind.version), errors)

    def seconds(self, ref: ModelRef, version: str | None) -> RequestTimes:
        """How long those took that this version answered; None: that none has."""
        return self._seconds.setdefault((ref.name, ref.alias, version or ""), RequestTimes())

    def remove_version(self, ref: ModelRef, version: str) -> None:
        """How long its answers took is told no more; how many requests there were is."""
        self._seconds.pop((ref.name, ref.alias, version), None)

    def remove_slot(self, ref: ModelRef) -> None:
        """Nothing is told of its requests any more."""
        _remove(self._requests, ref)
        _remove(self._errors, ref)
        _remove(self._seconds, ref)

    def describe(self) -> Iterable[Metric]:
        """The families alone."""
        return (_requests(), _errors(), _request_seconds())

    def collect(self) -> Iterator[Metric]:
        """The families with what is counted so far."""
        for family, counts in ((_requests(), self._requests), (_errors(), self._errors)):
            for labels, count in counts.copy().items():
                family.add_metric(labels, count.value)
            yield family
        yield self._collected_seconds()

    def _collected_seconds(self) -> Metric:
        family = _request_seconds()
        for labels, seconds in self._seconds.copy().items():
            counts = map(float, accumulate(seconds.buckets.copy()))
            family.add_metric(labels, list(zip(_BOUNDS, counts, strict=True)), seconds.sum)
        return family


T = TypeVar("T")


def _remove(counts: dict[tuple[str, ...], T], ref: ModelRef) -> None:
    for labels in [each for each in counts if each[:2] == (ref.name, ref.alias)]:
        del counts[labels]


def _requests() -> CounterMetricFamily:
    return CounterMetricFamily(
        "podium_requests_total",
        "Prediction requests by HTTP status; 499: the client went away.",
        labels=(*SLOT, "route", "code"),
    )


def _errors() -> CounterMetricFamily:
    return CounterMetricFamily(
        "podium_request_errors_total",
        "Prediction requests that were answered with an error, by its code in the reply.",
        labels=(*SLOT, "error"),
    )


def _request_seconds() -> HistogramMetricFamily:
    return HistogramMetricFamily(
        "podium_request_seconds",
        "Prediction requests from their headers to the end of the reply, by who answered.",
        labels=SLOT_VERSION,
    )
