"""What hosting counts: batches, queues, and the processes that predict."""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.following.slots import Slots
from service.processes.front.ending import EndReason
from service.refs import ModelRef, VersionId
from service.telemetry.metrics.lives import REQUEST_SECONDS, SLOT_VERSION

_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 16384, 65536)


class _Calls(NamedTuple):
    """Where the calls of one version for one slot are counted."""

    rows: Histogram
    seconds: Histogram


class HostingMetrics:
    """The totals of all pools, and the deaths of processes that they share.

    It is a `service.telemetry.metrics.lives.Series`: `found` is told of each slot and version that
    has series.
    """

    def __init__(self, registry: CollectorRegistry, found: Callable[[ModelRef, str], None]) -> None:
        self._registry = registry
        self._found = found
        counter = partial(Counter, registry=registry)
        histogram = partial(Histogram, labelnames=SLOT_VERSION, registry=registry)
        self._slots: set[ModelRef] = set()
        self._calls: dict[tuple[str, str, str], _Calls] = {}
        self._rows = histogram("podium_batch_rows", "Rows of one call of a model.", buckets=_ROWS)
        self._seconds = histogram(
            "podium_predict_seconds",
            "One call of a model, as the front sees it.",
            buckets=REQUEST_SECONDS,
        )
        self.restarts = counter(
            "podium_host_restarts_total",
            "Hosts that served and were replaced, by why they had ended.",
            ("model", "reason"),
        )
        self.waiting: dict[PoolMetrics, Callable[[], Mapping[str, int]]] = {}
        self.memory = _MemoryCollector()
        registry.register(self.memory)
        self.decoder_restarted = counter(
            "podium_decoder_restarts_total", "Processes that read large bodies and ended over one."
        ).inc
        self.zygote_restarted = counter(
            "podium_zygote_restarts_total",
            "Deaths of the process that hosts are forked from; all hosts die with it.",
        ).inc
        self._traces = counter(
            "podium_model_traces_total",
            "Traces of models that were to be handed on to MLflow, by what became of them.",
            ("outcome",),
        )

    def traces(self, outcome: str, count: int) -> None:
        """So many more traces have come to that."""
        self._traces.labels(outcome).inc(count)

    def watch(self, slots: Slots) -> None:
        """Shows from now on what waits for these slots' hosts."""
        self._registry.register(_QueueCollector(slots, self.waiting))

    def slot_came(self, ref: ModelRef) -> None:
        """Shows restarts of its hosts before there is one."""
        self._slots.add(ref)
        for reason in EndReason:
            self.restarts.labels(ref.name, reason)

    def version_came(self, ref: ModelRef, version: str) -> None:
        """Its calls are counted from zero."""
        self.calls(ref.name, ref.alias, version)

    def version_left(self, ref: ModelRef, version: str) -> None:
        """Nothing is told of its calls any more."""
        self._calls.pop((ref.name, ref.alias, version), None)
        for family in (self._rows, self._seconds):
            family.remove(ref.name, ref.alias, version)

    def slot_left(self, ref: ModelRef) -> None:
        """Nothing is told of its model's hosts any more, unless another slot follows that."""
        self._slots.discard(ref)
        if all(each.name != ref.name for each in self._slots):
            self.restarts.remove_by_labels({"model": ref.name})

    def calls(self, model: str, alias: str, version: str) -> _Calls:
        """Where calls of this version for this slot are counted; looked up once a call."""
        key = (model, alias, version)
        calls = self._calls.get(key)
        if calls is None:
            self._found(ModelRef(model, alias), version)
            calls = _Calls(self._rows.labels(*key), self._seconds.labels(*key))
            self._calls[key] = calls
        return calls

    def pool(self, version: VersionId) -> "PoolMetrics":
        """A handle for this version's pool of hosts."""
        return PoolMetrics(self, version)


class PoolMetrics:
    """One pool's part in the totals of all pools."""

    def __init__(self, totals: HostingMetrics, version: VersionId) -> None:
        self._totals = totals
        self.version = version

    def opened(self, waiting: Callable[[], Mapping[str, int]]) -> None:
        """The pool is there, and `waiting` says how many requests wait, by alias."""
        self._totals.waiting[self] = waiting

    def closed(self) -> None:
        """Nobody can wait any more."""
        self._totals.waiting.pop(self, None)

    def batch(self, rows: int, seconds: float, alias: str) -> None:
        """A host has answered one call, which was made for this alias."""
        calls = self._totals.calls(self.version.name, alias, self.version.version)
        calls.rows.observe(rows)
        calls.seconds.observe(seconds)

    def host_restarted(self, reason: EndReason) -> None:
        """A host that served has died and is being replaced."""
        self._totals.restarts.labels(self.version.name, reason).inc()

    def memory(self, pid: int, held_bytes: int) -> None:
        """A living host holds so much."""
        self._totals.memory.held[self._host(pid)] = held_bytes

    def host_ended(self, pid: int) -> None:
        """It holds nothing any more."""
        self._totals.memory.held.pop(self._host(pid), None)

    def _host(self, pid: int) -> tuple[str, str, str]:
        return self.version.name, self.version.version, str(pid)


class _QueueCollector(Collector):
    """What waits now: a version that serves is shown with 0, too."""

    def __init__(
        self, slots: Slots, waiting: Mapping["PoolMetrics", Callable[[], Mapping[str, int]]]
    ) -> None:
        self._slots = slots
        self._waiting = waiting

    def describe(self) -> Iterable[Metric]:
        return (self._family(),)

    def collect(self) -> Iterable[Metric]:
        found: Tally[tuple[str, str, str]] = Tally()
        for slot in self._slots.values():
            version = slot.version
            if version is not None:
                found[slot.ref.name, slot.ref.alias, version.version] = 0
        # A scrape is written beside the loop, where pools come and go.
        for pool, waiting in dict(self._waiting).items():
            for alias, count in waiting().items():
                found[pool.version.name, alias, pool.version.version] += count
        family = self._family()
        for labels, count in found.items():
            family.add_metric(labels, count)
        return (family,)

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "podium_queue_requests", "Requests that wait for a host.", labels=SLOT_VERSION
        )


class _MemoryCollector(Collector):
    """Living hosts alone: a series ends with its host."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, str], int] = {}

    def describe(self) -> Iterable[Metric]:
        return (self._family(),)

    def collect(self) -> Iterable[Metric]:
        family = self._family()
        # A scrape is written beside the loop, where hosts come and go.
        for labels, held_bytes in self.held.copy().items():
            family.add_metric(labels, held_bytes)
        return (family,)

    @staticmethod
    def _family() -> GaugeMetricFamily:
        help_text = "Resident memory of a host and all that it has forked; `host` is its pid."
        labels = ("model", "version", "host")
        return GaugeMetricFamily("podium_host_memory_bytes", help_text, labels=labels)
