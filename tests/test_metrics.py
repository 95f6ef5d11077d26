"""Prometheus metrics: their names, their labels, and when a series ends."""

from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from service.following.ports import Missing
from service.following.refs import ModelRef, VersionId
from service.following.slots import Failure, Slots
from service.http.held import HeldBytes, Holding
from service.http.observer import RequestRecord
from service.metrics.metrics import Metrics
from service.processes.ending import EndReason
from service.server.patience import Ended
from tests.support.serving import make_binding

IRIS = ModelRef("iris", "champion")
AT_SIGN = ModelRef("a@b", "prod")
ONE, TWO = VersionId("iris", 1, "1"), VersionId("iris", 1, "2")
FAILURE = Failure("load", "load_failed", "The model could not be loaded.", 0.0)
SLOT = {"model": "iris", "alias": "champion"}


class Time:
    """A clock that moves when told."""

    now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def registry() -> CollectorRegistry:
    """A registry of this test's own."""
    return CollectorRegistry()


@pytest.fixture
def time() -> Time:
    """A clock at 100 s."""
    return Time()


@pytest.fixture
def metrics(registry: CollectorRegistry, time: Time) -> Metrics:
    """Metrics on that clock."""
    return Metrics(registry, time)


@pytest.fixture
def slots(metrics: Metrics, time: Time) -> Slots:
    """Two slots that are watched, both empty."""
    slots = Slots([IRIS, AT_SIGN])
    metrics.watch(slots, time)
    return slots


def record(slot: ModelRef = IRIS, code: int = 200, seconds: float = 0.002) -> RequestRecord:
    """A request that was answered."""
    return RequestRecord(str(slot), "predict", "1", code, seconds, 1, "id", None)


def info(registry: CollectorRegistry) -> list[Mapping[str, str]]:
    """The labels of every series of `podium_slot_info`."""
    return [
        sample.labels
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "podium_slot_info"
    ]


def test_every_promised_name_is_exposed(
    registry: CollectorRegistry, metrics: Metrics, slots: Slots
) -> None:
    """The names are a public interface."""
    metrics.http.answered(record())
    metrics.following.swapped(IRIS, None, ONE, {"fetch": 0.1})
    slots.default.binding = make_binding(IRIS)
    metrics.hosting.pool(ONE).memory(7, 1)
    text = generate_latest(registry).decode()

    for line in (
        'podium_requests_total{alias="champion",code="200",model="iris",route="predict"} 1.0',
        "podium_request_seconds_count 1.0",
        "podium_batch_rows_count 0.0",
        "podium_queue_requests 0.0",
        "podium_predict_seconds_count 0.0",
        'podium_slot_info{alias="champion",model="iris",version="1"} 1.0',
        'podium_swaps_total{alias="champion",model="iris",outcome="swapped"} 1.0',
        'podium_swap_seconds_count{stage="fetch"} 1.0',
        "podium_alias_lag_seconds 0.0",
        "podium_registry_look_age_seconds 0.0",
        'podium_host_restarts_total{model="iris",reason="signal"} 0.0',
        'podium_host_memory_bytes{host="7",model="iris",version="1"} 1.0',
        "podium_zygote_restarts_total 0.0",
    ):
        assert line in text.splitlines()


def test_requests_are_counted_by_slot_and_status(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """A name with an @ keeps it."""
    for each in (record(), record(), record(code=422), record(AT_SIGN)):
        metrics.http.answered(each)

    def count(model: str, alias: str, code: str) -> float | None:
        labels = {"model": model, "alias": alias, "route": "predict", "code": code}
        return registry.get_sample_value("podium_requests_total", labels)

    assert count("iris", "champion", "200") == 2
    assert count("iris", "champion", "422") == 1
    assert count("a@b", "prod", "200") == 1


def test_p8_series_of_a_retired_version_is_gone(registry: CollectorRegistry, slots: Slots) -> None:
    """One version a slot, at every moment."""
    slots.default.binding = make_binding(IRIS, "1")
    before = info(registry)
    slots.default.binding = make_binding(IRIS, "2")

    assert before == [{**SLOT, "version": "1"}]
    assert info(registry) == [{**SLOT, "version": "2"}]


def test_lag_is_that_of_the_slot_furthest_behind(
    registry: CollectorRegistry, slots: Slots, time: Time
) -> None:
    """It grows while nothing happens."""
    slots.default.aspired, slots.default.aspired_since = TWO, 90.0
    before = registry.get_sample_value("podium_alias_lag_seconds")
    time.now += 30

    assert before == 10.0
    assert registry.get_sample_value("podium_alias_lag_seconds") == 40.0


def test_p5_look_ages_until_the_registry_answers(
    registry: CollectorRegistry, metrics: Metrics, time: Time
) -> None:
    """Silence and failures show alike; only an answer makes it young."""
    time.now += 5
    metrics.following.looked(0.1, FAILURE)
    during = registry.get_sample_value("podium_registry_look_age_seconds")
    metrics.following.looked(0.1, None)

    assert during == 5.0
    assert registry.get_sample_value("podium_registry_look_age_seconds") == 0.0


def test_first_swap_shows_as_an_increase(
    registry: CollectorRegistry, metrics: Metrics, slots: Slots
) -> None:
    """Both outcomes of each slot start at zero."""
    outcomes = [
        registry.get_sample_value("podium_swaps_total", {**SLOT, "outcome": outcome})
        for outcome in ("swapped", "refused")
    ]
    metrics.following.refused(IRIS, TWO, FAILURE)

    assert outcomes == [0.0, 0.0]
    assert registry.get_sample_value("podium_swaps_total", {**SLOT, "outcome": "refused"}) == 1.0


def test_queue_is_the_sum_over_pools(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Each pool tells its own length; what one has left behind does not stay."""
    first, second = metrics.hosting.pool(ONE), metrics.hosting.pool(TWO)
    first.queued(3)
    second.queued(4)
    first.queued(1)
    both = registry.get_sample_value("podium_queue_requests")
    second.queued(0)

    assert both == 5
    assert registry.get_sample_value("podium_queue_requests") == 1


def test_batches_and_restarts_are_totals(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Rows and seconds of each call, and every replaced host by its reason."""
    pool = metrics.hosting.pool(ONE)
    pool.batch(64, 0.004)
    pool.host_restarted(EndReason.MEMORY)
    memory = {"model": "iris", "reason": "memory"}

    assert registry.get_sample_value("podium_batch_rows_sum") == 64
    assert registry.get_sample_value("podium_predict_seconds_sum") == 0.004
    assert registry.get_sample_value("podium_host_restarts_total", memory) == 1


def test_connections_and_what_they_hold_are_shown(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """Ended ones by why, from the beginning, for a rate needs a zero."""
    held = HeldBytes(100)
    metrics.http.watch_connections({1, 2, 3})
    metrics.http.watch_held(held, HeldBytes(100))
    metrics.http.connections_ended({Ended.IDLE: 2})
    Holding(held).take(40)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("podium_connections") == 3
    assert value("podium_held_bytes", kind="bodies") == 40
    assert value("podium_held_bytes", kind="replies") == 0
    assert value("podium_connections_ended_total", reason="idle") == 2
    assert value("podium_connections_ended_total", reason="refused") == 0


def test_p8_memory_of_a_host_is_shown_until_it_ends(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """No series outlives its host."""
    pool = metrics.hosting.pool(ONE)
    pool.memory(4711, 2**28)
    labels = {"model": "iris", "version": "1", "host": "4711"}
    during = registry.get_sample_value("podium_host_memory_bytes", labels)
    pool.host_ended(4711)

    assert during == 2**28
    assert registry.get_sample_value("podium_host_memory_bytes", labels) is None


def test_p4_slot_says_which_state_it_is_in_and_whether_its_alias_is_there(
    registry: CollectorRegistry, slots: Slots
) -> None:
    """One sample for each slot and state, from the start."""
    slot = slots[str(IRIS)]
    slot.binding = make_binding(IRIS, "1")
    slot.fallback = slot.version
    slot.absent = Missing.ALIAS

    def states(model: str, alias: str) -> Mapping[str, float | None]:
        names = ("empty", "loading", "serving", "refused", "alias_missing", "last_known_good")
        labels = {"model": model, "alias": alias}
        return {
            name: registry.get_sample_value("podium_slot_state", labels | {"state": name})
            for name in names
        }

    assert [state for state, holds in states("iris", "champion").items() if holds == 1] == [
        "serving",
        "alias_missing",
        "last_known_good",
    ]
    assert [state for state, holds in states("a@b", "prod").items() if holds == 1] == ["empty"]
    assert set(states("a@b", "prod").values()) == {0, 1}
