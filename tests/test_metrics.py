"""Prometheus metrics: their names, their labels, and when a series ends."""

from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.samples import Sample

from service.following.pace import Trigger
from service.following.ports import Missing
from service.following.pursuit import Pursuit
from service.following.slot import Wish
from service.following.slot_status import Failure
from service.following.slots import Slots
from service.predicting.request import HeldBytes, RequestRecord, RequestShare
from service.processes.front.ending import EndReason
from service.refs import ModelRef, VersionId
from service.rollout.rollout_plan import NO_PLAN
from service.server.timeouts import Ended
from service.split_tag import ArmShare, Split
from service.telemetry.metrics.metrics import Metrics
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


def samples(registry: CollectorRegistry, name: str) -> list[Sample]:
    """Every sample of that name."""
    return [
        sample for family in registry.collect() for sample in family.samples if sample.name == name
    ]


def info(registry: CollectorRegistry) -> list[Mapping[str, str]]:
    """The labels of every series of `podium_slot_info`."""
    return [sample.labels for sample in samples(registry, "podium_slot_info")]


def test_every_promised_name_is_exposed(
    registry: CollectorRegistry, metrics: Metrics, slots: Slots
) -> None:
    """The names are a public interface."""
    metrics.http.answered(record())
    metrics.following.swapped(IRIS, None, ONE, {"fetch": 0.1})
    slots.default.serve(make_binding(IRIS))
    pool = metrics.hosting.pool(ONE)
    pool.memory(7, 1)
    pool.batch(1, 0.001, "champion")
    metrics.following.refused(IRIS, TWO, FAILURE)
    text = generate_latest(registry).decode()

    slot, refusals = 'alias="champion",model="iris"', "podium_version_refusals_total"
    for line in (
        'podium_requests_total{alias="champion",code="200",model="iris",route="predict"} 1.0',
        f'podium_request_seconds_count{{{slot},version="1"}} 1.0',
        f'podium_batch_rows_count{{{slot},version="1"}} 1.0',
        f'podium_predict_seconds_count{{{slot},version="1"}} 1.0',
        f'podium_queue_requests{{{slot},version="1"}} 0.0',
        f'podium_slot_info{{{slot},version="1"}} 1.0',
        f'podium_swaps_total{{{slot},outcome="swapped"}} 1.0',
        f'podium_swap_seconds_count{{{slot},stage="fetch"}} 1.0',
        f'{refusals}{{alias="champion",code="load_failed",model="iris",stage="load"}} 1.0',
        f"podium_alias_lag_seconds{{{slot}}} 0.0",
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
    slots.default.serve(make_binding(IRIS, "1"))
    before = info(registry)
    slots.default.serve(make_binding(IRIS, "2"))

    assert before == [{**SLOT, "version": "1"}]
    assert info(registry) == [{**SLOT, "version": "2"}]


def test_lag_is_shown_for_each_slot(registry: CollectorRegistry, slots: Slots, time: Time) -> None:
    """It grows while nothing happens, and is 0 where nothing is behind."""
    slots.default.aspire(TWO, Wish(Trigger.POLL, 0.0, 90.0))
    before = registry.get_sample_value("podium_alias_lag_seconds", SLOT)
    time.now += 30

    assert before == 10.0
    assert registry.get_sample_value("podium_alias_lag_seconds", SLOT) == 40.0
    other = {"model": "a@b", "alias": "prod"}
    assert registry.get_sample_value("podium_alias_lag_seconds", other) == 0.0


def test_p5_look_ages_until_the_registry_answers(
    registry: CollectorRegistry, metrics: Metrics, time: Time
) -> None:
    """Silence and failures show alike; only an answer makes it young."""
    time.now += 5
    metrics.following.looked(FAILURE)
    during = registry.get_sample_value("podium_registry_look_age_seconds")
    metrics.following.looked(None)

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


def test_queue_says_who_waits_for_what(
    registry: CollectorRegistry, metrics: Metrics, slots: Slots
) -> None:
    """By alias, where two share a version; none waits for one whose pool has been closed."""
    slots.default.serve(make_binding(IRIS, "2"))
    waiting = {"champion": 3, "challenger": 1}
    first, second = metrics.hosting.pool(ONE), metrics.hosting.pool(TWO)
    first.opened(lambda: waiting)
    second.opened(dict)

    def queues() -> Mapping[tuple[str, str], float]:
        return {
            (sample.labels["alias"], sample.labels["version"]): sample.value
            for sample in samples(registry, "podium_queue_requests")
        }

    assert queues() == {("champion", "1"): 3, ("challenger", "1"): 1, ("champion", "2"): 0}
    first.closed()
    assert queues() == {("champion", "2"): 0}


def test_batches_are_counted_by_slot_and_version(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """Rows and seconds of each call, and every replaced host by its reason."""
    pool = metrics.hosting.pool(ONE)
    pool.batch(64, 0.004, "champion")
    pool.batch(2, 0.5, "challenger")
    pool.host_restarted(EndReason.MEMORY)
    labels = {**SLOT, "version": "1"}

    assert registry.get_sample_value("podium_batch_rows_sum", labels) == 64
    assert registry.get_sample_value("podium_predict_seconds_sum", labels) == 0.004
    assert registry.get_sample_value("podium_batch_rows_sum", labels | {"alias": "challenger"}) == 2
    memory = {"model": "iris", "reason": "memory"}
    assert registry.get_sample_value("podium_host_restarts_total", memory) == 1


def test_connections_and_what_they_hold_are_shown(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """Ended ones by why, from the beginning, for a rate needs a zero."""
    held = HeldBytes(100)
    metrics.http.watch_connections({1, 2, 3})
    metrics.http.watch_held(held, HeldBytes(100))
    metrics.http.connections_ended({Ended.IDLE: 2})
    RequestShare(held).take(40)

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
    slot.serve(make_binding(IRIS, "1"))
    slot.fallback_pursuit = Pursuit(slot.version)
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


def test_slot_without_alias_is_shown_as_missing_and_not_ready(
    registry: CollectorRegistry, slots: Slots
) -> None:
    """Whoever waits for all slots to be ready can leave it out."""
    slot = slots[str(IRIS)]
    slot.absent, slot.has_no_fallback = Missing.MODEL, True
    slots[str(AT_SIGN)].serve(make_binding(AT_SIGN))

    def holds(state: str, labels: Mapping[str, str] = SLOT) -> float | None:
        return registry.get_sample_value("podium_slot_state", {**labels, "state": state})

    assert (holds("missing"), holds("alias_missing"), holds("ready"), holds("empty")) == (
        1,
        1,
        0,
        1,
    )
    other = {"model": "a@b", "alias": "prod"}
    assert (holds("missing", other), holds("ready", other)) == (0, 1)


def test_p18_shares_are_shown_of_a_slot_that_shares_its_requests(
    registry: CollectorRegistry, slots: Slots
) -> None:
    """By arm and version, its own too; of the others there is no such series."""
    assert samples(registry, "podium_slot_share_ratio") == []
    slot = slots.default
    arm = ModelRef(slot.ref.name, "v7")
    slots.add_arms([arm])
    slots[str(arm)].serve(make_binding(arm, "7"))
    slot.serve(make_binding(slot.ref))
    slot.plan = replace(NO_PLAN, split=Split((ArmShare("v7", 250),)))
    slot.compose()
    shown = samples(registry, "podium_slot_share_ratio")
    assert [(each.labels["arm"], each.labels["version"], each.value) for each in shown] == [
        (slot.ref.alias, "1", 0.975),
        ("v7", "7", 0.025),
    ]


def test_last_failure_is_shown_with_its_code_until_it_is_put_right(
    registry: CollectorRegistry, slots: Slots
) -> None:
    """Of which version, or of none where a look failed."""
    slot, shown = slots.default, {**SLOT, "version": "2", "stage": "load", "code": "load_failed"}
    slot.failure = replace(FAILURE, version=TWO)
    assert registry.get_sample_value("podium_slot_failure", shown) == 1
    slot.failure = Failure("look", "registry_unreachable", "It is gone.", 0.0)
    (of_look,) = samples(registry, "podium_slot_failure")
    assert of_look.labels["version"] == ""
    slot.failure = None
    assert samples(registry, "podium_slot_failure") == []


def test_time_of_the_swap_is_shown_with_its_version(
    registry: CollectorRegistry, slots: Slots
) -> None:
    """For marks on a dashboard."""
    slots.default.serve(make_binding(IRIS, "2"), 1_800_000_000.0)
    (swapped,) = samples(registry, "podium_slot_swapped_timestamp_seconds")
    assert (swapped.labels, swapped.value) == ({**SLOT, "version": "2"}, 1_800_000_000.0)


def test_errors_are_counted_by_their_code(registry: CollectorRegistry, metrics: Metrics) -> None:
    """The one in the reply, beside the status in `podium_requests_total`."""
    metrics.http.answered(record())
    for _ in range(2):
        metrics.http.answered(record(code=503)._replace(error="overloaded"))
    (errors,) = samples(registry, "podium_request_errors_total")
    assert (errors.labels, errors.value) == ({**SLOT, "error": "overloaded"}, 2)


def test_request_that_no_version_answered_has_an_empty_version(
    registry: CollectorRegistry, metrics: Metrics
) -> None:
    """To Prometheus, none at all."""
    metrics.http.answered(record(code=503)._replace(version=None, error="no_servable"))
    (count,) = samples(registry, "podium_request_seconds_count")
    assert count.labels == {**SLOT, "version": ""}


def test_build_and_process_are_shown(registry: CollectorRegistry, metrics: Metrics) -> None:
    """What runs, and what it takes; nobody asks when a series began."""
    (build,) = samples(registry, "podium_build_info")
    assert build.labels["version"] == metadata.version("podium")
    assert build.labels["mlflow_version"] == metadata.version("mlflow")
    metrics.http.answered(record())
    names = {sample.name for family in registry.collect() for sample in family.samples}
    assert {"process_resident_memory_bytes", "process_start_time_seconds"} <= names
    assert not [name for name in names if name.endswith("_created")]
