"""A server on a real socket whose clock is moved by hand, and clients that do as they are told."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from service.http.overload import probes_only
from service.predicting.request import RequestIds
from service.server.connection import Connection, protocol_of
from service.server.connections import Connections
from service.server.timeouts import ClientLimits, Ended, Phase
from tests.support.waiting import until

SECONDS = 240.0
ROW = b'{"inputs":[1]}'


def post(body: bytes = ROW, path: bytes = b"/predict", declared: int | None = None) -> bytes:
    """A request for a prediction."""
    length = len(body) if declared is None else declared
    return b"POST %b HTTP/1.1\r\nhost: podium\r\ncontent-length: %d\r\n\r\n%b" % (
        path,
        length,
        body,
    )


def get(path: bytes) -> bytes:
    """A request for a page."""
    return b"GET %b HTTP/1.1\r\nhost: podium\r\n\r\n" % path


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return orjson.loads(self.body)


class Client:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Without waiting."""
        self._writer.write(data)

    async def answer(self) -> Answer:
        """The next reply, whole."""
        async with asyncio.timeout(SECONDS):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await self._reader.readexactly(int(headers["content-length"]))
        return Answer(int(head[0].split()[1]), headers, body)

    async def take(self, size: int) -> None:
        """Reads so many bytes of a reply."""
        async with asyncio.timeout(SECONDS):
            await self._reader.readexactly(size)

    async def ended(self) -> bool:
        """Whether the server ends the connection without another byte."""
        async with asyncio.timeout(SECONDS):
            try:
                return await self._reader.read(1) == b""
            except ConnectionError:
                return True

    def finish(self) -> None:
        """Sends nothing more, and goes on listening."""
        self._writer.write_eof()

    def leave(self) -> None:
        """Ends the connection."""
        self._writer.transport.abort()


@dataclass(slots=True)
class Served:
    """A server: its connections are looked at when a test says so, at the time that it says."""

    port: int = 0
    now: float = 100.0
    told: Counter[Ended] = field(default_factory=Counter)
    connections: Connections = field(init=False)
    state: ServerState = field(default_factory=ServerState)
    clients: list[Client] = field(default_factory=list)

    def connections_ended(self, reasons: Mapping[Ended, int]) -> None:
        """What it is told as an observer."""
        self.told.update(reasons)

    @property
    def open(self) -> list[Connection]:
        """The server's side of each connection, the oldest first."""
        return [each for each in self.connections._open if isinstance(each, Connection)]

    async def look(self, later: float = 0.0) -> None:
        """A look so many seconds later."""
        self.now += later
        await self.connections.look()

    async def are(self, *phases: Phase) -> None:
        """Returns when the connections are at that."""
        expected = list(phases)
        await until(lambda: [each.phase for each in self.open] == expected, SECONDS, str(phases))

    async def received(self, size: int) -> list[Connection]:
        """The connections, when each of them has received so many bytes."""
        await until(
            lambda: self.open and all(each._received >= size for each in self.open),
            SECONDS,
            f"{size} bytes have come",
        )
        return self.open

    async def client(self, data: bytes = b"") -> Client:
        """A new connection on which that has been sent; the server may not have seen it yet."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        client.send(data)
        return client


@contextlib.asynccontextmanager
async def served(app: ASGIApp, limits: ClientLimits) -> AsyncIterator[Served]:
    """The application behind Podium's protocol."""
    found = Served()
    reserve = probes_only(app, RequestIds())
    found.connections = Connections(limits, reserve, found, lambda: found.now)
    config = uvicorn.Config(app, ws="none", log_config=None, access_log=False)
    config.load()
    protocol = protocol_of(found.connections)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config, found.state, {}), "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for client in found.clients:
            client.leave()
        for connection in found.open:
            connection.transport.abort()
        await asyncio.gather(*found.state.tasks, return_exceptions=True)
