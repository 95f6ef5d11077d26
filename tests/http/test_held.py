"""What requests hold by HTTP is bounded over all of them, and given back."""

import asyncio

import pytest
from starlette.types import Message

from service.predicting.request import CLIENT_GONE, RequestShare
from tests.http.app import DISCONNECT, HELD, HELD_REPLIES, LIMIT, OTHER, App, Raw, chunk
from tests.support.serving import FakeContract, FakePredictor

VALID = b'{"inputs":[1]}'
LONG = b'{"inputs":[1]}'.ljust(LIMIT)


async def test_bodies_of_waiting_requests_are_bounded_over_all_slots(app: App) -> None:
    """Beyond it 503 with `Retry-After`; those that wait are answered, and then there is room."""
    gate = asyncio.Event()
    one, other = FakePredictor("1", gate=gate), FakePredictor("1", gate=gate)
    app.serve("1", one)
    app.serve("1", other, ref=OTHER)
    waiting = [
        asyncio.create_task(Raw().run(app.asgi, [chunk(LONG)], path))
        for path in ("/predict", f"/models/{OTHER}/predict")
    ]
    await one.entered.wait()
    await other.entered.wait()
    assert app.bodies.total == HELD
    refused = await Raw().run(app.asgi, [chunk(VALID)])
    gate.set()

    assert refused.status == 503
    assert (b"retry-after", b"1") in refused.sent[0]["headers"]
    assert b'"code":"overloaded"' in refused.body
    assert [(await each).status for each in waiting] == [200, 200]
    assert (await Raw().run(app.asgi, [chunk(VALID)])).status == 200
    assert app.bodies.total == 0


async def test_bodies_that_still_arrive_leave_room_for_others(app: App) -> None:
    """Half of the bound is for bodies that come at once."""
    held = RequestShare(app.bodies)
    held.take_piece(HELD // 2)
    pieces = await Raw().run(app.asgi, [chunk(VALID[:3], more=True), chunk(VALID[3:])])
    at_once = await Raw().run(app.asgi, [chunk(VALID)])

    assert (pieces.status, at_once.status) == (503, 200)
    assert app.bodies.total == HELD // 2


async def test_body_whose_client_leaves_while_it_arrives_is_given_back(app: App) -> None:
    """As if it had never come."""
    await Raw().run(app.asgi, [chunk(b" " * LIMIT, more=True), DISCONNECT])

    assert app.records.records[0].code == CLIENT_GONE
    assert app.bodies.total == 0


@pytest.mark.parametrize("error", [ValueError("a defect"), None])
async def test_bodies_are_given_back_whatever_comes_of_them(
    app: App, error: Exception | None
) -> None:
    """Also where no version serves, the body does not fit, or Podium fails."""
    app.serve("1", contract=FakeContract(error))
    await app.predict("no list")
    await app.predict([1], "/models/team/other model@blue/predict")
    await Raw().run(app.asgi, [chunk(b"1" * LIMIT, more=True), chunk(b"1")])

    assert app.bodies.total == 0


async def test_long_replies_that_nobody_takes_are_bounded(app: App) -> None:
    """Who asks for another meanwhile is told to come again; short ones are answered."""
    app.serve("1", FakePredictor("1" * (HELD_REPLIES - 2)))
    taken = asyncio.Event()
    started = asyncio.Event()

    async def receive() -> Message:
        return chunk(b'{"inputs":[1]}')

    async def send(_: Message) -> None:
        started.set()
        await taken.wait()

    async def ask() -> None:
        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}
        await app.asgi(scope, receive, send)

    slow = asyncio.create_task(ask())
    await started.wait()
    refused = await app.predict([1])
    app.serve("2")
    short = await app.predict([1])
    taken.set()
    await slow

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert short.status_code == 200
    assert app.held_replies.total == 0
