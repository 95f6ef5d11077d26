"""What counts in the time of a build."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from service.environments.build_time import BuildTime

_HOUR = 3600.0


class _Loop(asyncio.SelectorEventLoop):
    """Its clock goes on when a test says so."""

    now = 0.0

    def time(self) -> float:
        """As the test says."""
        return self.now


def _run(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_Loop) as runner:
        runner.run(test)


async def _pass(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, _Loop)
    await asyncio.sleep(0)
    loop.now += seconds
    # Timers are seen to, what they have cancelled goes on, and ends.
    for _ in range(4):
        await asyncio.sleep(0)


async def _build(turns: asyncio.Semaphore, work: asyncio.Event) -> None:
    time = BuildTime(1.0)
    async with time.limit(), time.turn(turns):
        await work.wait()


def test_waiting_for_a_turn_takes_nothing_of_the_time() -> None:
    """However long the ones before it take; its own time is all there afterwards."""

    async def test() -> None:
        turns, work = asyncio.Semaphore(0), asyncio.Event()
        building = asyncio.create_task(_build(turns, work))
        await _pass(_HOUR)
        turns.release()
        await _pass(0.9)
        work.set()
        await building
        assert not turns.locked()

    _run(test())


def test_time_is_over_when_it_was_used() -> None:
    """After a turn was waited for, too; the turn is given back."""

    async def test() -> None:
        turns = asyncio.Semaphore(0)
        building = asyncio.create_task(_build(turns, asyncio.Event()))
        await _pass(_HOUR)
        turns.release()
        await _pass(1.1)
        with pytest.raises(TimeoutError):
            await building
        assert not turns.locked()

    _run(test())


def test_who_is_ended_while_waiting_for_a_turn_has_none() -> None:
    """The next one gets it."""

    async def test() -> None:
        turns = asyncio.Semaphore(0)
        building = asyncio.create_task(_build(turns, asyncio.Event()))
        await _pass(0)
        building.cancel()
        await asyncio.wait([building])
        turns.release()
        assert not turns.locked()

    _run(test())
