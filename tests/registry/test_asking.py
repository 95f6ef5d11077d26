"""A question to the child that looks ends at its deadline, whatever is asked before it."""

import asyncio

import pytest

from service.errors import PassingFault
from service.processes.front.child import Child
from service.registry.front.asking import KeptChild
from service.registry.wire import Fault, RegistryOperation

SECONDS = 60
WANTED = {"name": "iris", "version": "1"}


async def test_p23_whether_a_version_exists_is_given_up_while_another_answer_is_held() -> None:
    """Its turn has not come by then; what goes before is not ended by it."""
    held, begun = asyncio.Event(), asyncio.Event()

    async def make(stage: str) -> Child:
        begun.set()
        await held.wait()
        raise PassingFault(stage, Fault.NO_PROCESS, "", "")

    kept = KeptChild(make, 0.01)
    before = asyncio.create_task(kept.ask("look", RegistryOperation.RESOLVE, {}))
    async with asyncio.timeout(SECONDS):
        await begun.wait()
        with pytest.raises(PassingFault) as given_up:
            await kept.ask_within("look", RegistryOperation.EXISTS, WANTED)
        assert (given_up.value.reason, before.done()) == (Fault.TIMED_OUT, False)
        held.set()
        with pytest.raises(PassingFault) as ended:
            await before
    assert ended.value.reason == Fault.NO_PROCESS


async def test_p23_whether_a_version_exists_is_given_up_while_a_child_starts() -> None:
    """That is its own start, which is ended with it; the next question is not held up."""
    ended = asyncio.Event()

    async def make(stage: str) -> Child:
        try:
            await asyncio.Event().wait()  # a fork that hangs
        finally:
            ended.set()
        raise AssertionError

    kept = KeptChild(make, 0.01)
    async with asyncio.timeout(SECONDS):
        for _ in range(2):
            with pytest.raises(PassingFault) as given_up:
                await kept.ask_within("look", RegistryOperation.EXISTS, WANTED)
            assert (given_up.value.reason, ended.is_set()) == (Fault.TIMED_OUT, True)


async def test_each_child_that_is_begun_with_counts() -> None:
    """Also one that does not come up; whoever measures a look knows then what it has waited for."""

    async def make(stage: str) -> Child:
        raise PassingFault(stage, Fault.NO_PROCESS, "", "")

    kept = KeptChild(make, SECONDS)
    for _ in range(2):
        with pytest.raises(PassingFault):
            await kept.prepare()
    assert kept.starts == 2
