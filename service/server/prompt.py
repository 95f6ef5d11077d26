"""Requests that have come whole are begun at once; whole replies leave at once.

uvicorn begins each request in a task, and has each header of a reply looked at one by one.
"""

import asyncio
import contextvars
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from service.server.gathering import GatheringProtocol
from service.server.lingering import closing_early
from service.server.taskless import TasklessRun

CLOSE: Final = (b"connection", b"close")
"""The header that every reply of a server has when it stops."""


class PromptProtocol(GatheringProtocol):
    """uvicorn's protocol without what it does anew for every request."""

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
