"""Bodies: bounded, and from a client that is still there."""

import pytest
from starlette.types import Message

from service.http.intake import read_body
from service.predicting.request import CLIENT_GONE, HeldBytes, RequestShare
from tests.http.app import DISCONNECT, LIMIT, App, Raw, chunk

VALID = b'{"inputs":[1]}'


async def test_body_in_parts_is_read_whole(app: App) -> None:
    """However a body is cut, it is one body."""
    parts = [chunk(VALID[:3], more=True), chunk(b"", more=True), chunk(VALID[3:])]
    raw = await Raw().run(app.asgi, parts)

    assert raw.status == 200


async def test_trickled_body_is_kept_in_few_pieces() -> None:
    """A byte at a time costs no object each."""
    parts = [chunk(b"x", more=True) for _ in range(200_000)]
    waiting = iter([*parts, chunk(b"y")])

    async def receive() -> Message:
        return next(waiting)

    held = HeldBytes(300_000 * 2)
    body = await read_body({}, receive, 300_000, RequestShare(held))
    assert isinstance(body, list)
    assert b"".join(body) == b"x" * 200_000 + b"y"
    assert len(body) == 4
    assert held.total == len(b"".join(body))


async def test_declared_length_is_refused_before_reading(app: App) -> None:
    """413 without a byte of the body read."""
    raw = await Raw().run(app.asgi, [], headers={b"content-length": b"%d" % (LIMIT + 1)})

    assert raw.status == 413
    assert raw.reads == 0
    assert b'"code":"body_too_large"' in raw.body


@pytest.mark.parametrize("declared", [b"9" * 5000, b"1" + b"0" * 18])
async def test_absurd_declared_length_is_413(app: App, declared: bytes) -> None:
    """A number that nothing can hold is too large."""
    raw = await Raw().run(app.asgi, [], headers={b"content-length": declared})

    assert raw.status == 413


@pytest.mark.parametrize("declared", [b"-1", b"ten", b"", b"\xff"])
async def test_length_that_is_no_number_still_bounds_the_body(app: App, declared: bytes) -> None:
    """A server may pass on any header; counting does not depend on it."""
    parts = [chunk(b"x" * (LIMIT + 1))]
    raw = await Raw().run(app.asgi, parts, headers={b"content-length": declared})

    assert raw.status == 413


async def test_endless_body_is_refused_at_the_limit(app: App) -> None:
    """Reading stops with the part that goes beyond the limit."""
    parts = [chunk(b"x" * (LIMIT // 2), more=True) for _ in range(10)]
    raw = await Raw().run(app.asgi, parts)

    assert raw.status == 413
    assert raw.reads == 3


async def test_body_of_exactly_the_limit_is_read(app: App) -> None:
    """The limit itself is allowed."""
    raw = await Raw().run(app.asgi, [chunk(VALID.ljust(LIMIT))])

    assert raw.status == 200


async def test_identity_is_no_compression(app: App) -> None:
    """The one encoding that changes nothing."""
    raw = await Raw().run(app.asgi, [chunk(VALID)], headers={b"content-encoding": b"Identity"})

    assert raw.status == 200


@pytest.mark.parametrize("parts", [[DISCONNECT], [chunk(b"{", more=True), DISCONNECT]])
async def test_client_that_leaves_while_sending_ends_quietly(app: App, parts: list[dict]) -> None:  # type: ignore[type-arg]
    """Nothing is sent, nothing reaches the model, nothing is logged but the request's line."""
    raw = await Raw().run(app.asgi, parts)

    assert raw.sent == []
    assert app.records.records[0].code == CLIENT_GONE
    assert [line["event"] for line in app.log()] == ["request"]


async def test_client_that_leaves_before_the_reply_ends_quietly(app: App) -> None:
    """A server that raises OSError on sending is not a failure of the service."""

    async def receive() -> dict[str, object]:
        return chunk(VALID)  # type: ignore[return-value]

    async def send(_message: object) -> None:
        raise ConnectionResetError

    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}
    await app.asgi(scope, receive, send)

    assert app.records.records[0].code == CLIENT_GONE
