"""What HTTP counts: requests, connections, deliveries of the webhook, and what is held for them."""

from collections.abc import Callable, Mapping, Sized
from functools import partial
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.predicting.request import HeldBytes, RequestRecord
from service.refs import ModelRef
from service.server.timeouts import Ended
from service.telemetry.metrics.lives import REQUEST_SECONDS, SLOT, SLOT_VERSION

WEBHOOK_HEARD = ("taken", "ignored")
"""Outcomes of deliveries of the webhook that were believed."""
_WEBHOOK_REFUSED = (
    *("delivery_forged", "delivery_expired", "delivery_repeated", "delivery_unreadable"),
    *("body_too_large", "body_too_slow", "unsupported_media_type", "overloaded"),
)


_Series = tuple[str, str | None, str, int, str | None]


class _Place(NamedTuple):
    """Where requests of one kind are counted, looked up once for all of them."""

    ref: ModelRef
    version: str | None
    requests: Counter
    seconds: Histogram
    errors: Counter | None


class HttpMetrics:
    """The `RequestObserver` and the `Series` of `/metrics` for what HTTP does.

    `found` is told of each slot and version that has series from then on.
    """

    def __init__(
        self, registry: CollectorRegistry, found: Callable[[ModelRef, str | None], None]
    ) -> None:
        self._found = found
        self._places: dict[_Series, _Place] = {}
        self._counter = counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        self._requests = counter(
            "podium_requests_total",
            "Prediction requests by HTTP status; 499: the client went away.",
            (*SLOT, "route", "code"),
        )
        self._errors = counter(
            "podium_request_errors_total",
            "Prediction requests that were answered with an error, by its code in the reply.",
            (*SLOT, "error"),
        )
        self._request_seconds = Histogram(
            "podium_request_seconds",
            "Prediction requests from their headers to the end of the reply, by who answered.",
            SLOT_VERSION,
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
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
        place = self._places.get(kind) or self._begin(kind)
        place.requests.inc()
        place.seconds.observe(record.seconds)
        if place.errors is not None:
            place.errors.inc()

    def slot_came(self, ref: ModelRef) -> None:
        """Nothing: which routes and statuses there will be is not known."""

    def version_came(self, ref: ModelRef, version: str) -> None:
        """Its requests are counted from zero."""
        self._request_seconds.labels(ref.name, ref.alias, version)

    def version_left(self, ref: ModelRef, version: str) -> None:
        """How long its answers took is told no more; how many requests there were is."""
        self._request_seconds.remove(ref.name, ref.alias, version)
        self._leave(lambda place: place.ref == ref and place.version == version)

    def slot_left(self, ref: ModelRef) -> None:
        """Nothing is told of its requests any more."""
        of_slot = {"model": ref.name, "alias": ref.alias}
        for family in (self._requests, self._errors, self._request_seconds):
            family.remove_by_labels(of_slot)
        self._leave(lambda place: place.ref == ref)

    def _begin(self, kind: _Series) -> _Place:
        slot, version, route, code, error = kind
        # As ModelRef is written: a name may hold an @, an alias does not.
        name, _, alias = slot.rpartition("@")
        ref = ModelRef(name, alias)
        self._found(ref, version)
        place = self._places[kind] = _Place(
            ref,
            version,
            self._requests.labels(name, alias, route, str(code)),
            self._request_seconds.labels(name, alias, version or ""),
            None if error is None else self._errors.labels(name, alias, error),
        )
        return place

    def _leave(self, left: Callable[[_Place], bool]) -> None:
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
