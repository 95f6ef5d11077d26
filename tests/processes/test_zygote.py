"""Children of a zygote: asked, answered, ended; and nothing of them left behind."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.errors import PassingFault
from service.processes import lifetime
from service.processes.channel import ChannelClosed
from service.processes.child import Child
from service.processes.zygote import Zygote
from tests.support.waiting import until

ROLE = "tests.processes.obedient"
MODULE = "tests.processes.bare_zygote"
ENVIRONMENT = {"PATH": os.environ["PATH"], "GREETING": "hello"}
SECONDS = 20


@pytest.fixture
async def zygote() -> AsyncIterator[Zygote]:
    """A zygote without heavy libraries."""
    made = Zygote([ROLE], ENVIRONMENT, MODULE)
    yield made
    await made.close()


class Lines(list[tuple[str, str]]):
    """What children print."""

    def __call__(self, stream: str, line: str) -> None:
        self.append((stream, line))


async def forked(zygote: Zygote, lines: Lines | None = None) -> Child:
    """An obedient child."""
    return await zygote.fork(ROLE, 1000, Lines() if lines is None else lines)


async def told(child: Child, **order: str) -> Any:
    """The answer to an order."""
    head = json.dumps(order).encode()
    async with asyncio.timeout(SECONDS):
        return json.loads((await child.channel.request(1, head)).head)


def running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_child_answers_what_it_is_asked(zygote: Zygote) -> None:
    """Head and body come back with the answer."""
    child = await forked(zygote)
    frame = await child.channel.request(1, b'{"do": "echo"}', b"body")
    assert json.loads(frame.head)["pid"] == child.pid
    assert frame.body == b"body"


async def test_child_has_the_zygotes_environment_and_nothing_else(
    zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the front holds in its own environment does not reach it."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    child = await forked(zygote)
    environment = (await told(child, do="echo"))["environment"]
    assert environment["GREETING"] == "hello"
    assert "AWS_SECRET_ACCESS_KEY" not in environment


async def test_what_a_child_prints_arrives_line_by_line(zygote: Zygote) -> None:
    """Tagged with its stream; a line without end is cut."""
    lines = Lines()
    child = await forked(zygote, lines)
    await told(child, do="print", text="one\ntwo\n" + "x" * 20_000 + "\nend")
    ends = {("stdout", "end"), ("stderr", "end")}
    await until(lambda: ends <= set(lines), SECONDS, "both streams have arrived")
    assert ("stdout", "two") in lines
    assert max(len(line) for _, line in lines) <= 8192


@pytest.mark.parametrize("status", [0, 7])
async def test_exit_status_is_reported(zygote: Zygote, status: int) -> None:
    """And whoever waits for an answer is told that none will come."""
    child = await forked(zygote)
    with pytest.raises(ChannelClosed):
        await told(child, do="exit", status=str(status))
    async with asyncio.timeout(SECONDS):
        assert await child.exited == status


async def test_signal_that_ended_a_child_is_reported(zygote: Zygote) -> None:
    """As a negative number."""
    child = await forked(zygote)
    os.kill(child.pid, signal.SIGSEGV)
    async with asyncio.timeout(SECONDS):
        assert await child.exited == -signal.SIGSEGV


@pytest.mark.parametrize("busy", ["hang", "compute"])
async def test_child_is_ended_whatever_it_does(zygote: Zygote, busy: str) -> None:
    """Deaf to SIGTERM, or in C code."""
    child = await forked(zygote)
    answer = child.channel.request(1, json.dumps({"do": busy}).encode())
    async with asyncio.timeout(SECONDS):
        await child.end()
    with pytest.raises(ChannelClosed):
        await answer
    assert not running(child.pid)


@pytest.mark.parametrize("how", ["fork", "fork away"])
async def test_what_a_child_has_forked_ends_with_it(zygote: Zygote, how: str) -> None:
    """In its group, or escaped to a session of its own."""
    child = await forked(zygote)
    grandchild = (await told(child, do=how))["forked"]
    assert running(grandchild)
    async with asyncio.timeout(SECONDS):
        await child.end()
    await until(lambda: not running(grandchild), SECONDS, "the grandchild has ended")


@pytest.mark.parametrize("nonsense", ["talk nonsense", "answer twice"])
async def test_child_that_talks_out_of_turn_is_not_heard_again(
    zygote: Zygote, nonsense: str
) -> None:
    """The channel closes; what it says afterwards cannot be told from an answer."""
    child = await forked(zygote)
    answer = child.channel.request(1, json.dumps({"do": nonsense}).encode())
    async with asyncio.timeout(SECONDS):
        await asyncio.wait([answer])
        await until(lambda: child.channel.closed, SECONDS, "the channel has closed")


async def test_zygote_that_dies_takes_its_children_along_and_is_replaced(zygote: Zygote) -> None:
    """Also what the children have forked; the next fork starts another zygote."""
    child = await forked(zygote)
    grandchild = (await told(child, do="fork away"))["forked"]
    parent = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        await child.exited
    assert child.pid not in lifetime.children()
    await until(lambda: not running(grandchild), SECONDS, "the grandchild has ended")
    assert (await told(await forked(zygote), do="echo"))["pid"] != child.pid


async def test_closing_ends_zygote_and_children(zygote: Zygote) -> None:
    """When close returns, nothing runs."""
    children = [await forked(zygote) for _ in range(3)]
    async with asyncio.timeout(SECONDS):
        await zygote.close()
    assert not any(running(child.pid) for child in children)


FRONT = """
import asyncio, json, sys
from service.processes.zygote import Zygote
from tests.processes.test_zygote import ENVIRONMENT, MODULE, ROLE

async def main():
    zygote = Zygote([ROLE], ENVIRONMENT, MODULE)
    pids = []
    for do in ("compute", "fork", "fork away"):
        child = await zygote.fork(ROLE, 1000, lambda *_: None)
        pids.append(child.pid)
        answer = child.channel.request(1, json.dumps({"do": do}).encode())
        if do != "compute":
            pids.append(json.loads((await answer).head)["forked"])
    print(json.dumps(pids), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_front_that_is_killed_leaves_nothing() -> None:
    """Neither a child in C code, nor what another has forked, in whatever session."""
    front = subprocess.Popen([sys.executable, "-c", FRONT], stdout=subprocess.PIPE)
    assert front.stdout is not None
    pids = json.loads(await asyncio.to_thread(front.stdout.readline))
    assert all(running(pid) for pid in pids)
    front.kill()
    await asyncio.to_thread(front.wait)
    front.stdout.close()
    await until(lambda: not any(running(pid) for pid in pids), 5, "all have ended")


async def test_fork_that_fails_costs_no_other_child(zygote: Zygote) -> None:
    """No such role, here; memory or processes run out alike. Who serves goes on serving."""
    child = await forked(zygote)
    with pytest.raises(PassingFault):
        await zygote.fork("no such role", 1000, Lines())
    assert (await told(child, do="echo"))["pid"] == child.pid


async def test_want_of_descriptors_is_a_passing_fault(zygote: Zygote) -> None:
    """And nothing of the attempt is left open."""
    child = await forked(zygote)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = open_descriptors()
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit_that_leaves(3), limits[1]))
    try:
        with pytest.raises(PassingFault):
            await forked(zygote)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert open_descriptors() == before
    assert (await told(child, do="echo"))["pid"] == child.pid


async def test_cancelled_fork_leaves_neither_process_nor_descriptor(zygote: Zygote) -> None:
    """Whenever in its course it is cancelled."""
    await zygote.start()
    before = open_descriptors()
    for turns in range(30):
        forking = asyncio.create_task(forked(zygote))
        for _ in range(turns):
            await asyncio.sleep(0)
        forking.cancel()
        await asyncio.wait([forking])
        if not forking.cancelled():
            await forking.result().end()
    await until(lambda: open_descriptors() == before, SECONDS, "all is closed")


async def test_p15_child_that_prints_without_end_is_told_in_part(zygote: Zygote) -> None:
    """A hundred lines at a time, and how many were dropped; the pipe slows the child down."""
    lines = Lines()
    child = await forked(zygote, lines)
    answer = child.channel.request(1, b'{"do": "print without end"}')
    await until(lambda: len(notices(lines)) >= 2, SECONDS, "two seconds have been told")
    child.kill()
    with pytest.raises(ChannelClosed):
        await answer
    first, second = notices(lines)[:2]
    assert second - first - 1 <= 100
    dropped = int(lines[second][1].split()[0].removeprefix("("))
    assert dropped <= 3 * 1024**2


def notices(lines: Lines) -> list[int]:
    """Where it is told that lines were dropped."""
    return [place for place, (_, line) in enumerate(lines) if "were dropped" in line]


def open_descriptors() -> set[int]:
    """Of this process; that of the listing itself is gone when they are looked at."""
    listed = list(Path("/proc/self/fd").iterdir())
    return {int(path.name) for path in listed if os.path.lexists(path)}


def limit_that_leaves(free: int) -> int:
    """The limit of descriptors under which only so many can still be opened."""
    used, limit = open_descriptors(), 0
    while free >= 0:
        free -= limit not in used
        limit += 1
    return limit - 1
