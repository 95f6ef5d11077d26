"""Children of a zygote: asked, answered, and nothing of them left open."""

import asyncio
import json
import os
import resource
from pathlib import Path

import pytest

from service.errors import PassingFault
from service.processes.front.channel import ChannelClosed
from service.processes.front.scratch import Scratch
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import ZygoteCommand
from tests.processes.orders import (
    COMMAND,
    ENVIRONMENT,
    MODULE,
    SECONDS,
    Lines,
    forked,
    told,
)
from tests.support.waiting import until


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


async def test_child_has_a_temporary_folder_of_its_own_while_it_lives(tmp_path: Path) -> None:
    """By variable and by Python's module; twenty thousand files in it are gone a moment later."""
    zygote = Zygote(COMMAND, scratch=Scratch(tmp_path))
    child = await forked(zygote)
    answer = await told(child, do="echo")
    folder = Path(answer["folder"])
    assert answer["environment"]["TMPDIR"] == str(folder)
    await told(child, do="fill", files="20000")
    assert (folder / "19999").exists()
    await child.end()
    await until(lambda: not folder.exists(), SECONDS, "it is removed")
    await zygote.close()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


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
    await until(lambda: zygote._spare, SECONDS, "the spare zygote is there")
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


async def test_what_the_zygote_itself_prints_is_told() -> None:
    """As where it cannot import what it should; a traceback is one line."""
    lines = Lines()
    command = ZygoteCommand(("tests.processes.absent",), ENVIRONMENT, MODULE)
    zygote = Zygote(command, on_line=lines)
    before = open_descriptors()
    with pytest.raises(PassingFault):
        await zygote.start()
    await zygote.close()
    ((stream, text),) = lines
    assert stream == "stderr"
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.splitlines()[-1].startswith("ModuleNotFoundError: ")
    assert open_descriptors() == before


async def test_zygote_that_does_not_start_in_time_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what may be the cause, and what to do; not as one that cannot be started at all."""
    monkeypatch.setattr("service.zygote.front.process._START_SECONDS", 0.0)
    zygote = Zygote(COMMAND)
    with pytest.raises(PassingFault, match=r"did not start within 0 s: .*; try again") as late:
        await zygote.start()
    assert (late.value.stage, late.value.reason) == ("start", "start_timed_out")
    await zygote.close()
