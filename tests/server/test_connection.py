"""Connections end when their clients take too long, and places are found for those who do not."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from service.predicting.request import CLIENT_GONE
from service.server.connection import Connection
from service.server.timeouts import ClientLimits, Ended, Phase
from tests.http.app import IRIS, App
from tests.support.clients import ROW, SECONDS, Served, get, post, served
from tests.support.serving import FakePredictor
from tests.support.waiting import until

LIMITS = ClientLimits(connections=3, reserved=2, head_bytes=2000, request_bytes=20_000)
LARGE = "1" * 30_000_000


@pytest.fixture
async def app() -> AsyncIterator[App]:
    """The application that tests of HTTP use."""
    made = App((IRIS,))
    yield made
    made.logs.close()


@pytest.fixture
async def server(app: App) -> AsyncIterator[Served]:
    """That application on a socket."""
    async with served(app.asgi, LIMITS) as found:
        yield found


def more(connection: Connection, before: int) -> bool:
    """Whether it has received more by now."""
    return connection._received > before


def less(connection: Connection, before: int) -> bool:
    """Whether it has less to send by now."""
    return connection.transport.get_write_buffer_size() < before


async def test_head_that_does_not_end_is_408(server: Served) -> None:
    """In Podium's shape; the connection ends."""
    client = await server.client(b"POST /predict HTTP/1.1\r\nhost: pod")
    await server.are(Phase.HEAD)
    await server.look()
    await server.look(LIMITS.head_seconds - 1)
    assert server.told == {}
    await server.look(2)
    await server.look()
    answer = await client.answer()

    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert answer.json["code"] == "head_too_slow"
    assert set(answer.json) == {"code", "detail", "request_id"}
    assert await client.ended()
    assert server.told == {Ended.HEAD_TOO_SLOW: 1}


async def test_head_that_does_not_end_after_a_request_is_408(server: Served) -> None:
    """A connection that was kept open gets no more time than a new one."""
    client = await server.client(post())
    assert (await client.answer()).status == 200
    client.send(b"POST /pre")
    await server.are(Phase.HEAD)
    await server.look()
    await server.look(LIMITS.head_seconds + 1)

    assert (await client.answer()).status == 408
    assert await client.ended()


async def test_connection_that_sends_nothing_is_closed(server: Served) -> None:
    """Without a word, for nothing was asked; line feeds before a request are nothing."""
    silent, feeding = await server.client(), await server.client(b"\r\n")
    await server.are(Phase.IDLE, Phase.IDLE)
    await server.look()
    feeding.send(b"\r\n")
    await server.look(LIMITS.idle_seconds + 1)
    await server.look()

    assert await silent.ended()
    assert await feeding.ended()
    assert server.told == {Ended.IDLE: 2}


async def test_connection_is_kept_between_requests_and_closed_when_idle(server: Served) -> None:
    """Each request begins its time anew."""
    client = await server.client()
    for _ in range(3):
        client.send(post())
        assert (await client.answer()).status == 200
        await server.look()
        await server.look(LIMITS.idle_seconds - 1)
    await server.look(2)

    assert await client.ended()


async def test_body_that_does_not_come_is_408(app: App, server: Served) -> None:
    """In the shape of its route, and counted; the connection ends."""
    client = await server.client(post(b'{"inp', declared=100))
    other = await server.client(post(b"", path=b"/invocations", declared=100))
    await server.are(Phase.BODY, Phase.BODY)
    await server.look()
    await server.look(LIMITS.body_seconds + 1)
    await server.look()
    answer, second = await client.answer(), await other.answer()

    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert answer.json["code"] == "body_too_slow"
    assert (second.status, second.json["error_code"]) == (408, "BAD_REQUEST")
    assert await client.ended()
    assert [record.code for record in app.records.records] == [408, 408]
    assert app.bodies.total == 0
    assert server.told == {Ended.BODY_TOO_SLOW: 2}


async def test_body_that_goes_on_coming_is_waited_for(app: App) -> None:
    """At the least rate, however long it takes."""
    part = b" " * 61
    async with served(app.asgi, ClientLimits(body_seconds=30, bytes_per_second=2)) as server:
        client = await server.client(post(b"", declared=5 * len(part) + len(ROW)))
        await server.are(Phase.BODY)
        (connection,) = server.open
        await server.look()
        for _ in range(5):
            await server.look(29)
            client.send(part)
            await until(partial(more, connection, connection._received), SECONDS, "it came")
        client.send(ROW)

        assert (await client.answer()).status == 200


async def test_body_that_nobody_reads_ends_the_connection() -> None:
    """Whatever the application waits for instead."""
    entered = asyncio.Event()

    async def stubborn(_scope: object, _receive: object, _send: object) -> None:
        entered.set()
        await asyncio.Event().wait()

    async with served(stubborn, LIMITS) as server:
        client = await server.client(post(b"1", declared=100))
        await server.are(Phase.BODY)
        for _ in range(2):
            await server.look()
            await server.look(LIMITS.body_seconds + 1)

        assert await client.ended()
        assert server.told == {Ended.BODY_TOO_SLOW: 1}
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()


async def test_reply_that_is_not_read_ends_the_connection(app: App, server: Served) -> None:
    """What was left of it is let go; the request counts as one whose client is gone."""
    app.serve("2", FakePredictor(LARGE))
    client = await server.client(post())
    await server.are(Phase.REPLY)
    await server.look()
    await server.look(LIMITS.reply_seconds + 1)
    await server.look()
    await until(lambda: app.records.records, SECONDS, "the request has ended")

    assert [record.code for record in app.records.records] == [CLIENT_GONE]
    assert app.held_replies.total == 0
    assert server.told == {Ended.REPLY_NOT_READ: 1}
    client.leave()


async def test_reply_that_is_read_slowly_is_waited_for(app: App, server: Served) -> None:
    """As long as it goes on being read at the least rate."""
    app.serve("2", FakePredictor(LARGE))
    client = await server.client(post())
    await server.are(Phase.REPLY)
    (connection,) = server.open
    for _ in range(5):
        await server.look()
        await client.take(4_000_000)
        await until(partial(less, connection, connection._unsent), SECONDS, "some was taken")
        await server.look(LIMITS.reply_seconds)

    assert server.told == {}
    assert server.open == [connection]


async def test_prediction_may_take_its_time(app: App, server: Served) -> None:
    """Its limit is another's to keep."""
    gate = asyncio.Event()
    app.serve("2", FakePredictor("2", gate=gate))
    client = await server.client(post())
    await server.are(Phase.RUNNING)
    await server.look()
    await server.look(3600)
    gate.set()

    assert (await client.answer()).json["predictions"] == [2]


async def test_head_without_end_is_431(server: Served) -> None:
    """However fast it comes."""
    client = await server.client(b"GET / HTTP/1.1\r\nx: 1")
    await server.are(Phase.HEAD)
    client.send(b"x" * 3000)
    answer = await client.answer()

    assert (answer.status, answer.json["code"]) == (431, "head_too_large")
    assert await client.ended()


async def test_trailers_without_end_end_the_connection(server: Served) -> None:
    """What comes after a chunked body is part of the request, too."""
    head = b"POST /predict HTTP/1.1\r\nhost: p\r\ntransfer-encoding: chunked\r\n\r\n"
    client = await server.client(head + b"1\r\n[\r\n0\r\n")
    await server.are(Phase.BODY)
    client.send(b"x: 1\r\n" * 5000)

    assert await client.ended()


async def test_nonsense_is_400_in_podiums_shape(server: Served) -> None:
    """Not in the server library's."""
    client = await server.client(b"NONSENSE\r\n\r\n")
    answer = await client.answer()

    assert (answer.status, answer.json["code"]) == (400, "bad_request")
    assert await client.ended()


async def test_requests_that_come_together_are_answered_in_order(server: Served) -> None:
    """One after the other on one connection."""
    client = await server.client(post() + get(b"/health/live") + post(b"[]"))

    assert [(await client.answer()).status for _ in range(3)] == [200, 200, 422]


async def test_who_has_no_whole_request_goes_when_places_run_out(app: App, server: Served) -> None:
    """Heads that do not end before connections that were used, the oldest first."""
    app.serve("2", FakePredictor("2"))
    used = await server.client(post())
    assert (await used.answer()).status == 200
    first = await server.client(b"POST /")
    await server.are(Phase.IDLE, Phase.HEAD)
    await server.look()
    second = await server.client(b"POST /")
    await server.are(Phase.IDLE, Phase.HEAD, Phase.HEAD)
    await server.look(1)
    newcomers = []
    for leaving in (first, second, used):
        newcomers.append(await server.client(post(b'{"inputs":[')))
        assert await leaving.ended()
        assert (await newcomers[-1].answer()).status == 422
        newcomers[-1].send(b"POST /")
    await server.look()

    assert server.told[Ended.MADE_ROOM] == 3


async def test_probes_are_answered_when_all_places_are_taken(app: App, server: Served) -> None:
    """Everybody else is told to come again."""
    gate = asyncio.Event()
    app.serve("2", FakePredictor("2", gate=gate))
    busy = [await server.client(post()) for _ in range(LIMITS.connections)]
    await server.are(*[Phase.RUNNING] * LIMITS.connections)
    refused = await (await server.client(post())).answer()
    probes = [
        await (await server.client(get(path))).answer()
        for path in (b"/health/live", b"/health/ready", b"/ping", b"/metrics")
    ]
    gate.set()

    assert (refused.status, refused.json["code"]) == (503, "overloaded")
    assert (refused.headers["retry-after"], refused.headers["connection"]) == ("1", "close")
    assert [probe.status for probe in probes] == [200] * 4
    assert {probe.headers["connection"] for probe in probes} == {"close"}
    assert [(await client.answer()).json["predictions"] for client in busy] == [[2]] * 3
    await server.look()
    assert server.told == {Ended.REFUSED: 5}


async def test_reserved_places_are_found_for_probes_too(app: App, server: Served) -> None:
    """Whoever has been there longest makes room."""
    app.serve("2", FakePredictor("2", gate=asyncio.Event()))
    for _ in range(LIMITS.connections):
        await server.client(post())
    await server.are(*[Phase.RUNNING] * LIMITS.connections)
    slow = [await server.client(b"GET /health/li") for _ in range(LIMITS.reserved)]
    await server.are(*[Phase.RUNNING] * LIMITS.connections, *[Phase.HEAD] * LIMITS.reserved)
    probe = await server.client(get(b"/health/live"))

    assert (await probe.answer()).status == 200
    assert await slow[0].ended()
    slow[1].send(b"ve HTTP/1.1\r\nhost: podium\r\n\r\n")
    assert (await slow[1].answer()).status == 200


async def test_client_that_leaves_is_not_predicted_for(app: App, server: Served) -> None:
    """Whoever waits is told at once; the request is counted as 499."""
    waiting = FakePredictor("2", gate=asyncio.Event())
    app.serve("2", waiting)
    client = await server.client(post())
    await server.are(Phase.RUNNING)
    await waiting.entered.wait()
    client.leave()
    await until(lambda: app.records.records, SECONDS, "the request has ended")

    assert [record.code for record in app.records.records] == [CLIENT_GONE]
    assert app.bodies.total == 0
    assert [line["event"] for line in app.log()] == ["request"]


async def test_client_that_leaves_with_several_requests_is_counted_once(
    app: App, server: Served
) -> None:
    """Those behind the one that ran have never begun."""
    waiting = FakePredictor("2", gate=asyncio.Event())
    app.serve("2", waiting)
    client = await server.client(post() + post() + post())
    await waiting.entered.wait()
    client.leave()
    await until(lambda: app.records.records, SECONDS, "the request has ended")
    await until(lambda: not server.open, SECONDS, "the connection has ended")

    assert [record.code for record in app.records.records] == [CLIENT_GONE]
    assert len(waiting.inputs) == 1


async def test_client_that_leaves_with_several_requests_is_no_defect(
    app: App, server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the server library nor the event loop has anything to say about it."""
    waiting = FakePredictor("2", gate=asyncio.Event())
    app.serve("2", waiting)
    client = await server.client(post() + post())
    await waiting.entered.wait()
    (task,) = server.state.tasks
    client.leave()
    await asyncio.wait([task])

    assert task.exception() is None
    assert caplog.messages == []


OFFER = (
    b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAB\r\n"
)


@pytest.mark.parametrize("cut", [1, 60, len(post()) + 50, len(post() + OFFER) - 3])
async def test_request_that_offers_another_protocol_keeps_its_body(
    server: Served, cut: int
) -> None:
    """As Java's own client sends it, wherever its packets end; the next one is there, too."""
    offering = post().replace(b"\r\n\r\n", b"\r\n" + OFFER + b"\r\n")
    client = await server.client(offering[:cut])
    (connection,) = await server.received(cut)
    client.send(offering[cut:] + get(b"/health/live"))
    answer = await client.answer()

    assert (answer.status, answer.json["predictions"]) == (200, [1])
    assert (await client.answer()).json == {"live": True}
    assert server.open == [connection]


async def test_request_in_chunks_that_offers_another_protocol_keeps_its_body(
    server: Served,
) -> None:
    """Also from a client of HTTP/1.0, and from one that leaves afterwards."""
    head = b"POST /predict HTTP/1.1\r\nconnection: close, upgrade\r\nupgrade: websocket\r\n"
    chunks = b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(ROW), ROW)
    client = await server.client(head + chunks)
    assert (await client.answer()).json["predictions"] == [1]
    assert await client.ended()
    old = await server.client(
        post().replace(b"1.1\r\n", b"1.0\r\nconnection: upgrade\r\nupgrade: h2c\r\n")
    )
    assert (await old.answer()).json["predictions"] == [1]


async def test_tunnel_is_refused(server: Served) -> None:
    """This is no proxy."""
    client = await server.client(b"CONNECT podium:80 HTTP/1.1\r\nhost: podium:80\r\n\r\n")
    assert (await client.answer()).status == 400
    assert await client.ended()


async def test_client_that_closes_its_sending_side_counts_as_gone(app: App, server: Served) -> None:
    """As uvicorn has it: nothing tells it from a client that leaves."""
    waiting = FakePredictor("2", gate=asyncio.Event())
    app.serve("2", waiting)
    client = await server.client(post())
    await waiting.entered.wait()
    client.finish()
    await until(lambda: app.records.records, SECONDS, "the request has ended")

    assert [record.code for record in app.records.records] == [CLIENT_GONE]
