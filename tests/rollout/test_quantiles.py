"""Quantiles within one percent, whatever the numbers, however they are added up."""

import math

import orjson
from hypothesis import given
from hypothesis import strategies as st

from service.rollout.quantiles import LARGEST, SMALLEST, Quantiles

NUMBERS = st.lists(st.floats(SMALLEST * 2, LARGEST / 2), min_size=1, max_size=200)


def of(numbers: list[float]) -> Quantiles:
    """All of these."""
    quantiles = Quantiles()
    for each in numbers:
        quantiles.note(each)
    return quantiles


@given(NUMBERS, st.floats(0, 1))
def test_each_quantile_is_within_one_percent(numbers: list[float], part: float) -> None:
    """Of the number that stands there in order."""
    exact = sorted(numbers)[math.floor(part * (len(numbers) - 1))]
    found = of(numbers).at(part)
    assert found is not None
    assert math.isclose(found, exact, rel_tol=0.0101)


@given(NUMBERS, NUMBERS)
def test_parts_add_up_to_the_whole(some: list[float], others: list[float]) -> None:
    """As fronts that have each counted their own do, by way of JSON."""
    whole, parts = of(some + others), of(some)
    parts.add(Quantiles.load(orjson.loads(orjson.dumps(of(others).dump()))))
    assert parts.dump() == whole.dump()
    assert (parts.count, parts.largest) == (len(some) + len(others), max(some + others))


def test_memory_is_bounded_whatever_is_counted() -> None:
    """From numbers smaller than any that matter to infinite ones."""
    numbers = [math.exp(each / 200) for each in range(-20_000, 20_000)]
    quantiles = of([*numbers, 0.0, math.inf, 5e-324])
    assert len(quantiles) <= 2765
    assert quantiles.count == len(numbers) + 3


def test_nothing_counted_has_no_quantile() -> None:
    """Not zero."""
    assert of([]).at(0.5) is None
