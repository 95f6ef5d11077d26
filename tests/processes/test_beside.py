"""Work beside the loop: bounded, and never in the way of anybody else's."""

import asyncio
import threading

import pytest

from service.background import Work
from service.errors import PassingFault
from service.processes.front.beside import Beside

SECONDS = 60.0


async def test_work_that_hangs_keeps_its_own_thread_and_no_other() -> None:
    """The loop turns, and others' work is done."""
    gate, done = threading.Event(), Beside("done")
    hung = asyncio.create_task(Beside("hung").run(gate.wait, SECONDS))
    async with asyncio.timeout(SECONDS):
        assert await done.run(lambda: "done") == "done"
        assert not hung.done()
        gate.set()
        assert await hung


async def test_p13_hung_work_takes_so_many_threads_and_no_more() -> None:
    """However much more is asked for; all of it is done once the disk answers."""
    gate, hung = threading.Event(), Beside("two", threads=2)
    asked = [asyncio.create_task(hung.run(gate.wait, SECONDS)) for _ in range(20)]
    await asyncio.sleep(0)
    assert sum(each.name == "podium-two" for each in threading.enumerate()) == 2
    assert hung.unfinished == 20
    gate.set()
    async with asyncio.timeout(SECONDS):
        assert all(await asyncio.gather(*asked))


async def test_what_comes_too_late_is_given_back() -> None:
    """Nobody else knows of it."""
    gate, begun, given_back = threading.Event(), threading.Event(), asyncio.Event()
    beside, returned = Beside("late"), list[str]()

    def obtain() -> str:
        begun.set()
        gate.wait(SECONDS)
        return "a lock"

    def give_back(what: str) -> None:
        returned.append(what)
        given_back.set()

    asking = asyncio.create_task(beside.obtain(obtain, give_back))
    await asyncio.sleep(0)
    assert await Beside("watch").run(begun.wait, SECONDS)
    asking.cancel()
    await asyncio.wait([asking])
    gate.set()
    async with asyncio.timeout(SECONDS):
        await given_back.wait()
    assert returned == ["a lock"]


async def test_error_is_raised_where_it_is_waited_for() -> None:
    """As it is; the thread goes on."""
    beside = Beside("raising")
    with pytest.raises(OSError, match="no room"):
        await beside.run(_raise)
    assert await beside.run(int) == 0


class Exhausted:
    """What the system says while there are as many threads as there may be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._start = threading.Thread.start
        monkeypatch.setattr(threading.Thread, "start", self._refuse)

    @staticmethod
    def _refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def end(self) -> None:
        """There is room again."""
        self._monkeypatch.setattr(threading.Thread, "start", self._start)


async def test_p12_thread_that_cannot_start_is_a_passing_fault_and_starts_the_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was refused is never done; what is asked for later is."""
    beside, done = Beside("exhausted"), list[int]()
    exhausted = Exhausted(monkeypatch)
    with pytest.raises(PassingFault) as raised:
        await beside.run(done.append, 1)
    assert (raised.value.reason, beside.unfinished) == ("processes_exhausted", 0)
    exhausted.end()
    async with asyncio.timeout(SECONDS):
        await beside.run(done.append, 2)
    assert done == [2]


async def test_p12_threads_that_there_are_do_what_a_further_one_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It only takes longer."""
    gate, beside = threading.Event(), Beside("one", threads=2)
    hung = asyncio.create_task(beside.run(gate.wait, SECONDS))
    await asyncio.sleep(0)
    exhausted = Exhausted(monkeypatch)
    waiting = asyncio.create_task(beside.run(lambda: "done"))
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    async with asyncio.timeout(SECONDS):
        assert (await hung, await waiting) == (True, "done")
    exhausted.end()


def test_p12_submitted_work_waits_for_the_next_thread_and_the_failure_is_told_as_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever gives back a lease, or writes a line, is not to fail for it."""
    told, seen = list[str](), list[int]()

    def tell(args: threading.ExceptHookArgs) -> None:
        told.append("" if args.thread is None else args.thread.name)

    monkeypatch.setattr(threading, "excepthook", tell)
    beside = Beside(Work.LEDGER)
    exhausted = Exhausted(monkeypatch)
    beside.submit(lambda: seen.append(1))
    assert (told, seen) == ([Work.LEDGER], [])
    exhausted.end()
    beside.finish(SECONDS)
    assert seen == [1]


def test_finishing_gives_up_what_hangs() -> None:
    """After so many seconds; with nothing that hangs all is done by then."""
    gate, beside, seen = threading.Event(), Beside("finishing"), list[int]()
    beside.submit(lambda: seen.append(1))
    beside.finish(SECONDS)
    assert seen == [1]
    beside.submit(lambda: seen.append(gate.wait(SECONDS)))
    beside.finish(0.01)
    assert beside.unfinished >= 1
    gate.set()


def _raise() -> None:
    raise OSError("no room")
