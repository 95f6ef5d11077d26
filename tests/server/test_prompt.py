"""Whole replies leave at once, with the headers of all replies, and not into a full buffer."""

from collections.abc import AsyncIterator

import pytest
from starlette.types import Receive, Scope, Send

from service.http.delivery import CLIENT
from service.server.connection import Connection
from service.server.protocol import CLOSE
from service.server.timeouts import ClientLimits
from tests.http.app import IRIS, App
from tests.support.clients import ROW, Served, get, post, served

LIMITS = ClientLimits(connections=3, reserved=2)
DATE = (b"date", b"Wed, 25 Nov 2026 20:00:00 GMT")


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    """The application that tests of HTTP use, on a socket."""
    app = App((IRIS,))
    async with served(app.asgi, LIMITS) as found:
        yield found
    app.logs.close()


async def test_reply_has_the_headers_of_all_replies(server: Served) -> None:
    """Those of the moment: uvicorn replaces them each second."""
    client = await server.client(post())
    assert "date" not in (await client.answer()).headers
    (connection,) = server.open
    connection.server_state.default_headers = [DATE]
    client.send(post())
    answer = await client.answer()

    assert answer.headers["date"] == DATE[1].decode().lower()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["podium-version"] == "1"
    assert "connection" not in answer.headers


async def test_reply_closes_the_connection_when_the_server_stops(server: Served) -> None:
    """As every other reply."""
    client = await server.client(post())
    await client.answer()
    (connection,) = server.open
    connection.server_state.default_headers = [DATE, CLOSE]
    client.send(post())

    assert (await client.answer()).headers["connection"] == "close"
    assert await client.ended()


async def test_reply_closes_the_connection_when_the_client_asks_for_it(server: Served) -> None:
    """What is sent behind that request is not answered."""
    last = post().replace(b"host:", b"connection: close\r\nhost:")
    client = await server.client(last + post())

    assert (await client.answer()).headers["connection"] == "close"
    assert await client.ended()


async def test_predictions_and_pages_that_come_together_are_answered_in_order(
    server: Served,
) -> None:
    """A page runs in a task, a prediction may not."""
    client = await server.client(get(b"/health/live") + post() + get(b"/models") + post())

    assert [(await client.answer()).status for _ in range(4)] == [200] * 4


async def test_body_that_comes_after_its_head_is_waited_for(server: Served) -> None:
    """In a task, which the end of the body wakes."""
    whole = post()
    client = await server.client(whole[: -len(ROW)])
    await server.look()
    client.send(ROW)

    assert (await client.answer()).json["predictions"] == [1]


async def test_reply_is_not_sent_before_what_was_sent_is_taken() -> None:
    """Else a client that asks and does not read would fill the memory."""
    taken: list[bool] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        client: Connection = scope[CLIENT]
        client.flow.pause_writing()
        taken.append(client.reply(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n", b"1"))
        client.flow.resume_writing()
        taken.append(client.reply(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n", b"1"))

    async with served(app, LIMITS) as server:
        client = await server.client(post())

        assert (await client.answer()).body == b"1"
        assert taken == [False, True]
