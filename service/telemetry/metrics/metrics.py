"""Prometheus metrics, fed by observers: names and labels are a public interface.

Labels come from configuration and from the registry's versions, never from a request. What can be
read off the slots is read when a scrape asks; what is counted for a version ends a while after its
slot has left it (`service.telemetry.metrics.lives`). `docs/observe.md` lists them all.
"""

import platform
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata

from prometheus_client import (
    CollectorRegistry,
    Counter,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.background import Work
from service.following.slots import Slots
from service.refs import ModelRef, VersionId
from service.telemetry.metrics.following import FollowingMetrics
from service.telemetry.metrics.hosting import HostingMetrics
from service.telemetry.metrics.http import HttpMetrics
from service.telemetry.metrics.lives import Lives
from service.telemetry.metrics.slots import SlotCollector


class Metrics:
    """Everything that is counted, in one registry, by the room that counts it.

    From the first one on, no metric of this process is shown with the time when it was made: to a
    scraper these are so many series more, and nobody asks for them.
    """

    def __init__(
        self, registry: CollectorRegistry, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own
        self.registry = registry
        self._lives = Lives(monotonic)
        self.http = HttpMetrics(registry, self._lives.found)
        self.following = FollowingMetrics(registry, monotonic)
        self.hosting = HostingMetrics(registry, self._lives.found)
        self.background = BackgroundMetrics(registry)
        self._lives.told = (self.http, self.following, self.hosting)
        self._slots: Slots | None = None
        self._seen: Sequence[tuple[ModelRef, VersionId | None]] = ()
        registry.register(BuildCollector())
        ProcessCollector(registry=registry)

    def watch(self, slots: Slots, clock: Callable[[], float] = time.time) -> None:
        """Shows these slots from now on; `clock` gives seconds since 1970."""
        self._slots = slots
        self.registry.register(SlotCollector(slots, clock))
        self.hosting.watch(slots)
        self.look()

    def look(self) -> None:
        """Begins series of slots that have come, and ends those of what has left for a while."""
        if self._slots is None:
            return
        seen = [(slot.ref, slot.version) for slot in self._slots.values()]
        if seen != self._seen or self._lives.due:
            self._seen = seen
            self._lives.see({ref: None if of is None else of.version for ref, of in seen})

    def serves(self, ref: ModelRef, version: VersionId) -> None:
        """The slot serves this version from now on."""
        self._lives.serves(ref, version.version)


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


class BuildCollector(Collector):
    """`podium_build_info`, found out once."""

    def __init__(self) -> None:
        self._family = GaugeMetricFamily(
            "podium_build_info",
            "1, with the releases of Podium, of Python and of MLflow.",
            labels=("version", "python_version", "mlflow_version"),
        )
        releases = (_release("podium"), platform.python_version(), _release("mlflow"))
        self._family.add_metric(releases, 1)

    def collect(self) -> Iterable[Metric]:
        """Always the same."""
        return (self._family,)


def _release(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return ""
