"""Requests are counted as Prometheus's own client would count them."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from service.predicting.request import RequestRecord
from service.telemetry.metrics.http import HttpMetrics
from service.telemetry.metrics.lives import REQUEST_SECONDS, SLOT, SLOT_VERSION

RECORDS = st.lists(
    st.builds(
        RequestRecord,
        slot=st.sampled_from(["iris@champion", "iris@b", "a@b@c"]),
        route=st.sampled_from(["predict", "invocations"]),
        version=st.sampled_from([None, "1", "2"]),
        code=st.sampled_from([200, 422, 499]),
        seconds=st.one_of(st.sampled_from(REQUEST_SECONDS), st.floats(0, 100)),
        rows=st.just(1),
        request_id=st.just("a"),
        error=st.sampled_from([None, "invalid_input"]),
    ),
    min_size=1,
)


@given(RECORDS)
def test_scrape_shows_what_the_clients_own_counters_would(records: list[RequestRecord]) -> None:
    """Names, labels, bounds and counts, line by line."""
    own, theirs = CollectorRegistry(), CollectorRegistry()
    counted = HttpMetrics(own, lambda ref, version: None)
    requests = Counter("podium_requests", "-", (*SLOT, "route", "code"), registry=theirs)
    errors = Counter("podium_request_errors", "-", (*SLOT, "error"), registry=theirs)
    seconds = Histogram(
        "podium_request_seconds", "-", SLOT_VERSION, buckets=REQUEST_SECONDS, registry=theirs
    )
    for each in records:
        counted.answered(each)
        name, _, alias = each.slot.rpartition("@")
        requests.labels(name, alias, each.route, str(each.code)).inc()
        seconds.labels(name, alias, each.version or "").observe(each.seconds)
        if each.error is not None:
            errors.labels(name, alias, each.error).inc()
    expected = lines(theirs)
    assert expected <= lines(own)
    assert {line for line in lines(own) if line.startswith("podium_request")} == expected


def lines(registry: CollectorRegistry) -> set[str]:
    """The samples, without when they began."""
    text = generate_latest(registry).decode()
    return {
        line for line in text.splitlines() if not line.startswith("#") and "_created" not in line
    }
