"""Each request runs in a context of its own, however it is begun and whatever it waits for."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send

from service.hosting.queue import Answer
from service.server.timeouts import ClientLimits
from tests.support.clients import SECONDS, get, served
from tests.support.waiting import until

LIMITS = ClientLimits(connections=3, reserved=2)
NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


@dataclass
class Remembering:
    """An application that remembers who it is for, before its wait and after it.

    `/answer` waits as a prediction does, for what a host brings; `/event` as a page, in a task.
    """

    waiting: list[Answer | asyncio.Event] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Replies when it has been told to go on."""
        before = NAME.get()
        NAME.set(scope["path"])
        if scope["path"].startswith("/answer"):
            answer = Answer(loop=asyncio.get_running_loop())
            self.waiting.append(answer)
            await answer
        else:
            event = asyncio.Event()
            self.waiting.append(event)
            await event.wait()
        self.seen.append((before, NAME.get()))
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def go_on(self, count: int) -> None:
        """Tells the request that came as that one, when it is there."""
        await until(lambda: len(self.waiting) >= count, SECONDS, "it waits")
        waiting = self.waiting[count - 1]
        if isinstance(waiting, Answer):
            waiting.give(b"1")
        else:
            waiting.set()


@pytest.mark.parametrize("kind", ["/answer", "/event"])
@pytest.mark.parametrize("together", [False, True], ids=["in turn", "pipelined"])
async def test_p14_what_a_request_sets_is_its_own(kind: str, together: bool) -> None:  # noqa: FBT001
    """It is there after a wait, and the next request of the connection does not see it."""
    app = Remembering()
    paths = [f"{kind}{number}" for number in range(3)]
    requests = [get(path.encode()) for path in paths]
    async with served(app, LIMITS) as server:
        client = await server.client(b"".join(requests) if together else requests[0])
        for number in range(3):
            if number and not together:
                client.send(requests[number])
            await app.go_on(number + 1)
            await client.answer()

    assert app.seen == [("nobody", path) for path in paths]


async def test_p14_requests_that_wait_at_once_do_not_see_each_other() -> None:
    """Whichever is answered first."""
    app = Remembering()
    async with served(app, LIMITS) as server:
        first = await server.client(get(b"/answer1"))
        await until(lambda: len(app.waiting) == 1, SECONDS, "the first waits")
        second = await server.client(get(b"/answer2"))
        await app.go_on(2)
        await second.answer()
        await app.go_on(1)
        await first.answer()

    assert app.seen == [("nobody", "/answer2"), ("nobody", "/answer1")]
