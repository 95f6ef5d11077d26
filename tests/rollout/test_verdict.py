"""The verdict on a version that bakes: seldom wrong, and soon there where it is right."""

import math
import os
import random
from fractions import Fraction

import numpy as np
import pytest

from service.rollout.verdict import (
    LOOKS,
    BakeStep,
    BakeTime,
    Sample,
    chance_of,
    is_worse,
    mostly_fails,
    next_look,
    step_of,
)

_RUNS = 10_000
_PROVEN = 1000
_TIME = BakeTime(seconds=60, most_seconds=900)


def _found_at(base: float, worse: float, seed: int, runs: int = _RUNS) -> np.ndarray:
    """Of so many bakes, the look at which each gives way; 0: it never does."""
    draw = np.random.default_rng(seed)
    old = draw.binomial(_PROVEN, base, runs)
    steps = np.diff((0, *LOOKS))
    failed = np.cumsum(draw.binomial(steps[:, None], worse, (len(LOOKS), runs)), axis=0)
    found = np.zeros(runs, dtype=int)
    for look, of_look in zip(LOOKS, failed, strict=True):
        for run in np.flatnonzero(found == 0):
            if is_worse(Sample(look, int(of_look[run])), Sample(_PROVEN, int(old[run]))):
                found[run] = look
    return found


@pytest.mark.parametrize("base", [0.0, 0.01, 0.02, 0.05, 0.10, 0.20])
def test_p20_version_as_good_as_the_one_before_seldom_gives_way(base: float) -> None:
    """At most 5 in 1,000 bakes are judged falsely, at whatever rate both versions fail."""
    seed = int(os.environ.get("TEST_SEED", "19"))
    wrong = np.count_nonzero(_found_at(base, base, seed))
    assert wrong <= _RUNS * 0.005, f"{wrong} of {_RUNS}"


@pytest.mark.parametrize("base", [0.0, 0.01, 0.02, 0.05])
def test_p20_version_that_fails_20_points_more_is_found_at_100_requests(base: float) -> None:
    """Nine in ten bakes end at the first look, and all by the second."""
    found = _found_at(base, base + 0.20, seed=20, runs=2000)
    assert np.count_nonzero(found == LOOKS[0]) >= 0.9 * len(found)
    assert np.count_nonzero((found > 0) & (found <= LOOKS[1])) >= 0.99 * len(found)


@pytest.mark.parametrize("base", [0.0, 0.001])
def test_p20_version_that_fails_2_points_more_is_found_by_1600_requests(base: float) -> None:
    """Nearly all do, the most of them by 800, where what was proven hardly ever fails."""
    found = _found_at(base, base + 0.02, seed=21, runs=2000)
    assert np.count_nonzero((found > 0) & (found <= 1600)) >= 0.97 * len(found)


def _exactly(new: Sample, old: Sample) -> float:
    drawn, failed = new.requests, new.failures + old.failures
    whole = drawn + old.requests
    ways = sum(
        math.comb(failed, each) * math.comb(whole - failed, drawn - each)
        for each in range(new.failures, min(drawn, failed) + 1)
    )
    return float(Fraction(ways, math.comb(whole, drawn)))


def test_chance_is_that_of_fishers_exact_test() -> None:
    """The sum that ends early is the whole one, by exact arithmetic."""
    draw = random.Random(19)  # noqa: S311 - any numbers will do
    for _ in range(300):
        drawn, had = draw.randint(1, 400), draw.randint(1, 400)
        new = Sample(drawn, draw.randint(0, drawn))
        old = Sample(had, draw.randint(0, had))
        expected = _exactly(new, old) if new.rate > old.rate else 1.0
        assert chance_of(new, old) == pytest.approx(expected, rel=1e-6, abs=1e-300)


def test_difference_of_less_than_a_point_gives_way_to_nobody() -> None:
    """However many requests make it certain."""
    new, old = Sample(6400, 60), Sample(100_000, 0)
    assert chance_of(new, old) < 1e-50
    assert not is_worse(new, old)


def test_nothing_is_worse_than_what_nobody_has_asked() -> None:
    """A proven version without requests says nothing."""
    assert not is_worse(Sample(6400, 6400), Sample())


def test_looks_are_few_and_come_to_an_end() -> None:
    """Each look is a chance to be wrong."""
    assert [next_look(each) for each in (0, 99, 100, 450, 6399, 6400)] == [
        *(100, 100, 200, 800, 6400, None),
    ]


@pytest.mark.parametrize(
    ("requests", "seconds", "step"),
    [
        (0, 59.9, BakeStep.GO_ON),
        (100_000, 59.9, BakeStep.GO_ON),
        (100, 60, BakeStep.PASS),
        (99, 60, BakeStep.UNPROVEN),
        (99, 899, BakeStep.UNPROVEN),
        (99, 900, BakeStep.PASS_UNPROVEN),
        (100, 900, BakeStep.PASS),
    ],
)
def test_bake_ends_by_time_and_requests(requests: int, seconds: float, step: BakeStep) -> None:
    """Too few requests make it wait for more of them, for so long."""
    assert step_of(requests, seconds, _TIME) is step


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(60, BakeStep.GO_ON), (899, BakeStep.GO_ON), (900, BakeStep.PASS_UNPROVEN)],
)
def test_look_that_is_due_is_waited_for(seconds: float, step: BakeStep) -> None:
    """For as long as requests are."""
    assert step_of(6400, seconds, _TIME, due=True) is step


@pytest.mark.parametrize(
    ("sample", "mostly"),
    [
        (Sample(0, 0), False),
        (Sample(1, 1), True),
        (Sample(100, 50), False),
        (Sample(100, 51), True),
        (Sample(6400, 6400), True),
    ],
)
def test_what_fails_more_than_half_mostly_fails(sample: Sample, *, mostly: bool) -> None:
    """Of however few, but not of none."""
    assert mostly_fails(sample) == mostly
