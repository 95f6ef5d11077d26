"""Prometheus metrics, fed by observers: names and labels are a public interface.

Labels come from configuration and from the registry's versions, never from a request. What can be
read off the slots is read when a scrape asks, so no series outlives what it describes.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sized
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.following.refs import ModelRef, VersionId
from service.following.slots import Failure, Slots
from service.http.held import HeldBytes
from service.http.observer import RequestRecord
from service.patience import Ended
from service.processes.ending import EndReason

# From a host's own time for one row, under a millisecond, to the default limit of a prediction.
_REQUEST_SECONDS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 16384, 65536)
# Up to the default limit of a load.
_STAGE_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_SLOT = ("model", "alias")
_SWAPPED, _REFUSED = "swapped", "refused"
WEBHOOK_HEARD = ("taken", "ignored")
"""Outcomes of deliveries of the webhook that were believed."""
_WEBHOOK_REFUSED = (
    *("delivery_forged", "delivery_expired", "delivery_repeated", "delivery_unreadable"),
    *("body_too_large", "body_too_slow", "unsupported_media_type"),
)


class Metrics:
    """Everything that is counted, in one registry; told by HTTP, the follower and the pools."""

    def __init__(
        self, registry: CollectorRegistry, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.registry = registry
        self._monotonic = monotonic
        self._requests = Counter(
            "podium_requests_total",
            "Prediction requests by HTTP status; 499: the client went away.",
            (*_SLOT, "route", "code"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "podium_request_seconds",
            "Prediction requests from their headers to the end of the reply.",
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._swaps = Counter(
            "podium_swaps_total",
            "Versions swapped in, and versions refused.",
            (*_SLOT, "outcome"),
            registry=registry,
        )
        self._swap_seconds = Histogram(
            "podium_swap_seconds",
            "Time that each stage of a swap took.",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self._decoder_restarts = Counter(
            "podium_decoder_restarts_total",
            "Processes that read large bodies and ended over one.",
            registry=registry,
        )
        self.decoder_restarted = self._decoder_restarts.inc
        self._webhook: Counter | None = None
        self._ledger_failures = Counter(
            "podium_ledger_failures_total",
            "Writes of the ledger that failed; its entries are kept in memory.",
            registry=registry,
        )
        self.ledger_failed = self._ledger_failures.inc
        self._connections_ended = Counter(
            "podium_connections_ended_total",
            "Connections that the service has ended, by why.",
            ("reason",),
            registry=registry,
        )
        for reason in Ended:
            self._connections_ended.labels(reason)
        self._connections = Gauge(
            "podium_connections", "Open connections to clients.", registry=registry
        )
        self._held_bytes = Gauge(
            "podium_held_bytes",
            "Bodies of requests that are not answered, and long replies that are not taken.",
            ("kind",),
            registry=registry,
        )
        self._pools = _PoolMetrics(registry)
        self._zygote_restarts = Counter(
            "podium_zygote_restarts_total",
            "Deaths of the process that hosts are forked from; all hosts die with it.",
            registry=registry,
        )
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._looked_at = monotonic()
        Gauge(
            "podium_registry_look_age_seconds",
            "Since the registry last answered a look-up; since the start before it ever did.",
            registry=registry,
        ).set_function(lambda: self._monotonic() - self._looked_at)

    def watch(self, slots: Slots, clock: Callable[[], float] = time.time) -> None:
        """Shows these slots' versions and lag from now on; `clock` gives seconds since 1970."""
        self.registry.register(_SlotCollector(slots, clock))
        for slot in slots.values():
            for outcome in (_SWAPPED, _REFUSED):
                # A counter that begins with its first event hides that event from rate().
                self._swaps.labels(slot.ref.name, slot.ref.alias, outcome)
            for reason in EndReason:
                self._pools.restarts.labels(slot.ref.name, reason)

    def watch_webhook(self) -> None:
        """Counts deliveries of MLflow's webhook from now on."""
        self._webhook = Counter(
            "podium_webhook_deliveries_total",
            "Deliveries of MLflow's webhook: taken, ignored, or the code they were refused with.",
            ("outcome",),
            registry=self.registry,
        )
        for outcome in (*WEBHOOK_HEARD, *_WEBHOOK_REFUSED):
            self._webhook.labels(outcome)

    def webhook_delivered(self, outcome: str) -> None:
        """Counts a delivery."""
        if self._webhook is not None:
            self._webhook.labels(outcome).inc()

    def watch_connections(self, connections: Sized) -> None:
        """Shows their number from now on."""
        self._connections.set_function(lambda: len(connections))

    def watch_held(self, bodies: HeldBytes, replies: HeldBytes) -> None:
        """Shows from now on what requests hold."""
        for kind, held in (("bodies", bodies), ("replies", replies)):
            self._held_bytes.labels(kind).set_function(partial(getattr, held, "total"))

    def connections_ended(self, reasons: Mapping[Ended, int]) -> None:
        """The service has ended so many, by why."""
        for reason, count in reasons.items():
            self._connections_ended.labels(reason).inc(count)

    def pool(self, version: VersionId) -> "PoolMetrics":
        """A handle for this version's pool of hosts."""
        return PoolMetrics(self._pools, version)

    def zygote_restarted(self) -> None:
        """The process that hosts are forked from has died, and all of them with it."""
        self._zygote_restarts.inc()

    def answered(self, record: RequestRecord) -> None:
        """Counts a request."""
        key = (record.slot, record.route, record.code)
        counter = self._counters.get(key)
        if counter is None:
            # As ModelRef is written: a name may hold an @, an alias does not.
            name, _, alias = record.slot.rpartition("@")
            counter = self._requests.labels(name, alias, record.route, str(record.code))
            self._counters[key] = counter
        counter.inc()
        self._request_seconds.observe(record.seconds)

    def looked(self, seconds: float, failure: Failure | None) -> None:
        """The registry was asked; only an answer makes the look young again."""
        if failure is None:
            self._looked_at = self._monotonic()

    def swapped(
        self,
        ref: ModelRef,
        old: VersionId | None,
        new: VersionId,
        stages: Mapping[str, float],
    ) -> None:
        """A version has been swapped in; `stages` in seconds."""
        self._swaps.labels(ref.name, ref.alias, _SWAPPED).inc()
        for stage, seconds in stages.items():
            self._swap_seconds.labels(stage).observe(seconds)

    def refused(self, ref: ModelRef, version: VersionId, failure: Failure) -> None:
        """A version was not swapped in."""
        self._swaps.labels(ref.name, ref.alias, _REFUSED).inc()


class PoolMetrics:
    """One pool's part in the totals of all pools."""

    def __init__(self, totals: "_PoolMetrics", version: VersionId) -> None:
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


class _PoolMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Histogram(
            "podium_batch_rows", "Rows of one call of a model.", buckets=_ROWS, registry=registry
        )
        self.seconds = Histogram(
            "podium_predict_seconds",
            "One call of a model, as the front sees it.",
            buckets=_REQUEST_SECONDS,
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


class _MemoryCollector(Collector):
    """Living hosts alone: a series ends with its host."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, str], int] = {}

    def describe(self) -> Iterable[Metric]:
        return (self._family(),)

    def collect(self) -> Iterable[Metric]:
        family = self._family()
        for labels, held_bytes in self.held.items():
            family.add_metric(labels, held_bytes)
        return (family,)

    @staticmethod
    def _family() -> GaugeMetricFamily:
        help_text = "Resident memory of a host and all that it has forked; `host` is its pid."
        labels = ("model", "version", "host")
        return GaugeMetricFamily("podium_host_memory_bytes", help_text, labels=labels)


class _SlotCollector(Collector):
    def __init__(self, slots: Slots, clock: Callable[[], float]) -> None:
        self._slots = slots
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        return (self._info(), self._lag(0.0))

    def collect(self) -> Iterable[Metric]:
        info, now = self._info(), self._clock()
        for slot in self._slots.values():
            if slot.version is not None:
                info.add_metric((slot.ref.name, slot.ref.alias, slot.version.version), 1)
        return (info, self._lag(max(slot.status(now).lag for slot in self._slots.values())))

    @staticmethod
    def _info() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "podium_slot_info", "The version that serves.", labels=(*_SLOT, "version")
        )

    @staticmethod
    def _lag(seconds: float) -> GaugeMetricFamily:
        help_text = "The longest for which a slot has not served what its alias points to."
        return GaugeMetricFamily("podium_alias_lag_seconds", help_text, value=seconds)
