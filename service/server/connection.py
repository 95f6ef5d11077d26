"""uvicorn's protocol with an end to its patience, and with an ear for clients that leave.

uvicorn waits for ever for the rest of a head, the rest of a body, and for a client to take its
reply. Here `Connections` looks at every connection from time to time instead of keeping a timer
for each request, and each of them ends itself when it is overdue.
"""

import asyncio
from typing import Any, ClassVar

import orjson
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from service.http.delivery import CLIENT
from service.server.connections import Connections
from service.server.lingering import Lingering
from service.server.protocol import PromptProtocol, UpgradeIgnored
from service.server.timeouts import Ended, Patience, Phase

_UNUSED = frozenset({Phase.IDLE, Phase.HEAD})


class Connection(PromptProtocol, UpgradeIgnored):
    """One connection; `service.http.delivery.Client` for the request that runs on it."""

    # Set by a subclass for each server: uvicorn makes protocols itself.
    all: ClassVar[Connections]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.gone = False
        self.too_slow = False
        self.waiting = False
        self._patience = Patience(self.all.limits, self.all.looked_at)
        self._received = 0
        self._begun_at = 0
        self._unsent = 0
        self._taken = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes its place among all connections, if there is one."""
        super().connection_made(transport)
        self.all.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits for nothing but an answer need not wait any more."""
        self.gone = True
        self.all.forget(self)
        if self.answering is not None:
            # uvicorn tells the last request alone, which may wait behind the one that runs.
            self.answering.disconnected = True
        super().connection_lost(exc)
        if self.waiting and self.running is not None:
            self.running.cancel()

    def listen(self) -> None:
        """Goes on reading unless another request waits behind this one."""
        if not self.pipeline:
            self.flow.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Bounded while a request is not complete."""
        self._received += len(data)
        super().data_received(data)
        if self._received - self._begun_at > self.all.limits.head_bytes:
            self._bound()

    def on_message_begin(self) -> None:
        """Names itself to the application."""
        super().on_message_begin()
        self.scope[CLIENT] = self  # type: ignore[typeddict-unknown-key]
        self._begun_at = self._received

    def on_response_complete(self) -> None:
        """Without uvicorn's timer: idle connections are looked at like all others."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1
            self.flow.resume_reading()

    def send_400_response(self, msg: str) -> None:
        """In Podium's shape, as all its refusals."""
        self._refuse(400, "bad_request", msg)

    @property
    def phase(self) -> Phase:
        """What it is at now."""
        cycle = self.cycle
        if self.transport.get_write_buffer_size():
            return Phase.REPLY
        if cycle is not None and not cycle.response_complete:
            arriving = cycle.more_body and not self.pipeline and not self.flow.read_paused
            return Phase.BODY if arriving else Phase.RUNNING
        return Phase.HEAD if self._in_head else Phase.IDLE

    @property
    def since(self) -> float:
        """When that phase was first seen, on the loop's clock."""
        return self._patience.since

    @property
    def used(self) -> bool:
        """Whether it has ever brought a request."""
        return self.cycle is not None

    @property
    def unanswered(self) -> int:
        """How many requests it has brought that are not answered, those that wait included."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return 0
        return 1 + len(self.pipeline)

    @property
    def spare(self) -> bool:
        """Whether it could go without any request being lost that has come whole."""
        return self.phase in _UNUSED and not self.transport.is_closing()

    def linger(self) -> None:
        """What is sent before the client has sent everything can be read by it."""
        self.transport.instead_of_closing = self._linger  # type: ignore[attr-defined]

    def look(self, now: float) -> None:
        """Ends it if it is overdue."""
        unsent = self.transport.get_write_buffer_size()
        self._taken += max(0, self._unsent - unsent)
        self._unsent = unsent
        if self.transport.is_closing() and not unsent:
            return
        phase = self.phase
        work = self.scope if phase is Phase.HEAD else self.cycle
        moved = self._taken if phase is Phase.REPLY else self._received
        if self._patience.overdue(phase, work, moved, now):
            self._end(phase)

    def make_room(self) -> None:
        """Closes it for another's sake."""
        self.all.ended(Ended.MADE_ROOM)
        self.transport.close()

    def abort(self, reason: Ended) -> None:
        """Ends it at once, whatever is still to be sent."""
        self.all.ended(reason)
        self.transport.abort()

    @property
    def _in_head(self) -> bool:
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    def _end(self, phase: Phase) -> None:
        if phase is Phase.HEAD:
            self.all.ended(Ended.HEAD_TOO_SLOW)
            self._refuse(408, "head_too_slow", "The request's head did not come in time.")
        elif phase is Phase.BODY:
            self._give_up_body()
        elif phase is Phase.REPLY:
            self.abort(Ended.REPLY_NOT_READ)
        else:
            self.all.ended(Ended.IDLE)
            self.transport.close()

    def _give_up_body(self) -> None:
        if self.too_slow:  # whoever reads it has been told, and waits still
            self.transport.abort()
            return
        self.all.ended(Ended.BODY_TOO_SLOW)
        self.too_slow = True
        self._patience = Patience(self.all.limits, self.all.looked_at)
        self.cycle.message_event.set()

    def _bound(self) -> None:
        if self.transport.is_closing():
            return
        if self._in_head:
            self.all.ended(Ended.TOO_LONG)
            self._refuse(431, "head_too_large", "The request's head is too long.")
        elif self._received - self._begun_at > self.all.limits.request_bytes:
            self.abort(Ended.TOO_LONG)

    def _refuse(self, status: int, code: str, detail: str) -> None:
        request_id = self.all.ids.accept(None)
        body = orjson.dumps({"code": code, "detail": detail, "request_id": request_id})
        headers = (
            b"content-type: application/json\r\nx-request-id: %b\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n"
        ) % (request_id.encode("ascii"), len(body))
        self.transport.write(STATUS_LINE[status] + headers + body)
        self.linger()
        self.transport.close()

    def _linger(self) -> None:
        self.flow.resume_reading()
        left = self.all.limits.request_bytes - (self._received - self._begun_at)
        Lingering(self.transport, self, left).begin()


def protocol_of(connections: Connections) -> type[Connection]:
    """The protocol of a server whose connections are these."""
    return type("Connection", (Connection,), {"all": connections})
