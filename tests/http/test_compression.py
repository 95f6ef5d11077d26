"""Compressed requests and replies: as if they were not, and bounded as if they were not."""

import asyncio
import gzip
import json
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from service.http.codings import PIECE_BYTES, zstd
from service.http.compression import Compression
from service.http.intake import HttpRequest
from service.predicting.request import CLIENT_GONE, HeldBytes, RequestShare
from service.predicting.route import COPIED_BYTES
from tests.http.app import HELD_REPLIES, IRIS, LIMIT, App, Raw, chunk
from tests.http.compressed import WRITERS, Writer
from tests.support.exploring import exploring
from tests.support.serving import FakePredictor

VALID = b'{"inputs":[1]}'
ID = {b"x-request-id": b"mine"}
READERS: Mapping[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.decompress,
    b"deflate": zlib.decompress,
    b"zstd": zstd.decompress,
}
writers = pytest.mark.parametrize("writer", WRITERS, ids=str)
routes = pytest.mark.parametrize("path", ["/predict", "/invocations"])


def _dumped(values: list[Any]) -> bytes:
    return json.dumps({"inputs": values}).encode()


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
_BODIES = (
    st.binary(max_size=LIMIT)
    | st.lists(_VALUES, max_size=30).map(_dumped)
    | st.integers(0, 10).map(lambda more: VALID.ljust(LIMIT - 5 + more))
)


def coded(writer: Writer) -> dict[bytes, bytes]:
    """The headers of a request so written."""
    return {**ID, b"content-encoding": writer.name.encode()}


async def post(
    app: App, body: bytes, headers: Mapping[bytes, bytes] = ID, path: str = "/predict"
) -> Raw:
    """One request that came at once."""
    return await Raw().run(app.asgi, [chunk(body)], path, headers=headers)


def test_p22_any_body_compressed_in_any_way_is_answered_as_it_is() -> None:
    """To the byte, whatever it holds, by both protocols; but where compressed it is too long."""
    app = App([IRIS])

    with asyncio.Runner() as runner:

        @exploring(400)
        @given(
            body=_BODIES,
            writer=st.sampled_from(WRITERS),
            path=st.sampled_from(["/predict", "/invocations"]),
            cut=st.integers(1, LIMIT * 2),
        )
        def any_request(body: bytes, writer: Writer, path: str, cut: int) -> None:
            sent = writer.write(body)
            parts = [sent[at : at + cut] for at in range(0, len(sent), cut)]
            messages = [chunk(part, more=True) for part in parts[:-1]] + [chunk(parts[-1])]
            plain = runner.run(post(app, body, path=path))
            found = runner.run(Raw().run(app.asgi, messages, path, headers=coded(writer)))
            if len(sent) > LIMIT:
                assert found.status == 413
            else:
                assert (found.status, found.body) == (plain.status, plain.body)
            assert app.bodies.total == 0

        any_request()
    app.logs.close()


@writers
@routes
async def test_p14_bomb_is_413_however_far_it_would_unpack(
    app: App, writer: Writer, path: str
) -> None:
    """The limit holds for what is unpacked, and nothing is held afterwards."""
    bomb = writer.write(b"0" * (LIMIT + 1))
    assert len(bomb) <= LIMIT or "stored" in writer.how
    found = await post(app, bomb, coded(writer), path)

    assert found.status == 413
    assert app.bodies.total == 0


@writers
@routes
async def test_broken_body_is_400(app: App, writer: Writer, path: str) -> None:
    """Cut, not compressed at all, with something behind it, or empty."""
    sent = writer.write(VALID)
    for broken in (sent[:-1], sent + b"0", VALID, b""):
        assert (await post(app, broken, coded(writer), path)).status == 400


async def test_broken_body_is_named_by_its_code_without_a_word_of_it(app: App) -> None:
    """For programs, and for people."""
    said = (await post(app, b"secret", coded(WRITERS[0]))).body

    assert b'"code":"broken_encoding"' in said
    assert b"gzip" in said
    assert b"secret" not in said


@pytest.mark.parametrize("encoding", [b"br", b"identity, gzip", b"gzip, gzip", b""])
@routes
async def test_other_encodings_are_415_unread_and_the_known_ones_are_named(
    app: App, encoding: bytes, path: str
) -> None:
    """In the sentence, and in the header that RFC 9110 has for it (section 15.5.16)."""
    found = await Raw().run(app.asgi, [], path, headers={b"content-encoding": encoding})

    assert found.status == 415
    assert found.reads == 0
    assert (b"accept-encoding", b"deflate, gzip, zstd") in found.sent[0]["headers"]
    assert b"deflate, gzip, zstd" in found.body


async def test_second_encoding_in_a_header_of_its_own_counts(app: App) -> None:
    """Two lines are one list (RFC 9110, section 5.3)."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "headers": [(b"content-encoding", b"gzip"), (b"content-encoding", b"identity")],
    }
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app.asgi(scope, _never, send)
    assert sent[0]["status"] == 415


async def _never() -> Message:
    raise AssertionError


async def test_time_is_over_while_a_body_is_unpacked() -> None:
    """The request's one deadline counts from when it had come."""
    made = App([IRIS], request_seconds=-1.0)
    found = await post(made, gzip.compress(VALID), coded(WRITERS[0]))
    made.logs.close()

    assert (found.status, made.bodies.total) == (503, 0)


class _Bodies:
    """What one service holds, and requests that unpack."""

    def __init__(self, limit: int) -> None:
        self.held = HeldBytes(limit)
        self.compression = Compression()

    async def unpacked(self, sent: bytes, limit: int) -> bytes:
        """What comes of that body, held until it is released."""
        share = RequestShare(self.held)
        headers = {b"content-encoding": b"gzip"}
        scope = {"type": "http", "method": "POST", "headers": list(headers.items())}

        async def receive() -> Message:
            return chunk(sent)

        request = HttpRequest("1", headers, scope, receive, share, self.compression)
        body = await request.unpacked(await request.body(limit), limit, float("inf"))
        assert self.held.total >= len(b"".join([body] if isinstance(body, bytes) else body))
        share.release()
        return body if isinstance(body, bytes) else b"".join(body)


@pytest.mark.parametrize(
    "size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 40 * PIECE_BYTES + 7]
)
@pytest.mark.parametrize("noise", [False, True])
async def test_body_of_any_length_is_unpacked_whole(size: int, noise: bool) -> None:  # noqa: FBT001 - a case of the table
    """In one piece or many, on the loop or beside it."""
    body = json.dumps(list(range(size))).encode()[:size] if noise else b"0" * size
    bodies = _Bodies(100 * PIECE_BYTES)

    assert await bodies.unpacked(gzip.compress(body), 50 * PIECE_BYTES) == body
    assert bodies.held.total == 0


async def test_long_bodies_are_unpacked_beside_the_loop() -> None:
    """A short one that unpacks to much, too; one that does not costs no thread."""
    bodies = _Bodies(100 * PIECE_BYTES)
    bomb = gzip.compress(b"0" * (40 * PIECE_BYTES))
    assert len(bomb) < PIECE_BYTES
    before = set(threading.enumerate())
    await bodies.unpacked(gzip.compress(b"0" * PIECE_BYTES), 50 * PIECE_BYTES)
    none = set(threading.enumerate()) - before
    await bodies.unpacked(bomb, 50 * PIECE_BYTES)
    names = {thread.name for thread in set(threading.enumerate()) - before}

    assert (none, names) == (set(), {"podium-compression"})


async def test_bodies_that_unpack_are_bounded_over_all_requests(app: App) -> None:
    """As those that come so: beyond it 503 with `Retry-After`."""
    held = RequestShare(app.bodies)
    held.take(app.bodies.limit - 100)
    found = await post(app, gzip.compress(VALID.ljust(500)), coded(WRITERS[0]))
    held.release()

    assert found.status == 503
    assert (b"retry-after", b"1") in found.sent[0]["headers"]
    assert app.bodies.total == 0


def long_reply(app: App) -> bytes:
    """Has iris answer one row with as much as is sent in parts; what that is."""
    answer = "[" + ",".join(map(str, range(COPIED_BYTES // 5))) + "]"
    assert COPIED_BYTES < len(answer) < HELD_REPLIES
    app.serve("1", FakePredictor(answer))
    return answer.encode()


def headers_of(raw: Raw) -> dict[bytes, bytes]:
    """Of the reply."""
    return dict(raw.sent[0]["headers"])


@pytest.mark.parametrize("coding", READERS)
@routes
async def test_long_reply_is_compressed_as_its_client_asks(
    app: App, coding: bytes, path: str
) -> None:
    """It is the plain one, and says that it depends on what was asked."""
    long_reply(app)
    plain = await post(app, VALID, path=path)
    found = await post(app, VALID, {**ID, b"accept-encoding": coding + b", br;q=0.1"}, path)
    headers = headers_of(found)

    assert headers[b"content-encoding"] == coding
    assert headers[b"vary"] == headers_of(plain)[b"vary"] == b"Accept-Encoding"
    assert int(headers[b"content-length"]) == len(found.body) < len(plain.body) / 2
    assert READERS[coding](found.body) == plain.body
    assert app.held_replies.total == 0


@pytest.mark.parametrize("accepted", [b"", b"identity", b"gzip;q=0", b"br", b"*"])
async def test_long_reply_is_plain_where_nobody_asks(app: App, accepted: bytes) -> None:
    """Its length is its own."""
    long_reply(app)
    found = await post(app, VALID, {**ID, b"accept-encoding": accepted})

    assert b"content-encoding" not in headers_of(found)
    assert int(headers_of(found)[b"content-length"]) == len(found.body) > COPIED_BYTES


async def test_short_reply_is_never_compressed(app: App) -> None:
    """It would take longer than to send it, and costs nothing as it is."""
    found = await post(app, VALID, {**ID, b"accept-encoding": b"gzip"})

    assert not {b"content-encoding", b"vary"} & set(headers_of(found))


async def test_refusal_is_never_compressed(app: App) -> None:
    """Whatever its client asks for."""
    found = await post(app, b"{", {**ID, b"accept-encoding": b"gzip"})

    assert b"content-encoding" not in headers_of(found)


async def test_compressed_reply_is_held_until_it_is_taken(app: App) -> None:
    """With what there is of it."""
    long_reply(app)
    started, taken = asyncio.Event(), asyncio.Event()
    sent: list[Message] = []

    async def receive() -> Message:
        return chunk(VALID)

    async def send(message: Message) -> None:
        sent.append(message)
        started.set()
        await taken.wait()

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "headers": [(b"accept-encoding", b"gzip")],
    }

    async def ask() -> None:
        await app.asgi(scope, receive, send)

    asked = asyncio.create_task(ask())
    await started.wait()
    length = int(dict(sent[0]["headers"])[b"content-length"])
    held = app.held_replies.total
    taken.set()
    await asked

    assert (held, app.held_replies.total) == (length, 0)


async def test_client_that_leaves_before_its_compressed_reply_ends_quietly(app: App) -> None:
    """As before a plain one."""
    long_reply(app)

    async def receive() -> Message:
        return chunk(VALID)

    async def send(_message: Message) -> None:
        raise ConnectionResetError

    headers: Sequence[tuple[bytes, bytes]] = [(b"accept-encoding", b"gzip")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers}
    await app.asgi(scope, receive, send)

    assert app.records.records[0].code == CLIENT_GONE
    assert app.held_replies.total == 0
