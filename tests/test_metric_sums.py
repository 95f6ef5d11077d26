"""What is counted can be added up over several fronts, series by series."""

from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from structlog import get_logger

from service.predicting.request import RequestRecord
from service.refs import ModelRef, VersionId
from service.telemetry.residency import ResidencyReport
from tests.support.watched import Watched

IRIS = ModelRef("iris", "champion")
# Each gauge: a sum over the fronts, or what whoever follows the registry knows and no other front.
ADDED = {
    *("podium_connections", "podium_held_bytes", "podium_queue_requests"),
    *("podium_host_memory_bytes", "podium_resident_versions"),
}
FOLLOWED = {
    "podium_slot_share_ratio",
    *("podium_alias_lag_seconds", "podium_slot_failure", "podium_slot_info", "podium_slot_state"),
    *("podium_slot_swapped_timestamp_seconds", "podium_slots_left_out", "podium_build_info"),
    "podium_registry_look_age_seconds",
}


def two_versions(service: Watched) -> None:
    """A swap, and requests by both."""
    service.serve(IRIS, "1")
    for _ in range(3):
        service.answer(IRIS, "1")
    service.serve(IRIS, "2")


def failures(service: Watched) -> None:
    """A request that nobody answered, and another version's."""
    service.metrics.http.answered(
        RequestRecord(str(IRIS), "predict", None, 503, 0.3, 0, "", "no_servable")
    )
    service.metrics.hosting.pool(VersionId("iris", 1, "2")).batch(64, 0.7, "champion")
    service.serve(IRIS, "2")


def counted(
    *events: Callable[[Watched], None],
) -> Mapping[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Counters and histograms of a front in which that has happened."""
    service = Watched(IRIS)
    for event in events:
        event(service)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in service.registry.collect()
        if family.type in {"counter", "histogram"} and not family.name.startswith("process_")
        for sample in family.samples
    }


def test_counts_of_two_fronts_are_those_of_one_that_has_done_all() -> None:
    """Requests and batches of each version among them, by the alias that they came by."""
    one, other, both = counted(two_versions), counted(failures), counted(two_versions, failures)
    summed = Counter(one) + Counter(other)
    assert {key: value for key, value in both.items() if value} == pytest.approx(dict(summed))
    batches = {key: value for key, value in summed.items() if key[0] == "podium_batch_rows_count"}
    assert sorted(dict(labels)["version"] for _, labels in batches) == ["1", "2"]


def test_every_gauge_is_a_sum_or_the_followers_own() -> None:
    """No last value, maximum or age of a request: nothing could be made of several fronts' own."""
    service = Watched(IRIS)
    ResidencyReport(service.registry, get_logger())
    gauges = {
        family.name
        for family in service.registry.collect()
        if family.type == "gauge" and not family.name.startswith("process_")
    }
    assert gauges <= ADDED | FOLLOWED
    assert len(gauges & ADDED) > 3
