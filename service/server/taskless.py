"""A request that is begun at once, and has a task of its own only when it needs one.

Nearly every request waits once, for its prediction. A task, the future that wakes it, and the turns
of the loop between them are a fifth of what such a request costs the front.
"""

import asyncio
import contextvars
import types
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

from service.hosting.queue import Answer


class TasklessRun:
    """Runs one coroutine: by itself while it waits for answers of hosts, else in a task.

    All of it runs in `context`, which is its own, a copy of the current one if none is given: a
    context variable that is set in it keeps its value whatever it waits for, and nobody else sees
    it.

    Until it has waited for something else, nothing in it may ask for the current task; whoever has
    to awaits `asyncio.sleep(0)` before. `tasks` hold the task while there is one.
    """

    __slots__ = ("_answer", "_context", "_coroutine", "_loop", "_task", "_tasks")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, None],
        loop: asyncio.AbstractEventLoop,
        tasks: "set[asyncio.Task[None]]",
        context: contextvars.Context | None = None,
    ) -> None:
        self._coroutine = coroutine
        self._context = context or contextvars.copy_context()
        self._loop = loop
        self._tasks = tasks
        self._answer: Answer | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Runs until it waits; an answer that it waits for runs it on."""
        self._answer = None
        self._step(self._coroutine.send, None)

    def begin_later(self) -> None:
        """Runs in a task from the loop's next turn on."""
        self._keep(self._coroutine)

    def cancel(self) -> None:
        """Cancels it where it waits, if it still does."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.cancel()
            self._step(self._coroutine.throw, asyncio.CancelledError())
        elif self._task is not None:
            # Not before its first turn, for then it would end without having run.
            self._loop.call_soon(self._task.cancel)

    def _step(self, step: Callable[[Any], Any], given: Any) -> None:
        try:
            awaited = self._context.run(step, given)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - whoever has brought the answer is not to blame
            context = {"message": "A request has ended with an exception.", "exception": error}
            self._loop.call_exception_handler(context)
        else:
            self._wait(awaited)

    def _wait(self, awaited: Any) -> None:
        if type(awaited) is Answer:
            self._answer = awaited
            awaited.resume = self.begin
        else:
            self._keep(_continued(self._coroutine, awaited))

    def _keep(self, rest: Coroutine[Any, Any, None]) -> None:
        task = self._task = self._loop.create_task(rest, context=self._context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _continued(coroutine: Coroutine[Any, Any, None], awaited: Any) -> None:
    await _rest(coroutine, awaited)


@types.coroutine
def _rest(coroutine: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    # `await coroutine` would refuse one that waits already.
    while True:
        step = partial(coroutine.send, None)
        try:
            yield awaited
        except BaseException as error:  # noqa: BLE001 - all of them are the coroutine's
            step = partial(coroutine.throw, error)
        try:
            awaited = step()
        except StopIteration:
            return
