"""A reply that is sent before its request has come whole is the last one, and can be read."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator

import pytest

from service.http.access import Admin, ApiKeys
from service.server import lingering
from service.server.lingering import Lingering
from service.server.timeouts import ClientLimits, Ended
from tests.http.app import IRIS, LIMIT, App
from tests.support.clients import ROW, SECONDS, Answer, Client, Served, get, post, served
from tests.support.waiting import until

LIMITS = ClientLimits(connections=10, reserved=2, head_bytes=2000, request_bytes=5_000_000)
KNOWN, TOKEN = b"a-known-key", "the-token"
AUTHORIZED = b"authorization: bearer " + KNOWN
# A request line, headers, and the status that needs no body to be known.
REFUSED = {
    "no key": (b"POST /predict", b"x: y", 401),
    "no token": (b"POST /models/iris@champion/reload", b"x: y", 401),
    "no route": (b"POST /nothing", b"x: y", 404),
    "no model": (b"POST /models/nobody@champion/predict", b"x: y", 404),
    "another method": (b"PUT /predict", AUTHORIZED, 405),
    "another method of a page": (b"POST /models", b"x: y", 405),
    "compressed as nobody reads": (
        *(b"POST /invocations", AUTHORIZED + b"\r\ncontent-encoding: br", 415),
    ),
    "an answer": (b"GET /health/live", b"x: y", 200),
}
# How a body of which nothing comes is declared.
DECLARED = {
    "length": b"content-length: 100",
    "chunked": b"transfer-encoding: chunked",
    "expected": b"content-length: 100\r\nexpect: 100-continue",
    "expected chunks": b"transfer-encoding: chunked\r\nexpect: 100-continue",
}


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    """An application that asks for keys; one slot serves."""
    keys = ApiKeys({hashlib.sha256(KNOWN).digest(): "one"})
    app = App((IRIS,), keys=keys, admin=Admin(TOKEN))
    async with served(app.asgi, LIMITS) as found:
        yield found
    app.logs.close()


def asking(line: bytes, headers: bytes, body: bytes = b"") -> bytes:
    """A request whose headers say what of a body comes."""
    return b"%b HTTP/1.1\r\nhost: podium\r\n%b\r\n\r\n%b" % (line, headers, body)


async def closed(client: Client) -> Answer:
    """The answer, after which nothing more comes."""
    answer = await client.answer()
    assert answer.headers["connection"] == "close"
    assert await client.ended()
    return answer


@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_o6_answer_before_the_body_has_come_ends_the_connection(
    server: Served, case: tuple[bytes, bytes, int], declared: bytes
) -> None:
    """So no client waits for it, and none takes it for one that goes on."""
    line, headers, status = case
    client = await server.client(asking(line, headers + b"\r\n" + declared))

    assert (await closed(client)).status == status


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_o6_answer_after_the_body_has_come_keeps_the_connection(
    server: Served, case: tuple[bytes, bytes, int]
) -> None:
    """The next request is answered on it."""
    line, headers, status = case
    for end in (b"\r\ncontent-length: 14", b"\r\ntransfer-encoding: chunked"):
        body = ROW if b"length" in end else b"e\r\n%b\r\n0\r\n\r\n" % ROW
        client = await server.client(asking(line, headers + end, body))
        answer = await client.answer()
        assert (answer.status, answer.headers.get("connection")) == (status, None)
        client.send(get(b"/health/live"))
        assert (await client.answer()).status == 200


async def test_o6_body_that_is_too_long_ends_the_connection(server: Served) -> None:
    """By its length, and where its chunks exceed the limit."""
    long = b"POST /predict", AUTHORIZED + b"\r\ncontent-length: %d" % (LIMIT + 1)
    chunks = b"POST /predict", AUTHORIZED + b"\r\ntransfer-encoding: chunked"
    for client in (
        await server.client(asking(*long)),
        await server.client(asking(*chunks, b"800\r\n%b\r\n" % (b" " * 0x800))),
    ):
        assert (await closed(client)).status == 413


async def test_o6_client_that_is_still_sending_can_read_the_answer(server: Served) -> None:
    """It looks for one when it has sent everything, as most do."""
    size = LIMITS.request_bytes - 100_000
    head = b"POST /predict", AUTHORIZED + b"\r\ncontent-length: %d" % size
    client = await server.client(asking(*head))
    for _ in range(10):
        client.send(bytes(size // 10))
        await client._writer.drain()

    assert (await closed(client)).status == 413


async def test_o6_what_comes_behind_is_no_request(server: Served) -> None:
    """The rest of the body neither, whatever stands in it."""
    client = await server.client(asking(b"POST /predict", b"content-length: 1000"))
    client.send(get(b"/health/live") + post())

    assert (await closed(client)).status == 401


async def test_o6_head_that_is_refused_can_be_read_while_it_is_sent(server: Served) -> None:
    """One that is too long, and one that is none."""
    for begun, status in ((b"GET / HTTP/1.1\r\nx: ", 431), (b"nonsense\r\n", 400)):
        client = await server.client(begun)
        for _ in range(20):
            client.send(b"y" * 50_000)

        assert (await closed(client)).status == status


async def test_o6_reading_on_is_bounded(server: Served) -> None:
    """In bytes; then the connection is cut."""
    client = await server.client(asking(b"POST /predict", b"content-length: 999999999999"))
    await until(lambda: server.open and server.open[0].transport.is_closing(), SECONDS, "closing")

    async def send_for_ever() -> None:
        while True:
            client.send(bytes(1_000_000))
            await client._writer.drain()
            await asyncio.sleep(0)

    with pytest.raises(ConnectionError):
        await send_for_ever()
    await until(lambda: not server.open, SECONDS, "it has gone")


async def test_o6_connection_that_lingers_ends_when_the_server_does(server: Served) -> None:
    """Nobody waits for such a client."""
    client = await server.client(asking(b"POST /predict", b"content-length: 100"))
    await closed(client)
    (connection,) = server.open
    connection.shutdown()

    await until(lambda: not server.open, SECONDS, "it has gone")
    assert server.told == {}


class Silent(asyncio.Transport):
    """Of a client that sends nothing more."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent = 0
        self.told: list[str] = []

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.told.append("read by another")

    def write_eof(self) -> None:
        self.told.append("finished")

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.told.append("aborted")


async def test_o6_client_that_is_silent_is_cut_off_at_the_second_look() -> None:
    """But not while it has not taken its reply."""
    transport = Silent()
    lingers = Lingering(transport, asyncio.Protocol(), 100)
    lingers.begin()
    transport.unsent = 1
    for _ in range(3):
        lingers._look()
    transport.unsent = 0
    lingers._look()
    lingers.data_received(b"x")
    lingers._look()
    assert transport.told == ["read by another", "finished"]
    lingers._look()
    assert transport.told[2:] == ["aborted"]
    lingers.connection_lost(None)


async def test_o6_client_that_never_stops_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it sends."""
    monkeypatch.setattr(lingering, "LONGEST_SECONDS", 0.0)
    transport = Silent()
    lingers = Lingering(transport, asyncio.Protocol(), 100)
    lingers.data_received(b"x")
    lingers._look()
    assert transport.told == ["aborted"]
    lingers.connection_lost(None)


NODE = """
const http = require('http');
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const ask = (path, headers) => new Promise((done, failed) => {
  const request = http.request({port: PORT, path, method: 'POST', agent, headers}, (reply) => {
    reply.resume();
    reply.on('end', () => { if (!headers['content-length']) done(reply.statusCode); });
    reply.on('close', () => done(reply.statusCode));
  });
  request.on('error', failed);
  if (headers['content-length'] === 2) request.end('{}'); else request.write('{');
});
(async () => {
  const got = [];
  got.push(await ask('/predict', {'content-length': 100}));
  got.push(await ask('/predict', {'transfer-encoding': 'chunked'}));
  got.push(await ask('/predict', {'content-length': 2}));
  console.log(JSON.stringify(got));
  process.exit(0);
})().catch((error) => { console.log(String(error)); process.exit(1); });
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
async def test_o6_nodes_client_does_not_wait(server: Served) -> None:
    """Which keeps its only connection for the next request, unless it is told not to."""
    program = NODE.replace("PORT", str(server.port))
    node = await asyncio.create_subprocess_exec(
        "node", "-e", program, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(SECONDS):
        output, _ = await node.communicate()
    assert output.strip() == b"[401,401,401]"
    assert set(server.told) <= {Ended.IDLE}
