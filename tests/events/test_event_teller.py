"""Everything that a receiver is told of, once each, and by whom."""

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from service.config.outgoing import Outgoing
from service.events.event import Event, EventKind
from service.events.event_forms import EventMessage, SignedJson
from service.events.event_post import HttpPost
from service.events.event_sender import Answered, EventSender
from service.events.event_teller import EventOrigin, EventTeller
from service.following.gates.blocked import BlockedGate
from service.following.gates.gate import Gates
from service.following.ledger import LedgerEntry, LedgerOutcome
from service.following.pace import Trigger
from service.following.ports import Missing
from service.following.slot_status import LOOK, Failure
from service.hold_tag import Hold
from service.observers import both
from service.processes.front.ending import Ending, EndReason
from service.refs import ModelRef, VersionId
from tests.events.receiving import SECONDS, SECRET, Heard, is_signed, receiver
from tests.following.fakes import Events, World, version
from tests.following.test_blocking import block
from tests.following.test_holding import hold
from tests.support.documents import ROOT
from tests.support.http_server import Request
from tests.support.tracking import free_port

REF = ModelRef("iris", "champion")
IRIS = VersionId("iris", 1, "3")
ORIGIN = EventOrigin("blue", "abc", "https://mlflow.example/")
FAILED = Failure(LOOK, "registry_unreachable", "MLflow does not answer.", 0.0)


def new_teller(told: list[Event]) -> EventTeller:
    """Whose events are there at once."""
    return EventTeller(ORIGIN, told.append, lambda: 1_800_000_000.0)


def entry(outcome: LedgerOutcome, **more: Any) -> LedgerEntry:
    """One of version 3, where 2 served."""
    return LedgerEntry(1_800_000_000.0, REF, Trigger.POLL, "2", "3", outcome, **more)


def everything(teller: EventTeller) -> None:
    """Happens once."""
    teller.started(["iris@champion"])
    for outcome in LedgerOutcome:
        teller.noted(entry(outcome))
    teller.noted(entry(LedgerOutcome.SWAPPED, last_known_good=True))
    for code in ("alias_missing", "model_missing"):
        teller.missing(REF, Failure(LOOK, code, "It is not there.", 0.0), "")
    teller.unanswered(REF, FAILED, "")
    for failure in (FAILED, FAILED, None, None):
        teller.looked(0.1, failure, "an exception's text")
    teller.slot_came(REF)
    teller.slot_went(REF)
    teller.host_died(IRIS, EndReason.MEMORY)
    teller.zygote_died(Ending(7, EndReason.SIGNAL, "SIGKILL"))
    teller.stopping()


def documented() -> Any:
    """The receiver of the page, as it stands there."""
    page = (ROOT / "docs/events.md").read_text()
    source = page.partition("```python\n")[2].partition("```")[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PODIUM_EVENTS_SECRET", SECRET)
        parts: dict[str, Any] = {}
        exec(source, parts)  # noqa: S102 - the page's own
    return parts["app"]


async def answers(requests: Sequence[Request]) -> list[int]:
    """Of the page's receiver, to each."""
    transport = httpx.ASGITransport(documented())
    async with httpx.AsyncClient(transport=transport, base_url="http://ops.example") as client:
        told = [
            await client.post("/events", content=each.body, headers=each.headers)
            for each in requests
        ]
    return [answer.status_code for answer in told]


def test_every_kind_is_received_once_and_signed(capsys: pytest.CaptureFixture[str]) -> None:
    """By a real receiver; by MLflow's own code, and by the receiver that the page shows."""
    heard = Heard()
    with receiver() as taken:
        post = HttpPost(taken.url, Outgoing())
        sender = EventSender(post, SignedJson(SECRET.encode()), heard)
        everything(EventTeller(ORIGIN, sender.offer, lambda: 1_800_000_000.0))
        assert heard.next(len(EventKind)) == ["sent"] * len(EventKind)
    assert sorted(taken.kinds()) == sorted(EventKind)
    assert all(map(is_signed, taken.requests))
    forged = {**taken.requests[0].headers, "X-MLflow-Signature": "v1,x"}
    twice = [*taken.requests, *taken.requests, Request("POST", "/events", forged, b"{}")]
    assert asyncio.run(answers(twice)) == [*[200] * 2 * len(EventKind), 401]
    printed = capsys.readouterr().out.splitlines()
    assert printed == [event["sentence"] for event in taken.events]


def test_event_says_who_what_and_why_and_no_exceptions_text() -> None:
    """Of a refusal; the link leads to MLflow's page of the version."""
    told: list[Event] = []
    detail = "ValueError: a text"
    refusal = entry(LedgerOutcome.REFUSED, code="load_failed", message="No.", detail=detail)
    new_teller(told).noted(refusal)
    (event,) = told
    body = json.loads(event.model_dump_json())
    assert ("text" in str(body), body["reason"]) == (False, None)
    assert (body["slot"], body["model"]) == ("iris@champion", "iris")
    assert (body["from"], body["to"], body["code"], body["reason"]) == (
        "2",
        "3",
        "load_failed",
        None,
    )
    assert body["sentence"] == "iris@champion refuses version 3; it serves version 2: No."
    assert (body["service"], body["instance"]) == ("blue", "abc")
    assert body["link"] == "https://mlflow.example/#/models/iris/versions/3"
    assert body["time"] == "2027-01-15T08:00:00Z"


@pytest.mark.parametrize("name", ["a/b c", "\ud800", "x\u202ey\n", "<!channel>"])
def test_name_that_anybody_has_given_is_told_printably(name: str) -> None:
    """And its link leads there."""
    told: list[Event] = []
    new_teller(told).slot_came(ModelRef(name, "champion"))
    (event,) = told
    assert event.sentence.isprintable()
    assert " " not in str(event.link)
    assert json.loads(event.model_dump_json())["kind"] == "slot_found"


class Followed:
    """A world whose ledger and observers tell a receiver's events."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        teller = new_teller(self.told)
        observer = both(Events(), teller)
        gates = Gates(of_version=(BlockedGate(),))
        self.world = World(gates=gates, observer=observer, noted=teller.noted)

    def kinds(self) -> list[str]:
        """Since the last time."""
        kinds = [str(event.kind) for event in self.told]
        self.told.clear()
        return kinds


async def test_what_happens_to_a_slot_is_told_once_each() -> None:
    """As a follower meets it: swaps, blocks, holds, a refusal that is tried again, a lost alias."""
    followed = Followed()
    world, look = followed.world, followed.world.follow
    for number in (1, 2):
        await world.follow_to(version(number))
    assert followed.kinds() == ["swapped", "swapped"]
    block(world, 2)
    await look()
    await look()
    refused, back = followed.told
    assert (refused.kind, refused.code, refused.reason) == ("version_refused", "blocked", "unfair")
    assert (back.kind, back.before, back.to) == ("serves_last_known_good", "2", "1")
    assert followed.kinds() == ["version_refused", "serves_last_known_good"]
    block(world)
    await look()
    await look()
    assert followed.kinds() == ["version_unblocked", "swapped"]
    hold(world, Hold("an audit (by ada)"))
    await world.follow_to(version(3))
    await look()
    (held,) = followed.told
    assert (held.kind, held.to, held.reason) == ("slot_held", "2", "an audit (by ada)")
    followed.told.clear()
    hold(world, None)
    await look()
    assert followed.kinds() == ["slot_released", "swapped"]
    await world.follow_to(Missing.ALIAS)
    await look()
    assert followed.kinds() == ["alias_missing"]


async def test_dead_receiver_costs_nothing_but_a_count() -> None:
    """What is followed goes on; nobody waits."""
    heard = Heard()
    post = HttpPost(f"http://127.0.0.1:{free_port()}/", Outgoing())
    sender = EventSender(post, SignedJson(None), heard, pause=lambda _: None)
    world = World(noted=EventTeller(ORIGIN, sender.offer, lambda: 0.0).noted)
    for number in (1, 2):
        await world.follow_to(version(number))
    assert world.slot.version == version(2)
    assert heard.next(2) == ["failed events_unreachable"] * 2


async def test_slow_receiver_never_delays_a_swap() -> None:
    """Both swaps are made while it sits on the first event."""
    entered, gate = threading.Event(), threading.Event()
    sent: list[bytes] = []

    def post(message: EventMessage, seconds: float) -> Answered:
        entered.set()
        assert gate.wait(SECONDS)
        sent.append(message.body)
        return Answered(200)

    heard = Heard()
    sender = EventSender(post, SignedJson(None), heard)
    world = World(noted=EventTeller(ORIGIN, sender.offer, lambda: 0.0).noted)
    await world.follow_to(version(1))
    assert entered.wait(SECONDS)
    await world.follow_to(version(2))
    assert (world.slot.version, sent) == (version(2), [])
    gate.set()
    assert heard.next(2) == ["sent", "sent"]
    assert [json.loads(body)["to"] for body in sent] == ["1", "2"]
