"""What HTTP counts: requests, connections, deliveries of the webhook, and what is held for them."""

from collections.abc import Mapping, Sized
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.following.slots import Slot, Slots
from service.http.held import HeldBytes
from service.http.observer import RequestRecord
from service.metrics.labels import REQUEST_SECONDS, SLOT
from service.server.patience import Ended

WEBHOOK_HEARD = ("taken", "ignored")
"""Outcomes of deliveries of the webhook that were believed."""
_WEBHOOK_REFUSED = (
    *("delivery_forged", "delivery_expired", "delivery_repeated", "delivery_unreadable"),
    *("body_too_large", "body_too_slow", "unsupported_media_type", "overloaded"),
)


class HttpMetrics:
    """`service.http.observer.RequestObserver`, and more."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._requests = Counter(
            "podium_requests_total",
            "Prediction requests by HTTP status; 499: the client went away.",
            (*SLOT, "route", "code"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "podium_request_seconds",
            "Prediction requests from their headers to the end of the reply.",
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self._webhook: Counter | None = None
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

    def watch(self, slots: Slots) -> None:
        """Keeps no series of slots that are gone."""
        slots.watch(lambda _: None, self._went)

    def _went(self, gone: Slot) -> None:
        ref = gone.ref
        for key in [key for key in self._counters if key[0] == str(ref)]:
            _, route, code = key
            self._requests.remove(ref.name, ref.alias, route, str(code))
            del self._counters[key]

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

    def watch_webhook(self) -> None:
        """Counts deliveries of MLflow's webhook from now on."""
        self._webhook = Counter(
            "podium_webhook_deliveries_total",
            "Deliveries of MLflow's webhook: taken, ignored, or the code they were refused with.",
            ("outcome",),
            registry=self._registry,
        )
        for outcome in (*WEBHOOK_HEARD, *_WEBHOOK_REFUSED):
            self._webhook.labels(outcome)

    def webhook_delivered(self, outcome: str) -> None:
        """Counts a delivery."""
        if self._webhook is not None:
            self._webhook.labels(outcome).inc()
