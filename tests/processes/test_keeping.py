"""The keeper above a child: orphans are reaped and ended, and the child's own are left to it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.hosting.memory_watch import _proportional, held_bytes
from service.processes import lifetime
from service.processes.child import keeper
from service.processes.front import child as children
from service.processes.front.child import AdoptedOrphans, Child
from service.zygote.front.handle import Zygote
from tests.processes.orders import COMMAND, SECONDS, Lines, parent_of, running, told
from tests.support.waiting import until

ROLE = "tests.processes.obedient_kept"
KEPT = replace(COMMAND, roles=(ROLE,))


@pytest.fixture
async def zygote() -> AsyncIterator[Zygote]:
    """Whose children have keepers."""
    made = Zygote(KEPT)
    yield made
    await made.close()


async def kept(zygote: Zygote) -> Child:
    """An obedient child with a keeper."""
    child = await zygote.fork(ROLE, 1000, Lines())
    assert child.keeper == parent_of(child)
    return child


def there(pid: int) -> bool:
    """Whether the kernel knows the process, be it as a zombie."""
    return Path(f"/proc/{pid}").exists()


async def test_p2_orphans_are_reaped_while_the_child_lives(zygote: Zygote) -> None:
    """What has left its session, too."""
    child = await kept(zygote)
    orphan = (await told(child, do="fork away"))["forked"]
    os.kill(orphan, signal.SIGKILL)
    await until(lambda: not there(orphan), SECONDS, "it is reaped")
    assert (await told(child, do="echo"))["pid"] == child.pid


async def test_p2_what_the_child_has_started_itself_is_left_for_it_to_wait_for(
    zygote: Zygote,
) -> None:
    """A zombie that somebody will ask for keeps its exit status until then."""
    child = await kept(zygote)
    orphan = (await told(child, do="fork away"))["forked"]
    own = (await told(child, do="fork"))["forked"]
    for pid in (own, orphan):
        os.kill(pid, signal.SIGKILL)
    await until(lambda: not there(orphan), SECONDS, "the orphan is reaped")
    assert there(own)
    assert not running(own)


@pytest.mark.parametrize("status", [0, 7])
async def test_exit_status_is_that_of_the_child(zygote: Zygote, status: int) -> None:
    """And not of its keeper."""
    child = await kept(zygote)
    child.channel.request(1, json.dumps({"do": "exit", "status": str(status)}).encode())
    async with asyncio.timeout(SECONDS):
        assert await child.exited == status


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM])
async def test_signal_that_ends_the_child_is_told(zygote: Zygote, number: int) -> None:
    """Whether it could be handled or not."""
    child = await kept(zygote)
    os.kill(child.pid, number)
    async with asyncio.timeout(SECONDS):
        assert await child.exited == -number


@pytest.mark.parametrize("victim", ["child", "keeper"])
@pytest.mark.parametrize("how", ["fork", "fork away"])
async def test_p3_leftovers_end_with_the_child_however_that_ends(
    zygote: Zygote, victim: str, how: str
) -> None:
    """Killed itself, or with the keeper; in its group, or in a session of their own."""
    child = await kept(zygote)
    left = (await told(child, do=how))["forked"]
    assert child.keeper is not None
    os.kill(child.pid if victim == "child" else child.keeper, signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        assert await child.exited == -signal.SIGKILL
    await until(lambda: not running(left), SECONDS, "what it left has ended")
    assert not running(child.pid)


async def test_zygote_that_dies_takes_keepers_and_what_they_keep_along(
    zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of them runs, nor is left with the front once that has looked for the dead, twice.

    Of what was dead before it could be read, nobody can tell any more whose it was.
    """
    child = await kept(zygote)
    left = (await told(child, do="fork away"))["forked"]
    assert zygote._process is not None
    process = zygote._process
    os.kill(process._process.pid, signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        await process.ended
    gone, of_this = {child.pid, child.keeper, left}, lifetime.children
    assert not any(map(running, gone))
    monkeypatch.setattr(lifetime, "children", lambda: of_this() & gone)
    orphans = AdoptedOrphans()
    orphans.look()
    orphans.look()
    assert of_this().isdisjoint(gone)


async def test_memory_of_orphans_counts_and_the_keepers_does_not(zygote: Zygote) -> None:
    """Alone, the child is measured as any process."""
    child = await kept(zygote)
    assert child.keeper is not None
    alone = held_bytes(child.pid, child.keeper)
    assert alone == pytest.approx(held_bytes(child.pid), rel=0.1)
    left = (await told(child, do="fork away"))["forked"]
    assert set(children_of(child.keeper)) == {child.pid, left}
    together = sum(map(_proportional, (child.pid, left)))
    assert held_bytes(child.pid, child.keeper) == pytest.approx(together, rel=0.1)


def children_of(pid: int) -> list[int]:
    """The process's children."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


FRONT = """
import asyncio, json
from service.zygote.front.handle import Zygote
from tests.processes.test_keeping import KEPT, ROLE

async def main():
    zygote = Zygote(KEPT)
    child = await zygote.fork(ROLE, 1000, lambda *_: None)
    pids = [zygote._process._process.pid, child.keeper, child.pid]
    for do in ("fork", "fork away"):
        answer = await child.channel.request(1, json.dumps({"do": do}).encode())
        pids.append(json.loads(answer.head)["forked"])
    print(json.dumps(pids), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("zygote_too", [False, True])
async def test_p3_nothing_is_left_where_nobody_above_is_left(*, zygote_too: bool) -> None:
    """The front is killed, and the zygote before it could do anything."""
    front = subprocess.Popen([sys.executable, "-c", FRONT], stdout=subprocess.PIPE)
    assert front.stdout is not None
    below = json.loads(await asyncio.to_thread(front.stdout.readline))
    if zygote_too:
        os.kill(below[0], signal.SIGSTOP)
    front.kill()
    await asyncio.to_thread(front.wait)
    front.stdout.close()
    if zygote_too:
        os.kill(below[0], signal.SIGKILL)
    await until(lambda: not any(map(running, below)), SECONDS, "all have ended")


def test_role_without_the_mark_has_no_keeper() -> None:
    """What runs no code of others needs none."""
    from tests.processes import obedient, obedient_kept

    assert keeper.is_kept(obedient_kept.run)
    assert not keeper.is_kept(obedient.run)


async def test_p13_exit_status_is_waited_for_while_the_keeper_ends_what_is_left(
    zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes: without it a crash would pass for somebody else's fault."""
    monkeypatch.setattr(children, "_REPORT_SECONDS", 0.0)
    child = await kept_and_dead(zygote, status=7)
    assert child.alive
    monkeypatch.setattr(children, "_REPORT_SECONDS", SECONDS)
    os.kill(keeper_of(child), signal.SIGCONT)
    async with asyncio.timeout(SECONDS):
        assert await child.exited == 7


async def test_p13_keeper_that_never_ends_is_given_up(
    zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child has ended; how, nobody can say."""
    monkeypatch.setattr(children, "_KEEPER_SECONDS", 0.0)
    child = await kept_and_dead(zygote, status=7)
    async with asyncio.timeout(SECONDS):
        assert await child.exited is None
    os.kill(keeper_of(child), signal.SIGCONT)


async def kept_and_dead(zygote: Zygote, status: int) -> Child:
    """A child that has ended, which the front has seen, below a keeper that was stopped before."""
    child = await kept(zygote)
    os.kill(keeper_of(child), signal.SIGSTOP)
    child.channel.request(1, json.dumps({"do": "exit", "status": str(status)}).encode())
    await until(lambda: not running(child.pid), SECONDS, "it has ended")
    for _ in range(5):  # the loop sees what can be seen
        await asyncio.sleep(0)
    return child


def keeper_of(child: Child) -> int:
    """Its pid."""
    assert child.keeper is not None
    return child.keeper
