"""Versions under load: what was asked for and could not be measured has not passed."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from service.errors import ModelFailed
from service.validation.findings import Judgement, Verdict
from service.validation.load.generator import RequestKind
from service.validation.load.load_tests import LoadTests
from service.validation.policy.running_bounds import LoadBounds, MemoryBounds

KINDS = (RequestKind("one_row", b"1", 1), RequestKind("many_rows", b"9", 9))
LATER = 300.0


class FakeLoaded:
    """A `LoadedVersion` that answers at once, until it is told to fail."""

    def __init__(self, number: str, answers: float = float("inf")) -> None:
        self.number = number
        self._left = answers

    async def answer(self, body: bytes) -> bytes:
        """The request."""
        await asyncio.sleep(0)
        self._left -= 1
        if self._left < 0:
            raise ModelFailed("The model raised an exception on this input.")
        return body

    async def held_bytes(self) -> int:
        """Always the same."""
        return 100_000_000


async def under_load(
    version: FakeLoaded, other: FakeLoaded | None, last: float = LATER, **changed: Any
) -> Mapping[str, Judgement]:
    """What comes of it, by name; `last` is from now on."""
    load = LoadBounds(**{"seconds": 0.02, "rounds": 2, "max_slower": 1000, **changed})
    memory, ends = MemoryBounds(max_more=3), time.monotonic() + last
    tests = LoadTests(version, other, KINDS, load, memory, ends, "passed", "undecided")
    return {each.name: each for each in await tests.judgements()}


def not_passed(found: Mapping[str, Judgement]) -> dict[str, Verdict]:
    """What speaks against it, or says nothing."""
    return {name: each.verdict for name, each in found.items() if each.verdict != "passed"}


async def test_good_version_beside_a_good_one_passes() -> None:
    """With all that was asked for."""
    found = await under_load(FakeLoaded("2"), FakeLoaded("1"))
    assert not_passed(found) == {}
    assert {"load.time", "load.one_row", "load.slower.one_row"} <= set(found)
    assert found["load.one_row"].figures["load.one_row.requests"] >= 2 * 2 * 3


@pytest.mark.parametrize("answers", [0, 1, 8, 20])
async def test_version_beside_one_that_fails_is_judged_alone(answers: int) -> None:
    """From its warm-up on or later: what is broken can be replaced."""
    found = await under_load(FakeLoaded("2"), FakeLoaded("1", answers))
    assert not_passed(found) == {}
    assert found["load.one_row"].figures["load.one_row.requests"] >= 2 * 3
    for name in ("slower.one_row", "slower.many_rows", "memory_more"):
        assert "version 1 fails under load (The model raised" in found[f"load.{name}"].sentence


async def test_what_is_compared_with_one_that_fails_is_as_the_policy_says() -> None:
    """By `when_first`, and by nothing else."""
    load, memory = LoadBounds(seconds=0.02, rounds=1), MemoryBounds(max_more=3)
    last = time.monotonic() + LATER
    tests = LoadTests(
        FakeLoaded("2"), FakeLoaded("1", 0), KINDS, load, memory, last, "undecided", "failed"
    )
    found = {each.name: each for each in await tests.judgements()}
    assert set(not_passed(found)) == {
        *("load.slower.one_row", "load.slower.many_rows", "load.memory_more")
    }
    assert set(not_passed(found).values()) == {"undecided"}


async def test_version_that_fails_itself_has_failed() -> None:
    """Whatever stands beside it."""
    found = await under_load(FakeLoaded("2", 0), FakeLoaded("1"))
    assert not_passed(found)["load.answers"] == "failed"
    assert not_passed(found)["load.one_row"] == "failed"


async def test_no_time_for_load_is_undecided() -> None:
    """It is the time that is at fault, and not the version."""
    found = await under_load(FakeLoaded("2"), FakeLoaded("1"), last=-1)
    assert set(not_passed(found).values()) == {"undecided"}
    assert {"load.time", "load.one_row", "load.slower.one_row"} <= set(not_passed(found))


async def test_less_load_than_was_asked_for_is_undecided() -> None:
    """A leak may take a minute to be seen."""
    found = await under_load(FakeLoaded("2"), None, last=0.3, seconds=60, max_slower=None)
    assert not_passed(found)["load.time"] == "undecided"
    assert "60 s are asked for" in found["load.time"].sentence


async def test_speed_that_was_to_be_compared_with_nothing_is_undecided() -> None:
    """Where the policy says how much slower it may be; what is so by default asks for nothing."""
    memory, last = MemoryBounds(), time.monotonic() + LATER
    said, unsaid = LoadBounds(seconds=0.02, rounds=1, max_slower=2), LoadBounds(seconds=0.02)
    for load, expected in ((said, {"load.slower": "undecided"}), (unsaid, {})):
        tests = LoadTests(FakeLoaded("2"), None, KINDS, load, memory, last)
        assert not_passed({each.name: each for each in await tests.judgements()}) == expected


async def test_memory_that_was_to_be_compared_with_nothing_is_undecided() -> None:
    """As a change of a metric is."""
    found = await under_load(FakeLoaded("2"), None, max_slower=None)
    assert not_passed(found) == {"load.memory_more": "undecided"}
