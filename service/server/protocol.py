"""uvicorn's protocol, without what it does anew for every request, and ignoring upgrades.

Requests that have come whole are begun at once, and whole replies leave at once: uvicorn begins
each request in a task, and has each header of a reply looked at one by one. It writes the head of a
reply and its body one after the other, and uvloop (0.23) hands each write to the kernel at once,
which is most of what a small request costs: 20 of 90 microseconds.

A client that offers another protocol goes on in HTTP/1.1, and loses nothing by its offer. Java's
own client offers HTTP/2 with what it sends without TLS (`Upgrade: h2c`), with bodies too. A server
may ignore that (RFC 9110, section 7.8), and so does uvicorn; but its parser, httptools, takes
everything behind such a head for the other protocol, and the request was left without body.
"""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.server.lingering import closing_early
from service.server.taskless import TasklessRun

CLOSE: Final = (b"connection", b"close")
"""The header that every reply of a server has when it stops."""
_HEAD: Final = b"HTTP/"
_END_OF_HEAD: Final = b"\r\n\r\n"
# Copying a longer body to stand behind its head would cost more than a second write.
_COPIED_BYTES: Final = 64 * 1024


class GatheringTransport:
    """A transport that keeps what is a head until more is written; for one loop's turn at most."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._call_soon = asyncio.get_running_loop().call_soon
        self._head = b""
        self.is_closing = transport.is_closing
        # Called in place of the next `close`, after what is kept was sent.
        self.instead_of_closing: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:
        """Everything else as the transport has it."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Sends it, behind what was kept; or keeps it, if it is a head."""
        if self._head:
            head, self._head = self._head, b""
            if len(data) <= _COPIED_BYTES:
                self._transport.write(head + data)
            else:
                self._transport.writelines((head, data))
        elif data[:5] == _HEAD and data[-4:] == _END_OF_HEAD:
            self._head = data
            self._call_soon(self._flush)
        else:
            self._transport.write(data)

    def get_write_buffer_size(self) -> int:
        """With what is kept."""
        return len(self._head) + self._transport.get_write_buffer_size()

    def close(self) -> None:
        """After what is kept was sent."""
        self._flush()
        instead, self.instead_of_closing = self.instead_of_closing, None
        if instead is None or self._transport.is_closing():
            self._transport.close()
        else:
            self.is_closing = _closing
            instead()

    def abort(self) -> None:
        """Without what is kept."""
        self._head = b""
        self._transport.abort()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


def _closing() -> bool:
    return True


class PromptProtocol(HttpToolsProtocol):
    """uvicorn's protocol without what it does anew for every request, over such a transport."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.running: TasklessRun | None = None
        self._parsing = False
        self._parsed: tuple[RequestResponseCycle, Any] | None = None
        self.answering: RequestResponseCycle | None = None
        self._context = contextvars.copy_context()
        self._common: list[tuple[bytes, bytes]] | None = None
        self._lines = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """uvicorn's word that a client has connected."""
        super().connection_made(cast("asyncio.Transport", GatheringTransport(transport)))

    def data_received(self, data: bytes) -> None:
        """Begins the request whose head is in it; at once if its body is there, too."""
        self._parsing = True
        super().data_received(data)
        self._parsing = False
        if self._parsed is not None:
            (cycle, app), self._parsed = self._parsed, None
            self._run(cycle, app, at_once=not cycle.more_body)

    def reply(self, head: bytes, body: bytes | bytearray) -> bool:
        """Sends a whole reply to the request that runs, unless what was sent before is not taken.

        The head is without the empty line at its end, and without what every reply has.
        """
        cycle = self.answering
        if cycle is None or cycle.disconnected or self.flow.write_paused:
            return False
        common = self._common_lines(cycle)
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self.transport.write(b"".join((head, common, b"\r\n", body)))
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    def _common_lines(self, cycle: RequestResponseCycle) -> bytes:
        headers = self.server_state.default_headers
        if headers is not self._common:  # uvicorn makes new ones each second
            self._common = headers
            self._lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        if CLOSE in headers:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            return self._lines + b"connection: close\r\n"
        return self._lines

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # The parser cannot be asked for more before it has returned. Of several requests that came
        # together the first alone is begun here; the others when the one before is answered.
        if self._parsing:
            self._parsed = (cycle, app)
        else:
            self._run(cycle, app, at_once=False)

    def linger(self) -> None:
        """The next close lets the client read first what was sent, if it still sends."""

    def _run(self, cycle: RequestResponseCycle, app: Any, *, at_once: bool) -> None:
        self.answering = cycle
        if cycle.more_body:
            app = closing_early(app, cycle, self.linger)
        # Of the connection's, not the current one: that is the last request's where others wait.
        context = self._context.copy()
        running = self.running = TasklessRun(cycle.run_asgi(app), self.loop, self.tasks, context)
        if at_once and not self.transport.is_closing():
            running.begin()
        else:
            running.begin_later()


class UpgradeIgnored(HttpToolsProtocol):
    """uvicorn's protocol, for which a request that offers another is a request like any other."""

    # Of a request that makes an offer: its head without that, to be read again.
    _plain_head = b""

    def data_received(self, data: bytes) -> None:
        """Reads all of it; what is no HTTP is refused."""
        try:
            while data:
                data = self._left_of(data)
        except httptools.HttpParserError:
            message = "Invalid HTTP request received."
            self.logger.warning(message)
            self.send_400_response(message)

    def on_headers_complete(self) -> None:
        """Begins with the request, unless its head is to be read again."""
        # CONNECT offers nothing: it asks for a tunnel, and its target is refused as no path.
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._plain_head = self._without_offer()
        else:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The parser's word; early, if it believes in the other protocol."""
        if not self._plain_head:
            super().on_message_complete()

    def _left_of(self, data: bytes) -> bytes:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            head, self._plain_head = self._plain_head, b""
            # This one would not read on behind a head that also says `Connection: close`.
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            return head + data[offer.args[0] :]
        return b""

    def _without_offer(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode("ascii"))]
        lines += [b"%b: %b" % each for each in self.headers if each[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])
