"""What HTTP counts: requests, connections, deliveries of the webhook, and what is held for them."""

from collections.abc import Callable, Mapping, Sized
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from service.predicting.request import HeldBytes, RequestRecord
from service.refs import ModelRef
from service.server.timeouts import Ended
from service.telemetry.metrics.request_counts import CountedKind, KindCounts, RequestCounts

WEBHOOK_HEARD = ("taken", "ignored")
"""Outcomes of deliveries of the webhook that were believed."""
_WEBHOOK_REFUSED = (
    *("delivery_forged", "delivery_expired", "delivery_repeated", "delivery_unreadable"),
    *("body_too_large", "body_too_slow", "unsupported_media_type", "overloaded"),
)


class HttpMetrics:
    """The `RequestObserver` and the `Series` of `/metrics` for what HTTP does.

    `found` is told of each slot and version that has series from then on.
    """

    def __init__(
        self, registry: CollectorRegistry, found: Callable[[ModelRef, str | None], None]
    ) -> None:
        self._found = found
        self._counts = RequestCounts()
        registry.register(self._counts)
        self._places: dict[tuple[str, str | None, str, int, str | None], KindCounts] = {}
        self._counter = counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self._webhook: Counter | None = None
        self._connections_ended = counter(
            "podium_connections_ended_total",
            "Connections that the service has ended, by why.",
            ("reason",),
        )
        for reason in Ended:
            self._connections_ended.labels(reason)
        self._connections = gauge("podium_connections", "Open connections to clients.")
        self._held_bytes = gauge(
            "podium_held_bytes",
            "Bodies of requests that are not answered, and long replies that are not taken.",
            ("kind",),
        )

    def answered(self, record: RequestRecord) -> None:
        """Counts a request."""
        kind = (record.slot, record.version, record.route, record.code, record.error)
        place = self._places.get(kind) or self._begin(CountedKind(*kind))
        place.requests.value += 1
        place.seconds.add(record.seconds)
        if place.errors is not None:
            place.errors.value += 1

    def slot_came(self, ref: ModelRef) -> None:
        """Nothing: which routes and statuses there will be is not known."""

    def version_came(self, ref: ModelRef, version: str) -> None:
        """Its requests are counted from zero."""
        self._counts.seconds(ref, version)

    def version_left(self, ref: ModelRef, version: str) -> None:
        """How long its answers took is told no more; how many requests there were is."""
        self._counts.remove_version(ref, version)
        self._leave(lambda place: place.ref == ref and place.version == version)

    def slot_left(self, ref: ModelRef) -> None:
        """Nothing is told of its requests any more."""
        self._counts.remove_slot(ref)
        self._leave(lambda place: place.ref == ref)

    def _begin(self, kind: CountedKind) -> KindCounts:
        # As ModelRef is written: a name may hold an @, an alias does not.
        name, _, alias = kind.slot.rpartition("@")
        ref = ModelRef(name, alias)
        self._found(ref, kind.version)
        place = self._places[kind] = self._counts.place(ref, kind)
        return place

    def _leave(self, left: Callable[[KindCounts], bool]) -> None:
        for kind, place in list(self._places.items()):
            if left(place):
                del self._places[kind]

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
        self._webhook = self._counter(
            "podium_webhook_deliveries_total",
            "Deliveries of MLflow's webhook: taken, ignored, or the code they were refused with.",
            ("outcome",),
        )
        for outcome in (*WEBHOOK_HEARD, *_WEBHOOK_REFUSED):
            self._webhook.labels(outcome)

    def webhook_delivered(self, outcome: str) -> None:
        """Counts a delivery."""
        if self._webhook is not None:
            self._webhook.labels(outcome).inc()
