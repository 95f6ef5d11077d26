"""The decision on speed, by noise of every kind: it is pure, so versions cost nothing."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.validation.load.deciding import STEPS, RatioWalk, interval, ratio_of

BOUND = 1.5
# How long it takes to make ratios up says nothing of them.
ON_BUSY_MACHINES = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MOST_ROUNDS = 400
Noise = Callable[[random.Random], float]


def seeded(number: int) -> random.Random:
    """The same noise each time."""
    return random.Random(number)  # noqa: S311 - nobody's secret


def normal(chance: random.Random) -> float:
    """A tenth more or less, as on a quiet machine."""
    return math.exp(chance.gauss(0, 0.1))


def heavy(chance: random.Random) -> float:
    """A tenth of the turns meet something that takes up to fifty times as long."""
    return normal(chance) * (chance.uniform(2, 50) if chance.random() < 0.03 else 1)


def busy(chance: random.Random) -> float:
    """As on a machine that others use at the same time."""
    return math.exp(chance.gauss(0, 0.3))


NOISES = pytest.mark.parametrize("noise", [normal, heavy, busy])


def decided(slower: float, noise: Noise, chance: random.Random, drift: float = 0.0) -> RatioWalk:
    """The walk of a version that is so many times slower; each turn is slower by `drift`, too."""
    walk, turn = RatioWalk(BOUND), 0
    while walk.speed == "open" and len(walk.ratios) < MOST_ROUNDS:
        times = []
        for own in (1.0, slower, slower, 1.0):
            times.append(own * noise(chance) * math.exp(drift * turn))
            turn += 1
        walk.add(ratio_of(*times))
    return walk


@NOISES
def test_same_version_twice_passes(noise: Noise) -> None:
    """Of five hundred not one fails, and none is left open."""
    chance = seeded(1)
    found = {decided(1.0, noise, chance).speed for _ in range(500)}
    assert found == {"within"}


@NOISES
def test_three_times_slower_one_is_found(noise: Noise) -> None:
    """Of five hundred every one."""
    chance = seeded(2)
    found = {decided(3.0, noise, chance).speed for _ in range(500)}
    assert found == {"slower"}


@pytest.mark.parametrize("drift", [-0.05, 0.05])
def test_machine_that_drifts_speaks_for_neither(drift: float) -> None:
    """Each turn takes five percent more than the one before, or less."""
    chance = seeded(3)
    assert {decided(1.0, normal, chance, drift).speed for _ in range(500)} == {"within"}
    assert {decided(3.0, normal, chance, drift).speed for _ in range(500)} == {"slower"}


def test_wrong_verdicts_are_as_rare_as_is_said() -> None:
    """A quarter of all rounds on the wrong side: 0.05 percent of walks end there."""
    chance, wrong = seeded(4), 0
    for _ in range(5000):
        walk = RatioWalk(BOUND)
        while walk.speed == "open":
            walk.add(2.0 if chance.random() < 0.25 else 1.0)
        wrong += walk.speed == "slower"
    said = 1 / (1 + 3**STEPS)
    assert wrong / 5000 < 8 * said


@ON_BUSY_MACHINES
@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=60))
def test_verdict_stands_once_it_is_there(ratios: list[float]) -> None:
    """Rounds that are taken for their figures change nothing of it, and it takes seven at least."""
    walk, seen = RatioWalk(BOUND), []
    for ratio in ratios:
        walk.add(ratio)
        seen.append(walk.speed)
    first = next((place for place, speed in enumerate(seen) if speed != "open"), len(seen))
    assert first >= min(STEPS - 1, len(seen))
    assert len(set(seen[first:])) <= 1
    assert walk.ratios == ratios


@ON_BUSY_MACHINES
@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=60))
def test_interval_holds_its_middle(ratios: list[float]) -> None:
    """And nothing that was not seen."""
    found = interval(ratios)
    assert min(ratios) <= found.low <= found.middle <= found.high <= max(ratios)


def test_interval_holds_the_ratio_as_often_as_is_said() -> None:
    """Nineteen times of twenty, whatever the noise."""
    chance, held = seeded(5), 0
    for _ in range(500):
        ratios = [1.2 * heavy(chance) / heavy(chance) for _ in range(20)]
        found = interval(ratios)
        held += found.low <= 1.2 <= found.high
    assert held / 500 > 0.92
