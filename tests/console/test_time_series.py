"""Counts by the second: what is counted where, for how long, and that fronts add up."""

import gc
import sys
from array import array
from collections import Counter
from types import FunctionType, ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.console.time_series import (
    BOUNDS,
    KEPT_SECONDS,
    KeptSeries,
    Point,
    SeriesKey,
    SeriesPoints,
    TimeSeries,
    added,
)
from service.predicting.request import RequestRecord

CHAMPION = SeriesKey("iris", "champion", None, "3")


class Wall:
    """A clock on the wall that moves when told."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.now


@pytest.fixture
def wall() -> Wall:
    """A clock of this test's own."""
    return Wall()


@pytest.fixture
def series(wall: Wall) -> TimeSeries:
    """Nothing is counted yet."""
    return TimeSeries(wall)


def record(  # noqa: PLR0913 - what a record may say, all with defaults
    slot: str = "iris@champion",
    version: str | None = "3",
    code: int = 200,
    seconds: float = 0.002,
    *,
    error: str | None = None,
    asked: str | None = None,
) -> RequestRecord:
    """One request, answered by version 3 in 2 ms unless something else is said."""
    return RequestRecord(slot, "predict", version, code, seconds, 1, "id", error, None, None, asked)


def second_of(history: SeriesPoints, key: SeriesKey = CHAMPION) -> Point:
    """The only second of that series."""
    (point,) = history[key]
    return point


def test_request_is_counted_in_the_second_of_its_end(wall: Wall, series: TimeSeries) -> None:
    """That second is told once it is over."""
    series.answered(record())
    assert series.history() == {}, "it goes on"
    wall.now += 1
    assert second_of(series.history()).second == wall.now - 1
    assert second_of(series.history()).answers == 1


@pytest.mark.parametrize(
    ("code", "error", "place"),
    [
        (200, None, "answers"),
        (422, "invalid_input", "refused"),
        (499, "client_gone", "refused"),
        (500, "model_failed", "failed"),
        (503, "overloaded", "failed"),
    ],
)
def test_requests_are_told_apart_by_whose_fault_it_is(
    wall: Wall, series: TimeSeries, code: int, error: str | None, place: str
) -> None:
    """Each is counted in one place, and its latency beside."""
    series.answered(record(code=code, error=error))
    wall.now += 1
    point = second_of(series.history())
    assert getattr(point, place) == 1
    assert sum(point[1:4]) == sum(point.counts) == 1


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (BOUNDS[0], 0), (0.0006, 1), (BOUNDS[-1], len(BOUNDS) - 1), (61.0, len(BOUNDS))],
)
def test_latency_counts_in_the_bucket_whose_upper_bound_it_does_not_exceed(
    wall: Wall, series: TimeSeries, seconds: float, bucket: int
) -> None:
    """As Prometheus's `le` has it; the last bucket has no bound."""
    series.answered(record(seconds=seconds))
    wall.now += 1
    counts = second_of(series.history()).counts
    assert len(counts) == len(BOUNDS) + 1
    assert [place for place, count in enumerate(counts) if count] == [bucket]


def test_arm_counts_at_the_slot_that_was_asked(wall: Wall, series: TimeSeries) -> None:
    """An operator looks at a slot and at who answers for it; a name may hold an @."""
    series.answered(record("a@b@v7", "7", asked="a@b@champion"))
    series.answered(record("a@b@v7", "7"))
    wall.now += 1
    assert set(series.history()) == {
        SeriesKey("a@b", "champion", "v7", "7"),
        SeriesKey("a@b", "v7", None, "7"),
    }


def test_what_no_version_has_answered_is_a_series_of_its_own(
    wall: Wall, series: TimeSeries
) -> None:
    """Where nothing serves, that is what an operator has to see."""
    series.answered(record(version=None, code=503, error="no_servable"))
    wall.now += 1
    assert set(series.history()) == {SeriesKey("iris", "champion", None, None)}


def test_seconds_without_a_request_are_left_out(wall: Wall, series: TimeSeries) -> None:
    """A quiet slot costs nothing."""
    began = int(wall.now)
    series.answered(record())
    wall.now += 10
    series.answered(record())
    wall.now += 1
    assert [point.second - began for point in series.history()[CHAMPION]] == [0, 10]


def test_only_the_seconds_that_are_asked_for_are_told(wall: Wall, series: TimeSeries) -> None:
    """The last one that is over is one of them."""
    for _ in range(5):
        series.answered(record())
        wall.now += 1
    last = series.last_second
    assert [point.second for point in series.history(2)[CHAMPION]] == [last - 1, last]


def test_version_that_has_left_is_told_for_a_quarter_of_an_hour(
    wall: Wall, series: TimeSeries
) -> None:
    """Then it takes no memory either."""
    series.answered(record())
    wall.now += KEPT_SECONDS
    series.answered(record(version="4"))
    assert CHAMPION in series.history()
    wall.now += 1
    assert CHAMPION not in series.history()
    wall.now += 60
    series.answered(record(version="4"))
    assert len(series) == 1


def test_clock_that_is_set_back_counts_from_there(wall: Wall, series: TimeSeries) -> None:
    """Seconds that it had gone too far would else be told twice."""
    right = wall.now
    for ahead in (0, 600, 601, 1, 2):
        wall.now = right + ahead
        series.answered(record())
    wall.now += 1
    seconds = [point.second - int(right) for point in series.history()[CHAMPION]]
    assert seconds == [0, 1, 2]


def test_clock_that_is_set_back_within_a_second_loses_nothing(
    wall: Wall, series: TimeSeries
) -> None:
    """Time servers do that every day."""
    for now in (0.9, 1.1, 0.9, 1.1):
        wall.now = 1_800_000_000 + now
        series.answered(record())
    wall.now += 1
    assert sum(point.answers for point in series.history()[CHAMPION]) >= 3


def test_versions_of_a_clock_that_was_years_ahead_leave(wall: Wall, series: TimeSeries) -> None:
    """They would stay for these years."""
    wall.now += 10**8
    series.answered(record())
    wall.now += 1
    series.answered(record(version="4"))
    wall.now -= 10**8
    series.answered(record(version="5"))
    assert len(series) == 1


def test_what_is_read_in_a_thread_does_not_grow_under_the_reader(
    wall: Wall, series: TimeSeries
) -> None:
    """The loop counts on meanwhile, in the same memory."""
    series.answered(record())
    wall.now += 1
    last = series.last_second
    (kept,) = series.kept()
    reading = kept.between(0, last)
    for _ in range(2 * KEPT_SECONDS):
        series.answered(record())
        wall.now += 1
    assert [row[1] for row in reading] == [], "cut away before the first was read"
    (kept,) = series.kept()
    reading = kept.between(0, series.last_second)
    next(reading)
    series.answered(record())
    wall.now += 1
    assert series.last_second
    assert len(list(reading)) >= KEPT_SECONDS - 1


def test_rows_are_found_by_their_seconds() -> None:
    """Also where all or none of them are asked for."""
    width = 4 + len(BOUNDS) + 1
    rows = array("I")
    for second in (10, 20, 30):
        rows.extend([second] + [1] * (width - 1))
    kept = KeptSeries(CHAMPION, rows)
    asked = ((0, 9), (10, 10), (11, 29), (10, 30), (31, 99))
    found = [[point.second for point in kept.points(*each)] for each in asked]
    assert found == [[], [10], [20], [10, 20, 30], []]


KEYS = st.builds(
    SeriesKey,
    st.just("iris"),
    st.sampled_from(["champion", "blue"]),
    st.none() | st.just("v7"),
    st.none() | st.sampled_from(["3", "4"]),
)
COUNTS = st.integers(0, 2**40)
POINTS = st.builds(Point, st.integers(0, 20), COUNTS, COUNTS, COUNTS, st.tuples(COUNTS, COUNTS))
COUNTED = st.dictionaries(
    KEYS,
    st.lists(POINTS, min_size=1, unique_by=lambda point: point.second).map(
        lambda points: tuple(sorted(points))
    ),
)


def totals(*histories: SeriesPoints) -> Counter[tuple[object, ...]]:
    """Every number of them, by its place."""
    found = Counter[tuple[object, ...]]()
    for history in histories:
        for key, points in history.items():
            for point in points:
                for place, count in enumerate((*point[1:4], *point.counts)):
                    found[key, point.second, place] += count
    return found


@given(COUNTED, COUNTED)
def test_histories_of_two_fronts_add_up(one: SeriesPoints, other: SeriesPoints) -> None:
    """Nothing is lost or counted twice, and the seconds are in order still."""
    both = added(one, other)
    assert totals(both) == totals(one, other)
    assert all(list(points) == sorted(points) for points in both.values())
    assert added(other, one) == both


@given(COUNTED, COUNTED, COUNTED)
def test_three_fronts_may_be_added_in_any_order(
    one: SeriesPoints, two: SeriesPoints, three: SeriesPoints
) -> None:
    """And a front that has counted nothing changes nothing."""
    assert added(added(one, two), three) == added(one, added(two, three))
    assert added(one, {}) == one == added({}, one)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.sampled_from(["3", "4"]))))
def test_two_fronts_that_shared_the_requests_count_what_one_would(
    requests: list[tuple[bool, int, str]],
) -> None:
    """Whichever of them has answered which."""
    wall = Wall()
    alone, left, right = TimeSeries(wall), TimeSeries(wall), TimeSeries(wall)
    for goes_left, pause, version in requests:
        wall.now += pause
        alone.answered(record(version=version))
        (left if goes_left else right).answered(record(version=version))
    wall.now += 1
    assert added(left.history(), right.history()) == alone.history()


def size_of(root: object) -> int:
    """Bytes of all that is reachable from it, but for classes and what they are made of."""
    seen, waiting, size = set[int](), [root], 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | FunctionType | ModuleType):
            continue
        seen.add(id(each))
        size += sys.getsizeof(each)
        waiting += gc.get_referents(each)
    return size


def test_an_hour_of_five_thousand_requests_a_second_takes_bounded_memory(
    wall: Wall, series: TimeSeries
) -> None:
    """Eighteen million requests of two slots, one of them moved every minute.

    What is kept of the last quarter of an hour is all that is kept.
    """
    steady = [record(seconds=0.0004 * 2**power) for power in range(18)] * 276
    count, sizes = series.answered, list[int]()
    for minute in range(60):
        moved = record("b@blue", str(minute), seconds=0.002)
        second = [*steady, *[moved] * (5000 - len(steady))]
        for _ in range(60):
            for each in second:
                count(each)
            wall.now += 1
        if minute >= 16:  # from here on as much leaves as comes
            sizes.append(size_of(series))
    history = series.history()
    assert sum(point.answers for points in history.values() for point in points) == 5000 * 900
    assert len(series) <= 1 + 17, "versions that have left are gone"
    assert max(sizes) - min(sizes) < 50_000
    assert max(sizes) < 500_000
