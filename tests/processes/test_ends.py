"""However a child, the zygote or the front ends: it is seen and told, and nothing is left."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from service.errors import PassingFault
from service.processes import lifetime
from service.processes.front.channel import Channel, ChannelClosed
from service.processes.front.ending import Ending, EndReason
from service.zygote.front import process as zygote_process
from service.zygote.front.handle import Zygote
from tests.processes.orders import (
    COMMAND,
    SECONDS,
    forked,
    parent_of,
    running,
    told,
)
from tests.support.waiting import until


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


@pytest.mark.parametrize("how", ["fork", "fork away"])
async def test_zygote_that_dies_takes_its_children_along_and_is_replaced(
    zygote: Zygote, how: str
) -> None:
    """Also what the children have forked, without a zombie; the next fork starts another zygote."""
    child = await forked(zygote)
    grandchild = (await told(child, do=how))["forked"]
    os.kill(parent_of(child), signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        await child.exited
    assert child.pid not in lifetime.children()
    # Neither running nor a zombie; what had escaped may be adopted a moment later.
    left = {child.pid, grandchild}
    await until(lambda: lifetime.children().isdisjoint(left), SECONDS, "nothing is left")
    assert not running(grandchild)
    assert (await told(await forked(zygote), do="echo"))["pid"] != child.pid


async def test_zygote_that_is_killed_while_it_starts_fails_who_waits_and_is_replaced(
    zygote: Zygote,
) -> None:
    """A passing fault, and after a pause another one starts."""
    starting = asyncio.create_task(zygote.start())
    await until(lambda: zygote._process, SECONDS, "it has been started")
    assert zygote._process is not None
    os.kill(zygote._process._process.pid, signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        with pytest.raises(PassingFault):
            await starting
    zygote._retry_at = 0.0  # the pause is over
    assert (await told(await forked(zygote), do="echo"))["pid"]


async def test_death_of_the_zygote_is_told_and_another_started_at_once() -> None:
    """Before anybody asks for a process again; an end that was asked for is not a death."""
    deaths: list[Ending] = []
    zygote = Zygote(COMMAND, on_death=deaths.append)
    await zygote.start()
    first = zygote._process
    os.kill(parent_of(await forked(zygote)), signal.SIGKILL)
    await until(lambda: zygote._process is not first, SECONDS, "another is started")
    assert [(death.reason, death.status) for death in deaths] == [(EndReason.SIGNAL, "SIGKILL")]
    await zygote.close()
    assert len(deaths) == 1


async def test_children_of_a_dead_zygote_are_said_to_have_died_with_it(zygote: Zygote) -> None:
    """And not by themselves."""
    child = await forked(zygote)
    os.kill(parent_of(child), signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        await child.exited
    assert child.ending.reason is EndReason.ZYGOTE


async def test_role_that_cannot_be_had_costs_nobody_else(zygote: Zygote) -> None:
    """It is a passing fault, and the zygote lives."""
    child = await forked(zygote)
    with pytest.raises(PassingFault) as refused:
        await zygote.fork("tests.processes.unknown", 1000, lambda *_: None)
    assert refused.value.detail == "KeyError('tests.processes.unknown')"
    assert (await told(child, do="echo"))["pid"] == child.pid
    assert parent_of(await forked(zygote)) == parent_of(child)


async def test_zygote_that_was_begun_before_is_taken_over() -> None:
    """With whatever it has imported meanwhile; it is the zygote's own from then on."""
    begun = COMMAND.spawn()
    zygote = Zygote(COMMAND, begun)
    assert parent_of(await forked(zygote)) == begun.process.pid
    await zygote.close()
    assert not running(begun.process.pid)
    begun.end()


async def test_zygote_that_was_begun_and_never_needed_is_ended() -> None:
    """When the one who was given it closes."""
    begun = COMMAND.spawn()
    await Zygote(COMMAND, begun).close()
    assert not running(begun.process.pid)


async def test_role_that_cannot_be_imported_costs_nobody_else() -> None:
    """Late ones are imported when a child is asked for; the zygote outlives what they raise."""
    zygote = Zygote(replace(COMMAND, late=("tests.processes.missing",)))
    child = await forked(zygote)
    with pytest.raises(PassingFault) as refused:
        await zygote.fork("tests.processes.missing", 1000, lambda *_: None)
    assert "No module named 'tests.processes.missing'" in refused.value.detail
    assert (await told(child, do="echo"))["pid"] == child.pid
    assert parent_of(await forked(zygote)) == parent_of(child)
    await zygote.close()


async def test_stopped_zygote_costs_no_running_child(
    zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forks time out, which may pass; who serves goes on serving."""
    monkeypatch.setattr(zygote_process, "_FORK_SECONDS", 0.2)
    child = await forked(zygote)
    os.kill(parent_of(child), signal.SIGSTOP)
    with pytest.raises(PassingFault):
        await forked(zygote)
    assert (await told(child, do="echo"))["pid"] == child.pid
    os.kill(parent_of(child), signal.SIGCONT)
    assert (await told(await forked(zygote), do="echo"))["pid"] != child.pid


async def test_child_that_closes_its_channel_is_ended(zygote: Zygote) -> None:
    """It could never be asked again, although it lives."""
    child = await forked(zygote)
    with pytest.raises(ChannelClosed):
        await told(child, do="close the channel")
    async with asyncio.timeout(SECONDS):
        await child.exited
    assert child.ending.reason is EndReason.CHANNEL_CLOSED


async def test_closing_ends_zygote_and_children(zygote: Zygote) -> None:
    """When close returns, nothing runs."""
    children = [await forked(zygote) for _ in range(3)]
    async with asyncio.timeout(SECONDS):
        await zygote.close()
    assert not any(running(child.pid) for child in children)


async def test_spare_zygote_takes_over_when_the_zygote_dies(zygote: Zygote) -> None:
    """Without any import; and so does the next one when the spare has died."""
    for _ in range(3):
        child = await forked(zygote)
        await until(lambda: zygote._spare, SECONDS, "there is a spare")
        assert zygote._spare is not None
        spare = zygote._spare.pid
        os.kill(parent_of(child), signal.SIGKILL)
        async with asyncio.timeout(SECONDS):
            await child.exited
        assert parent_of(await forked(zygote)) == spare
    await zygote.close()
    assert not running(spare)


async def test_zygote_that_dies_with_its_spare_is_replaced(zygote: Zygote) -> None:
    """Whichever of the two is seen first; of neither is a zombie left."""
    child = await forked(zygote)
    await until(lambda: zygote._spare, SECONDS, "there is a spare")
    assert zygote._spare is not None
    victims = {parent_of(child), zygote._spare.pid}
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        await child.exited
        assert (await told(await forked(zygote), do="echo"))["pid"] != child.pid
    assert victims.isdisjoint(lifetime.children())


async def test_spare_that_its_zygote_could_not_reap_leaves_no_zombie(zygote: Zygote) -> None:
    """It dies, is known to have died, and then the zygote dies that would have reaped it."""
    child = await forked(zygote)
    await until(lambda: zygote._spare, SECONDS, "there is a spare")
    assert zygote._spare is not None
    spare, parent = zygote._spare, parent_of(child)
    os.kill(parent, signal.SIGSTOP)
    os.kill(spare.pid, signal.SIGKILL)
    await until(lambda: not spare.usable, SECONDS, "its end is seen")
    os.kill(parent, signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        await child.exited
    assert spare.pid not in lifetime.children()


async def test_child_that_dies_on_its_way_to_its_caller_leaves_no_zombie(
    zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together with the zygote, which has not reaped it; whoever wanted it learns of its end."""
    arrived, gate, over = asyncio.Event(), asyncio.Event(), Channel.over

    async def held(connection: socket.socket, max_body_bytes: int) -> Channel:
        arrived.set()
        await gate.wait()
        return await over(connection, max_body_bytes)

    neighbour = await forked(zygote)
    monkeypatch.setattr(Channel, "over", held)
    forking = asyncio.create_task(forked(zygote))
    process = zygote._process
    assert process is not None
    async with asyncio.timeout(SECONDS):
        await arrived.wait()
    (pid,) = process._arriving
    zygotes_pid = parent_of(neighbour)
    os.kill(zygotes_pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not running(pid), SECONDS, "it is a zombie")
    os.kill(zygotes_pid, signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        await process.ended
        gate.set()
        await (await forking).exited
    assert pid not in lifetime.children()


async def test_fork_that_a_dead_zygote_owes_is_asked_of_the_next(zygote: Zygote) -> None:
    """At once; whoever wants it learns of nothing."""
    neighbour = await forked(zygote)
    process = zygote._process
    assert process is not None
    os.kill(parent_of(neighbour), signal.SIGSTOP)
    forking = asyncio.create_task(forked(zygote))
    await until(lambda: process._asked, SECONDS, "it is asked")
    os.kill(parent_of(neighbour), signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        child = await forking
    assert parent_of(child) != process._process.pid
    assert (await told(child, do="echo"))["pid"] == child.pid


async def test_fork_that_a_closed_zygote_owes_starts_no_other(zygote: Zygote) -> None:
    """Nothing is left after the end of a service."""
    neighbour = await forked(zygote)
    process = zygote._process
    assert process is not None
    os.kill(parent_of(neighbour), signal.SIGSTOP)
    forking = asyncio.create_task(forked(zygote))
    await until(lambda: process._asked, SECONDS, "it is asked")
    os.kill(parent_of(neighbour), signal.SIGKILL)
    await zygote.close()
    async with asyncio.timeout(SECONDS):
        with pytest.raises(PassingFault):
            await forking
    assert zygote._process is None


async def test_spare_zygote_that_dies_alone_is_replaced(zygote: Zygote) -> None:
    """Also if nothing is forked; nobody else notices."""
    child = await forked(zygote)
    await until(lambda: zygote._spare, SECONDS, "there is a spare")
    first = zygote._spare
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda: not first.usable, SECONDS, "its end is seen")
    await until(lambda: zygote._spare is not first, SECONDS, "there is another")
    assert (await told(child, do="echo"))["pid"] == child.pid


FRONT = """
import asyncio, json, sys
from service.zygote.front.handle import Zygote
from tests.processes.orders import COMMAND, ROLE

async def main():
    zygote = Zygote(COMMAND)
    pids = []
    for do in ("compute", "fork", "fork away"):
        child = await zygote.fork(ROLE, 1000, lambda *_: None)
        pids.append(child.pid)
        answer = child.channel.request(1, json.dumps({"do": do}).encode())
        if do != "compute":
            pids.append(json.loads((await answer).head)["forked"])
    await zygote._sparing
    pids.append(zygote._spare.pid)
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
    await until(lambda: not any(running(pid) for pid in pids), SECONDS, "all have ended")
