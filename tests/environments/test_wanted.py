"""One environment that many wait for: leases are neither lost nor given back twice."""

import asyncio
from pathlib import Path

import pytest

from service.environments.environment import BuildProgress, BuiltEnvironment
from service.environments.environments import Tell, _Wanted
from service.processes.front.beside import Beside
from service.registry.front.leases import Locks
from service.registry.store.locks import Lock, Locked
from tests.support.waiting import until


def is_locked(place: Path) -> bool:
    """Whether anybody has a lease."""
    try:
        Lock.exclusive(place).release()
    except Locked:
        return True
    return False


@pytest.mark.parametrize("turns", range(1, 8))
async def test_lease_is_given_back_whenever_whoever_wants_it_is_cancelled(
    tmp_path: Path, turns: int
) -> None:
    """In whichever turn of the loop that comes."""
    place = tmp_path / "key"

    async def make(tell: Tell) -> BuiltEnvironment:
        tell(BuildProgress("resolve"))
        await asyncio.sleep(0)
        lease = Locks().lease_of(Lock.shared(place))
        return BuiltEnvironment("key", place, place, "3.11.7", {}, lease=lease)

    waiting = asyncio.create_task(_Wanted(make).joined(lambda _: None))
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    if not waiting.cancelled():
        lease = waiting.result().lease
        assert lease is not None
        lease.release()
    await until(lambda: not is_locked(place), 20)


async def test_what_is_obtained_in_the_turn_of_its_cancelling_is_given_back() -> None:
    """The thread has answered, and nobody takes it."""
    given: list[str] = []
    beside = Beside("test")
    waiting = asyncio.create_task(beside.obtain(lambda: "it", given.append))
    await asyncio.sleep(0)
    # Behind the answer, and before whoever waits for it runs on.
    assert beside.finish(200)
    asyncio.get_running_loop().call_soon(waiting.cancel)
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert given == ["it"]
