"""`GET /console/events` as a client meets it: by bare ASGI messages, one at a time."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
from starlette.types import ASGIApp, Message

from service.console.console import Console
from service.console.watchers import MOST_WATCHERS
from service.http.access import Admin, Readers
from tests.http.app import DISCONNECT, App, chunk
from tests.support.waiting import until

TIMEOUT = 60.0


class Served:
    """An application with its console; steps are made by hand."""

    def __init__(self) -> None:
        admin = Admin("secret")
        self.app = App(admin=admin)
        self.console = Console.of(
            self.app.slots,
            self.app.ledger,
            Readers(None, admin),
            instance="me",
            lost_events=lambda: None,
            mlflow_url="http://mlflow/",
        )
        more = App(admin=admin, more=self.console.routers)
        self.asgi = more.asgi
        self._apps = (self.app, more)
        self.client = more.client

    async def close(self) -> None:
        """Ends both applications."""
        for each in self._apps:
            await each.client.aclose()
            each.logs.close()


class Reading:
    """One client's side of a stream; it leaves when told."""

    def __init__(
        self, asgi: ASGIApp, headers: Mapping[bytes, bytes] | None = None, method: str = "GET"
    ) -> None:
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.leaves = asyncio.Event()
        self.takes = asyncio.Event()
        self.takes.set()
        self._asked = False
        scope = {
            "type": "http",
            "method": method,
            "path": "/console/events",
            "query_string": b"",
            "headers": list((headers or {}).items()),
        }
        self.request = asyncio.ensure_future(asgi(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return chunk(b"")
        await self.leaves.wait()
        return DISCONNECT

    async def _send(self, message: Message) -> None:
        await self.takes.wait()
        self.sent.put_nowait(message)

    async def next(self) -> Message:
        """The next message that is sent."""
        async with asyncio.timeout(TIMEOUT):
            return await self.sent.get()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A console that nobody watches yet."""
    made = Served()
    yield made
    await made.close()


async def test_events_are_a_stream_of_text_that_nobody_keeps(served: Served) -> None:
    """Neither a cache nor a proxy, which would wait for more of it."""
    reading = Reading(served.asgi)
    start = await reading.next()
    headers = dict(start["headers"])
    assert start["status"] == 200
    assert headers[b"content-type"] == b"text/event-stream"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-accel-buffering"] == b"no"
    assert b"content-length" not in headers
    assert b"x-request-id" in headers
    await served.console.stream.step()
    body = await reading.next()
    assert body["more_body"]
    assert body["body"].startswith(b"event: models\ndata: {")
    reading.leaves.set()
    await reading.request


async def test_page_that_leaves_frees_its_place(served: Served) -> None:
    """At once, and not when it is next told something."""
    reading = Reading(served.asgi)
    await reading.next()
    assert len(served.console.stream.watchers) == 1
    reading.leaves.set()
    await reading.request
    assert len(served.console.stream.watchers) == 0


async def test_operator_is_known_by_the_token(served: Served) -> None:
    """As on the pages; a wrong one is anybody's."""
    tokens = (b"Bearer secret", b"Bearer other")
    readings = [Reading(served.asgi, {b"authorization": token}) for token in tokens]
    for each in readings:
        await each.next()
    assert [each.why for each in served.console.stream.watchers] == [True, False]
    for each in readings:
        each.leaves.set()
        await each.request


async def test_page_that_does_not_read_is_not_waited_for(served: Served) -> None:
    """The stream ends once it reads again, and it may come back."""
    reading = Reading(served.asgi)
    await reading.next()
    (watcher,) = served.console.stream.watchers
    await served.console.stream.step()
    await reading.next()
    reading.takes.clear()
    while not watcher.ended:
        served.console.stream.watchers.offer({False: bytes(1024**2), True: b""})
        await asyncio.sleep(0)
    reading.takes.set()
    await reading.request
    assert len(served.console.stream.watchers) == 0


async def test_service_that_stops_ends_its_streams(served: Served) -> None:
    """Whole, so that a client sees no error; and takes no other."""
    reading = Reading(served.asgi)
    await reading.next()
    served.console.stream.watchers.close()
    assert not (await reading.next()).get("more_body")
    await reading.request
    reply = await served.client.get("/console/events")
    assert (reply.status_code, reply.json()["code"]) == (503, "overloaded")
    assert "retry-after" in reply.headers


async def test_more_pages_than_may_watch_are_refused(served: Served) -> None:
    """With a time after which to come again."""
    for _ in range(MOST_WATCHERS):
        served.console.stream.watchers.admit(why=False)
    reply = await served.client.get("/console/events")
    assert (reply.status_code, reply.json()["code"]) == (503, "overloaded")
    assert "retry-after" in reply.headers


async def test_head_is_answered_and_ends(served: Served) -> None:
    """Nobody reads what would come."""
    reading = Reading(served.asgi, method="HEAD")
    assert (await reading.next())["status"] == 200
    await reading.request
    await until(lambda: len(served.console.stream.watchers) == 0, TIMEOUT)


async def test_page_is_told_what_it_has_to_know_first(served: Served) -> None:
    """Nothing of that is secret."""
    reply = await served.client.get("/console/settings")
    assert reply.json() == {
        "instance": "me",
        "podium_version": reply.json()["podium_version"],
        "mlflow_url": "http://mlflow/",
        "admin": True,
        "keys": False,
    }


async def test_routes_of_the_console_are_in_the_document(served: Served) -> None:
    """Others may watch by them, too."""
    paths = (await served.client.get("/openapi.json")).json()["paths"]
    assert {"/console/events", "/console/settings", "/stats"} <= paths.keys()
