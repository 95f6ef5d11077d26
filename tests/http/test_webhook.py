"""`POST /webhooks/mlflow`: a hint to look, and nothing that anybody else can cause."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry

from service.http.webhook import Coalesced, webhook_router
from service.registry.webhooks.deliveries import WebhookReceiver
from service.server.timeouts import ClientLimits, Phase
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.reporting import WebhookReport
from tests.http.app import DISCONNECT, App, Raw
from tests.registry.test_webhook import MOVED, NOW, REFS, SECRET, body, delivered
from tests.support.clients import post, served

ROUTE = "/webhooks/mlflow"
# Half of what all deliveries may hold together is for those that come in pieces.
PART, MOST_AT_ONCE = b" " * 60 * 1024, 34


class Listening:
    """An application with the route; `looks` counts what its follower was told."""

    def __init__(self) -> None:
        self.looks = 0
        self.outcomes: list[str] = []
        receiver = WebhookReceiver(SECRET.encode(), REFS, lambda: NOW)
        self.app = App(more=[webhook_router(receiver, self._look, self)])

    def _look(self) -> None:
        self.looks += 1

    def delivered(self, outcome: str) -> None:
        """What the route tells its observer."""
        self.outcomes.append(outcome)

    async def post(self, headers: dict[bytes, bytes], text: bytes) -> httpx.Response:
        """A delivery, as MLflow sends it."""
        sent = {name.decode(): value.decode() for name, value in headers.items()}
        return await self.app.client.post(ROUTE, content=text, headers=sent)


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    """For one test."""
    made = Listening()
    async with made.app.client:
        yield made
    made.app.logs.close()


async def test_event_of_a_followed_alias_leads_to_one_look(listening: Listening) -> None:
    """And says so."""
    reply = await listening.post(*delivered())
    assert (reply.status_code, reply.json()) == (200, {"outcome": "taken"})
    assert (listening.looks, listening.outcomes) == (1, ["taken"])


async def test_event_of_what_is_not_followed_is_ignored(listening: Listening) -> None:
    """With 200: MLflow has done nothing wrong."""
    other = body("model_version_alias", "created", name="other", alias="champion", version="1")
    reply = await listening.post(*delivered(other))
    assert (reply.status_code, reply.json()) == (200, {"outcome": "ignored"})
    assert (listening.looks, listening.outcomes) == (0, ["ignored"])


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (delivered(secret="another"), 403, "delivery_forged"),
        (({}, MOVED.encode()), 403, "delivery_forged"),
        (delivered(timestamp=NOW - 3600), 403, "delivery_expired"),
        (delivered("{}"), 400, "delivery_unreadable"),
        (delivered(" " * 64 * 1024 + MOVED), 413, "body_too_large"),
        (({b"content-encoding": b"gzip"}, b""), 415, "unsupported_media_type"),
    ],
)
async def test_anything_else_is_refused_without_effect(
    listening: Listening, sent: tuple[dict[bytes, bytes], bytes], status: int, code: str
) -> None:
    """In Podium's error shape, with a code that the observer is told."""
    reply = await listening.post(*sent)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.json()["request_id"] == reply.headers["x-request-id"]
    assert (listening.looks, listening.outcomes) == (0, [code])


async def test_repeated_delivery_is_refused(listening: Listening) -> None:
    """It has had its effect."""
    await listening.post(*delivered())
    reply = await listening.post(*delivered())
    assert (reply.status_code, reply.json()["code"]) == (409, "delivery_repeated")
    assert listening.looks == 1


async def test_sender_that_leaves_is_no_defect(listening: Listening) -> None:
    """Nothing is logged as one."""
    raw = await Raw().run(listening.app.asgi, [DISCONNECT], path=ROUTE)
    assert raw.status == 400
    assert listening.outcomes == []
    assert [line for line in listening.app.log() if line["event"] == "internal"] == []


async def test_other_methods_are_refused(listening: Listening) -> None:
    """A browser that comes by."""
    reply = await listening.app.client.get(ROUTE)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


async def test_document_describes_the_route_and_its_refusals(listening: Listening) -> None:
    """In shapes that are given."""
    document = (await listening.app.client.get("/openapi.json")).json()
    responses = document["paths"][ROUTE]["post"]["responses"]
    refused = (await listening.post({}, b"")).json()
    schema = responses["4XX"]["content"]["application/json"]["schema"]
    assert set(responses) == {"200", "4XX"}
    Draft202012Validator(schema | {"components": document["components"]}).validate(refused)


async def test_without_a_secret_there_is_no_route(app: App) -> None:
    """Nobody could be believed."""
    reply = await app.client.post(ROUTE, json={})
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


class Loop:
    """Hints, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.hints = 0
        self.coalesced = Coalesced(self._hint, 0.02, lambda: self.now)
        self.passed_on = asyncio.Event()

    def _hint(self) -> None:
        self.hints += 1
        self.passed_on.set()


async def test_flood_of_deliveries_leads_to_few_looks() -> None:
    """The first counts at once; what comes in the next moment becomes one more."""
    loop = Loop()
    loop.coalesced()
    assert loop.hints == 1
    loop.passed_on.clear()
    for _ in range(1000):
        loop.coalesced()
    assert loop.hints == 1
    await asyncio.wait_for(loop.passed_on.wait(), 10)
    assert loop.hints == 2


async def test_hint_after_a_pause_counts_at_once() -> None:
    """Nobody waits who has not hurried."""
    loop = Loop()
    loop.coalesced()
    loop.now += 0.02
    loop.coalesced()
    assert loop.hints == 2


async def test_deliveries_are_counted_and_a_flood_is_logged_once(app: App) -> None:
    """One line of a kind in ten seconds; every one in the metrics."""
    now = [0.0]
    metrics = Metrics(CollectorRegistry())
    metrics.http.watch_webhook()
    report = WebhookReport(metrics, app.logs.logger, lambda: now[0])
    for outcome in ("delivery_forged", "delivery_forged", "taken", "ignored", "delivery_forged"):
        report.delivered(outcome)
    now[0] = 10.0
    report.delivered("delivery_forged")
    lines = [(one["event"], one.get("code") or one["outcome"]) for one in app.log()]
    assert lines == [
        ("webhook_refused", "delivery_forged"),
        ("webhook_delivered", "taken"),
        ("webhook_delivered", "ignored"),
        ("webhook_refused", "delivery_forged"),
    ]
    assert count(metrics, "delivery_forged") == 4
    assert count(metrics, "delivery_expired") == 0


def count(metrics: Metrics, outcome: str) -> float:
    """Of deliveries with that outcome."""
    value = metrics.registry.get_sample_value(
        "podium_webhook_deliveries_total", {"outcome": outcome}
    )
    assert value is not None
    return value


async def test_delivery_whose_body_does_not_come_is_refused(listening: Listening) -> None:
    """408 as everywhere, and the connection ends."""
    limits = ClientLimits()
    async with served(listening.app.asgi, limits) as server:
        client = await server.client(post(b"{", path=ROUTE.encode(), declared=100))
        await server.are(Phase.BODY)
        await server.look()
        await server.look(limits.body_seconds + 1)
        answer = await client.answer()

    assert (answer.status, answer.json["code"]) == (408, "body_too_slow")
    assert (listening.looks, listening.outcomes) == (0, ["body_too_slow"])


async def test_delivery_beyond_those_that_may_arrive_at_once_is_told(listening: Listening) -> None:
    """As 503, which MLflow tries again; the operator learns of it as of any other refusal."""
    async with served(listening.app.asgi, ClientLimits()) as server:
        for _ in range(MOST_AT_ONCE):
            await server.client(post(PART, path=ROUTE.encode(), declared=len(PART) + 1))
        await server.are(*[Phase.BODY] * MOST_AT_ONCE)
        await server.received(len(PART))
        client = await server.client(post(PART, path=ROUTE.encode(), declared=len(PART) + 1))
        answer = await client.answer()
    assert (answer.status, answer.json["code"]) == (503, "overloaded")
    assert listening.outcomes == ["overloaded"]
