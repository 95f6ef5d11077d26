"""What hosting counts: batches, queues, and the processes that predict."""

from collections.abc import Iterable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.following.refs import VersionId
from service.following.slots import Slot, Slots
from service.metrics.labels import REQUEST_SECONDS
from service.processes.ending import EndReason

_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 16384, 65536)


class HostingMetrics:
    """The totals of all pools, and the deaths of processes that they share."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Histogram(
            "podium_batch_rows", "Rows of one call of a model.", buckets=_ROWS, registry=registry
        )
        self.seconds = Histogram(
            "podium_predict_seconds",
            "One call of a model, as the front sees it.",
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self.restarts = Counter(
            "podium_host_restarts_total",
            "Hosts that served and were replaced, by why they had ended.",
            ("model", "reason"),
            registry=registry,
        )
        self.queue = Gauge(
            "podium_queue_requests", "Requests that wait for a host.", registry=registry
        )
        self.memory = _MemoryCollector()
        registry.register(self.memory)
        self._decoder_restarts = Counter(
            "podium_decoder_restarts_total",
            "Processes that read large bodies and ended over one.",
            registry=registry,
        )
        self.decoder_restarted = self._decoder_restarts.inc
        self._zygote_restarts = Counter(
            "podium_zygote_restarts_total",
            "Deaths of the process that hosts are forked from; all hosts die with it.",
            registry=registry,
        )

        self._traces = Counter(
            "podium_model_traces_total",
            "Traces of models that were to be handed on to MLflow, by what became of them.",
            ("outcome",),
            registry=registry,
        )

    def traces(self, outcome: str, count: int) -> None:
        """So many more traces have come to that."""
        self._traces.labels(outcome).inc(count)

    def watch(self, slots: Slots) -> None:
        """Shows restarts of these slots' hosts from now on, before there is one."""
        slots.watch(self._came, partial(self._went, slots))

    def _came(self, slot: Slot) -> None:
        for reason in EndReason:
            self.restarts.labels(slot.ref.name, reason)

    def _went(self, slots: Slots, gone: Slot) -> None:
        if any(slot.ref.name == gone.ref.name for slot in slots.values()):
            return
        for reason in EndReason:
            self.restarts.remove(gone.ref.name, reason)

    def pool(self, version: VersionId) -> "PoolMetrics":
        """A handle for this version's pool of hosts."""
        return PoolMetrics(self, version)

    def zygote_restarted(self) -> None:
        """The process that hosts are forked from has died, and all of them with it."""
        self._zygote_restarts.inc()


class PoolMetrics:
    """One pool's part in the totals of all pools."""

    def __init__(self, totals: HostingMetrics, version: VersionId) -> None:
        self._totals = totals
        self._version = version
        self._waiting = 0

    def batch(self, rows: int, seconds: float) -> None:
        """A host has answered one call."""
        self._totals.rows.observe(rows)
        self._totals.seconds.observe(seconds)

    def host_restarted(self, reason: EndReason) -> None:
        """A host that served has died and is being replaced."""
        self._totals.restarts.labels(self._version.name, reason).inc()

    def memory(self, pid: int, held_bytes: int) -> None:
        """A living host holds so much."""
        self._totals.memory.held[self._host(pid)] = held_bytes

    def host_ended(self, pid: int) -> None:
        """It holds nothing any more."""
        self._totals.memory.held.pop(self._host(pid), None)

    def _host(self, pid: int) -> tuple[str, str, str]:
        return self._version.name, self._version.version, str(pid)

    def queued(self, waiting: int) -> None:
        """This pool's queue now holds so many requests."""
        self._totals.queue.inc(waiting - self._waiting)
        self._waiting = waiting


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
