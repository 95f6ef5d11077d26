"""The wire between the front and real children: hello, parts, credit and cancel."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from service.errors import PassingFault
from service.hosting.observer import Purpose
from service.hosting.specification import HostedModel, PoolLimits
from service.hosting.starting import LocalHosts
from service.processes.frames import Status
from service.processes.front.channel import ChannelClosed, ReplyParts
from service.processes.front.child import Child
from service.processes.front.ending import EndReason
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import ZygoteCommand
from tests.hosting.rows import Counts
from tests.processes.orders import ENVIRONMENT, MODULE, SECONDS, forked, told
from tests.support.waiting import until

OLDER = "tests.processes.older"


def counting(child: Child, to: int, ahead: int = 1) -> ReplyParts:
    """The numbers up to that one, in parts."""
    head = json.dumps({"do": "count", "to": to}).encode()
    return child.channel.stream(1, head, ahead=ahead)


async def taken(parts: ReplyParts, most: int = 1000) -> list[bytes]:
    """The bodies of so many parts, or of all."""
    found = list[bytes]()
    async with asyncio.timeout(SECONDS):
        while len(found) < most:
            try:
                found.append(bytes((await anext(parts)).body))
            except StopAsyncIteration:
                break
    return found


async def test_child_says_hello_before_anything_else(zygote: Zygote) -> None:
    """With the version of its Python."""
    child = await forked(zygote)
    await told(child, do="echo")
    assert child.channel.hello is not None
    assert child.channel.hello["python"].startswith("3.")


async def test_p17_host_of_another_wire_is_refused_and_says_so(tmp_path: Path) -> None:
    """It is no fault of the version's, which is tried again; the process has ended."""
    zygote, counts = Zygote(ZygoteCommand((OLDER,), ENVIRONMENT, MODULE)), Counts()
    model = HostedModel(tmp_path, None, "", True, None, role=OLDER)
    with pytest.raises(PassingFault, match="is of another Podium") as caught:
        async with asyncio.timeout(SECONDS):
            await LocalHosts(zygote, model, PoolLimits(), counts).start(Purpose.SERVING)
    assert caught.value.reason == "host_of_other_wire"
    assert caught.value.detail == "the other side speaks wire version 1, this one 2"
    assert len(counts.endings) == 1
    await zygote.close()


@pytest.mark.parametrize(("count", "ahead"), [(0, 1), (1, 1), (50, 1), (50, 8), (3, 100)])
async def test_reply_comes_in_parts_in_order(zygote: Zygote, count: int, ahead: int) -> None:
    """However many the child may be ahead; then the next request is answered as ever."""
    child = await forked(zygote)
    parts = counting(child, count, ahead)
    assert await taken(parts) == [b"%d" % number for number in range(count)]
    assert (await parts.end).status is Status.DONE
    assert await taken(parts) == []
    assert (await told(child, do="echo"))["pid"] == child.pid


async def test_stalled_reader_holds_nobody_up(zygote: Zygote) -> None:
    """Its child makes no more than it has room for, and others are answered meanwhile."""
    stalled, other = await forked(zygote), await forked(zygote)
    parts = counting(stalled, 10_000, ahead=3)
    await until(lambda: parts._there.qsize() == 3, SECONDS, "its room is full")
    for _ in range(20):
        assert (await told(other, do="echo"))["pid"] == other.pid
    assert (parts._there.qsize(), parts.end.done()) == (3, False)
    assert await taken(parts, 5) == [b"0", b"1", b"2", b"3", b"4"]
    stalled.channel.cancel()
    end = await parts.end
    assert end.status is Status.CANCELLED
    assert json.loads(end.head)["made"] < 10


async def test_request_that_is_cancelled_before_it_is_begun_is_not_done(zygote: Zygote) -> None:
    """The child was stopped, say; what it is asked next is answered."""
    child = await forked(zygote)
    await told(child, do="echo")
    os.kill(child.pid, signal.SIGSTOP)
    answer = child.channel.request(1, json.dumps({"do": "hang"}).encode())
    for _ in range(2):  # once is enough
        child.channel.cancel()
    os.kill(child.pid, signal.SIGCONT)
    async with asyncio.timeout(SECONDS):
        assert (await answer).status is Status.CANCELLED
    assert (await told(child, do="echo"))["pid"] == child.pid


async def test_request_that_is_cancelled_too_late_ends_as_ever(zygote: Zygote) -> None:
    """The next one is not taken for it."""
    child = await forked(zygote)
    for _ in range(20):
        answer = child.channel.request(1, b'{"do": "echo"}')
        child.channel.cancel()
        async with asyncio.timeout(SECONDS):
            assert (await answer).status in (Status.DONE, Status.CANCELLED)
        child.channel.cancel()  # of what is over: nothing
        assert (await told(child, do="echo"))["pid"] == child.pid


@pytest.mark.parametrize("how", ["send an unwanted part", "say that it was cancelled"])
async def test_child_that_answers_what_was_not_asked_is_ended(zygote: Zygote, how: str) -> None:
    """No more than it was admitted, and no end that nobody asked for."""
    child = await forked(zygote)
    with pytest.raises(ChannelClosed):
        await told(child, do=how)
    async with asyncio.timeout(SECONDS):
        await child.exited
    assert child.ending.reason is EndReason.FRAME_ERROR


async def test_reader_of_parts_is_told_when_the_child_ends(zygote: Zygote) -> None:
    """After those that had come; each time that it asks."""
    child = await forked(zygote)
    parts = counting(child, 10, ahead=2)
    await until(lambda: parts._there.qsize() == 2, SECONDS, "two are there")
    await child.end()
    assert await taken(parts, 2) == [b"0", b"1"]
    for _ in range(2):
        with pytest.raises(ChannelClosed):
            await taken(parts)
