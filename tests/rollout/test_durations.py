"""How long versions take is compared by medians, of calls with like numbers of rows."""

import pytest

from service.rollout.durations import LEAST_CALLS, Durations, slower


def _took(*calls: tuple[int, float, int]) -> Durations:
    """Of so many calls each, of so many rows, that took so long."""
    made = Durations()
    for rows, seconds, number in calls:
        for _ in range(number):
            made.add(rows, seconds)
    return made


def test_p20_three_times_as_long_is_slower_than_twice_allows() -> None:
    """The medians are told, to a tenth."""
    found = slower(_took((1, 0.03, 200)), _took((1, 0.01, 200)), 2.0)
    assert found is not None
    assert found.new_seconds == pytest.approx(0.03, rel=0.1)
    assert found.old_seconds == pytest.approx(0.01, rel=0.1)


def test_p20_few_calls_say_nothing() -> None:
    """One less than are asked for, of either."""
    few, many = (1, 0.03, LEAST_CALLS - 1), (1, 0.01, 500)
    assert slower(_took(few), _took(many), 2.0) is None
    assert slower(_took((1, 0.03, 500)), _took((1, 0.01, LEAST_CALLS - 1)), 2.0) is None


def test_p20_calls_of_many_rows_are_no_measure_for_those_of_one() -> None:
    """The new version gets larger calls, and takes longer for them alone."""
    old, new = _took((1, 0.001, 500), (500, 0.05, 500)), _took((1, 0.001, 200), (500, 0.05, 2000))
    assert slower(new, old, 1.5) is None


def test_p20_few_outliers_move_no_median() -> None:
    """A pause of the machine's."""
    assert slower(_took((1, 0.01, 300), (1, 5.0, 100)), _took((1, 0.01, 400)), 1.5) is None


def test_p20_slower_in_a_class_that_few_ask_for_is_not_slower() -> None:
    """Half of all calls that are compared have to be."""
    old = _took((1, 0.01, 1000), (64, 0.1, 300))
    new = _took((1, 0.01, 1000), (64, 0.4, 300))
    assert slower(new, old, 2.0) is None


def test_p20_durations_of_two_fronts_add_up() -> None:
    """Two halves are enough together."""
    half, old = _took((1, 0.03, 100)), _took((1, 0.01, 200))
    assert slower(half, old, 2.0) is None
    assert slower(half + _took((1, 0.03, 100)), old, 2.0) is not None


def test_p20_what_was_long_ago_weighs_less_and_less() -> None:
    """A version that got slower is compared as it is now."""
    made = _took((1, 0.001, 10_000), (1, 0.1, 5000))
    assert [seconds for _, _, seconds in made.medians()] == [pytest.approx(0.1, rel=0.1)]
