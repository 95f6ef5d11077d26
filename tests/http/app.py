"""A whole HTTP application on fakes, with everything that it tells anybody."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message

from service.config.prefix import NO_PREFIX, Prefixes
from service.events.event_faults import EventTrouble
from service.following.ledger import Ledger
from service.following.slots import Slots
from service.following.withdrawing import Withdrawal
from service.http.access import NOBODY, Admin, ApiKeys
from service.http.create import create_http
from service.http.preparation import Preparations
from service.http.shadow import NoLines
from service.patterns import RefPattern
from service.predicting.request import HeldBytes, RequestIds, RequestRecord
from service.predicting.route import RouteContext
from service.refs import ModelRef
from service.shadowing.shadow_line import ShadowLine
from service.telemetry.logs import configure_logs
from service.telemetry.metrics.metrics import Metrics
from service.tombstones import Source
from tests.support.serving import FakeContract, FakePredictor, make_binding

IRIS = ModelRef("iris", "champion")
OTHER = ModelRef("team/other model", "blue")
NOW = 1_800_000_000.0
LIMIT = 1000
HELD = 2 * LIMIT
HELD_REPLIES = 100_000


@dataclass(slots=True)
class Records:
    """Remembers what it is told."""

    records: list[RequestRecord] = field(default_factory=list)

    def answered(self, record: RequestRecord) -> None:
        """Keeps the record."""
        self.records.append(record)


class App:
    """The application, its slots, and a client; iris serves version 1, the other slot nothing."""

    def __init__(  # noqa: PLR0913 - what a test may wish, all with defaults
        self,
        refs: Sequence[ModelRef] = (IRIS, OTHER),
        keys: ApiKeys | None = None,
        admin: Admin = NOBODY,
        more: Sequence[APIRouter] = (),
        patterns: Sequence[RefPattern] = (),
        *,
        request_seconds: float = math.inf,
        prefixes: Prefixes = NO_PREFIX,
        origins: Sequence[str] = (),
        preparations: Preparations | None = None,
    ) -> None:
        self.preparations = preparations
        self.reloaded: list[ModelRef] = []
        self.reloaded_again: list[ModelRef] = []
        self.withdrawn: list[tuple[str, ...]] = []
        self.slots = Slots(refs, patterns)
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.metrics.watch(self.slots, lambda: NOW)
        self.records = Records()
        self.stream = io.BytesIO()
        self.logs = configure_logs(self.stream)
        self.stopping = False
        self.ledger = Ledger()
        self.may_see_details = False
        self.lost_events: EventTrouble | None = None
        self.shadow_lines: dict[ModelRef, ShadowLine] = {}
        self.bodies = HeldBytes(HELD)
        self.held_replies = HeldBytes(HELD_REPLIES)
        self.asgi = create_http(
            self.slots,
            RouteContext(
                LIMIT,
                self.bodies,
                self.held_replies,
                RequestIds(),
                (self.metrics.http, self.logs.requests, self.records),
                self.logs.logger,
                request_seconds,
            ),
            registry=self.registry,
            clock=lambda: NOW,
            stopping=lambda: self.stopping,
            reload=self._reload,
            withdraw=(self._withdraw, self._restore),
            preparations=preparations,
            keys=keys,
            admin=admin,
            more=more,
            ledger=self.ledger,
            may_see_details=lambda _: self.may_see_details,
            prefixes=prefixes,
            origins=origins,
            lost_events=lambda: self.lost_events,
            shadows=NoLines(self.shadow_lines),
        )
        transport = httpx.ASGITransport(self.asgi)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://podium")
        if refs:
            self.serve("1")

    def serve(
        self,
        version: str,
        predictor: FakePredictor | None = None,
        contract: FakeContract | None = None,
        ref: ModelRef | None = None,
    ) -> None:
        """Swaps a version into the default slot, or that of `ref`."""
        slot = self.slots.default if ref is None else self.slots[str(ref)]
        slot.serve(make_binding(slot.ref, version, predictor, contract))

    async def predict(self, values: object, path: str = "/predict", **more: Any) -> httpx.Response:
        """Posts values in the one format that the fake contract reads."""
        return await self.client.post(path, json={"inputs": values}, **more)

    def _reload(self, ref: ModelRef, *, again: bool = False) -> None:
        (self.reloaded_again if again else self.reloaded).append(ref)

    async def _withdraw(self, name: str, version: str, reason: str) -> Withdrawal:
        self.withdrawn.append((name, version, *([reason] if reason else [])))
        return Withdrawal(name, version, (Source.OPERATOR,), (IRIS,), kept=True, cleared=True)

    async def _restore(self, name: str, version: str) -> Withdrawal:
        self.withdrawn.append((name, version, "restored"))
        return Withdrawal(name, version, (), (IRIS,), kept=True, cleared=True)

    def log(self) -> list[dict[str, Any]]:
        """Every line logged; nothing can be logged afterwards."""
        self.logs.close()
        return [orjson.loads(line) for line in self.stream.getvalue().splitlines()]


@dataclass(slots=True)
class Raw:
    """One request by bare ASGI messages: what was sent, and how much was read."""

    sent: list[Message] = field(default_factory=list)
    reads: int = 0

    async def run(
        self,
        asgi: ASGIApp,
        messages: Sequence[Message],
        path: str = "/predict",
        method: str = "POST",
        headers: Mapping[bytes, bytes] | None = None,
    ) -> "Raw":
        """Hands the messages over one by one; a read beyond them fails the test."""
        waiting = iter(messages)

        async def receive() -> Message:
            self.reads += 1
            return next(waiting)

        async def send(message: Message) -> None:
            self.sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": list((headers or {}).items()),
        }
        await asgi(scope, receive, send)
        return self

    @property
    def status(self) -> int:
        """Of the reply."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> bytes:
        """Of the reply."""
        return b"".join(message.get("body", b"") for message in self.sent[1:])


def chunk(body: bytes, *, more: bool = False) -> Message:
    """A part of a request's body."""
    return {"type": "http.request", "body": body, "more_body": more}


DISCONNECT: Message = {"type": "http.disconnect"}
