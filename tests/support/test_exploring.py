"""Seeds change with the date, and a property that nothing reaches fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.exploring import did_something, exploring, floor, seed_of_today

FEW = exploring(10)


def test_seed_is_the_date_unless_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a number of eight digits."""
    monkeypatch.delenv("TEST_SEED", raising=False)
    assert 20_000_101 <= seed_of_today() < 30_000_000
    monkeypatch.setenv("TEST_SEED", "7")
    assert seed_of_today() == 7


def test_number_of_cases_may_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all tests at once."""
    monkeypatch.setenv("TEST_EXAMPLES", "2000")
    assert exploring(10).max_examples == 2000


def test_property_that_nothing_reaches_fails() -> None:
    """And one that is reached often enough passes; both are told apart when nested."""

    @floor(0.5, FEW)
    @FEW
    @given(st.integers())
    def reaches(_: int) -> None:
        did_something()

    @floor(0.5, FEW)
    @FEW
    @given(st.integers())
    def reaches_nothing(_: int) -> None:
        pass

    reaches()
    with pytest.raises(AssertionError, match="0 cases of"):
        reaches_nothing()
    did_something()  # nobody counts
