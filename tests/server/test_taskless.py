"""A request runs by itself while it waits for answers, and in a task when it waits for more."""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

import pytest

from service.errors import ModelFailed
from service.hosting.queue import Answer
from service.server.taskless import TasklessRun
from tests.support.waiting import until

SECONDS = 240.0


def running(
    work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]] | None = None
) -> TasklessRun:
    """That coroutine, not begun."""
    return TasklessRun(work, asyncio.get_running_loop(), set() if tasks is None else tasks)


def new_answer() -> Answer:
    """One that is not there yet."""
    return Answer(loop=asyncio.get_running_loop())


class Told:
    """Awaits something and remembers what came of it."""

    def __init__(self) -> None:
        self.said: list[object] = []

    async def wait(self, awaited: Any, *then: Any) -> None:
        """Awaits one after the other."""
        try:
            for each in (awaited, *then):
                self.said.append(await each)
        except BaseException as error:
            self.said.append(type(error))
            if isinstance(error, asyncio.CancelledError):
                return
            raise


async def test_answers_run_it_on_without_a_turn_of_the_loop() -> None:
    """As many as it waits for, and no task is made."""
    told, tasks = Told(), set[asyncio.Task[None]]()
    first, second = new_answer(), new_answer()
    running(told.wait(first, second), tasks).begin()
    assert told.said == []
    first.give(b"1")
    assert told.said == [b"1"]
    second.give(b"2")

    assert told.said == [b"1", b"2"]
    assert tasks == set()


async def test_anything_else_is_waited_for_in_a_task() -> None:
    """It has a current task then, and limits of time; answers wake it as they wake any task."""
    told, tasks = Told(), set[asyncio.Task[None]]()
    answer, event = new_answer(), asyncio.Event()

    async def limited() -> str:
        async with asyncio.timeout(SECONDS):
            await event.wait()
        return "in a task"

    running(told.wait(asyncio.sleep(0), limited(), answer), tasks).begin()
    (task,) = tasks
    event.set()
    answer.give(b"1")
    await task

    assert told.said == [None, "in a task", b"1"]
    assert tasks == set()


async def test_cancelled_while_it_waits_for_an_answer_it_ends_at_once() -> None:
    """Nobody wants the answer any more."""
    told, answer = Told(), new_answer()
    run = running(told.wait(answer))
    run.begin()
    run.cancel()

    assert told.said == [asyncio.CancelledError]
    assert answer.cancelled()


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "begun later"])
async def test_cancelled_in_a_task_it_ends_where_it_waits(begun: bool) -> None:  # noqa: FBT001
    """Even if the task has not had its first turn."""
    told, tasks = Told(), set[asyncio.Task[None]]()
    run = running(told.wait(asyncio.Event().wait()), tasks)
    if begun:
        run.begin()
    else:
        run.begin_later()
    run.cancel()
    await until(lambda: told.said, SECONDS, "it has ended")

    assert told.said == [asyncio.CancelledError]


async def test_cancelled_when_it_has_ended_nothing_happens() -> None:
    """Its client may leave at any time."""
    told, answer = Told(), new_answer()
    run = running(told.wait(answer))
    run.begin()
    answer.give(b"1")
    run.cancel()

    assert told.said == [b"1"]


async def test_what_it_raises_does_not_reach_who_brings_the_answer() -> None:
    """The other requests of the batch are answered; the loop is told."""
    contexts: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: contexts.append(context))
    told, answer = Told(), new_answer()
    running(told.wait(answer)).begin()
    answer.refuse(ModelFailed("It failed."))

    assert told.said == [ModelFailed]
    assert [type(context["exception"]) for context in contexts] == [ModelFailed]


NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "begun later"])
async def test_p14_context_is_its_own_whatever_it_waits_for(begun: bool) -> None:  # noqa: FBT001
    """An answer, a task's own waits, and an answer again; nobody else sees what it has set."""
    seen: list[str] = []
    first, last, event = new_answer(), new_answer(), asyncio.Event()

    async def work() -> None:
        seen.append(NAME.get())
        NAME.set("its own")
        for each in (first, event.wait(), last):
            await each
            seen.append(NAME.get())

    tasks = set[asyncio.Task[None]]()
    run = running(work(), tasks)
    (run.begin if begun else run.begin_later)()
    NAME.set("somebody else's")
    first.give(b"1")
    event.set()
    last.give(b"2")
    await until(lambda: len(seen) == 4, SECONDS, "it has ended")

    assert seen == ["nobody", "its own", "its own", "its own"]
    assert NAME.get() == "somebody else's"
