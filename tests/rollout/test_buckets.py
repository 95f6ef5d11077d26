"""Who gets which arm: shares are what they say, and nobody loses an arm that grows."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rollout.buckets import Buckets, bucket_of, key_of
from service.split_tag import WHOLE

SLOT = "iris@champion"
CALLERS = [b"user-%d" % number for number in range(20_000)]


def buckets(left: int, right: int = 0, chance: float = 0.0) -> Buckets[str]:
    """Of the slot, with these shares of ten thousand."""
    ends = ("left", left), ("right", WHOLE - right)
    return Buckets(key_of(SLOT), b"x-user", "own", *ends, chance=lambda: chance)


def arms(shares: Buckets[str]) -> dict[bytes, str]:
    """Who answers each caller."""
    return {caller: shares.pick({b"x-user": caller}) for caller in CALLERS}


def test_hundred_thousand_requests_of_twenty_thousand_callers_are_shared_as_said() -> None:
    """Ten percent within half a point, and one caller always the same arm."""
    shares, random = buckets(1000), Random(19)  # noqa: S311 - so that it is the same each time
    asked = [random.choice(CALLERS) for _ in range(100_000)]
    got = [(caller, shares.pick({b"x-user": caller})) for caller in asked]
    share = sum(arm == "left" for _, arm in got) / len(got)
    assert abs(share - 0.1) < 0.005
    assert len(set(got)) == len(set(asked))


@pytest.mark.parametrize("right", [0, 500])
def test_nobody_who_had_an_arm_loses_it_while_it_grows(right: int) -> None:
    """From 10 to 30 percent, with another arm beside it that keeps its own callers."""
    before, after = arms(buckets(1000, right)), arms(buckets(3000, right))
    moved = Counter((before[each], after[each]) for each in CALLERS if before[each] != after[each])
    assert set(moved) == {("own", "left")}


@given(st.integers(0, WHOLE), st.integers(0, WHOLE), st.integers(0, WHOLE), st.integers(0, WHOLE))
def test_weights_that_grow_take_from_the_slots_own_share_alone(
    left: int, right: int, more: int, other: int
) -> None:
    """Whatever they were, and whichever grows."""
    right = min(right, WHOLE - left)
    grown_left = min(left + more, WHOLE - right)
    grown_right = min(right + other, WHOLE - grown_left)
    before, after = buckets(left, right), buckets(grown_left, grown_right)
    for number in range(0, WHOLE, 97):
        headers = {b"x-user": b"%d" % number}
        was, now = before.pick(headers), after.pick(headers)
        assert was in {now, "own"}


def test_bucket_is_the_same_on_every_machine_and_in_every_release() -> None:
    """Written down: whoever changes it moves callers."""
    assert [bucket_of(key_of(SLOT), each) for each in (b"user-1", b"user-2", "ü".encode())] == [
        20,
        1551,
        9015,
    ]
    assert bucket_of(key_of("other@champion"), b"user-1") != 20


@pytest.mark.parametrize(
    ("chance", "arm"), [(0.0, "left"), (0.0999, "left"), (0.1, "own"), (0.9501, "right")]
)
def test_caller_that_does_not_say_who_it_is_gets_an_arm_by_chance(chance: float, arm: str) -> None:
    """As one that says nothing in the header."""
    assert buckets(1000, 500, chance).pick({}) == arm
    assert buckets(1000, 500, chance).pick({b"x-user": b""}) == arm
