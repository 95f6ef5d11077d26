"""What a receiver gets: JSON by its schema, signed as MLflow signs, or a text for a chat."""

import json

import pytest
from jsonschema import validate  # type: ignore[import-untyped]

from service.events.event import Event, EventKind
from service.events.event_faults import EVENT_SENTENCES, EventFault
from service.events.event_forms import SignedJson, SlackText
from service.telemetry.words import SAYINGS
from tests.events.receiving import SECRET, event, is_signed
from tests.support.documents import ROOT, table
from tests.support.http_server import Request

SCHEMA = json.loads((ROOT / "docs/schemas/event.json").read_text())


def test_schema_is_that_of_the_code() -> None:
    """Programs rely on it."""
    assert Event.model_json_schema(mode="serialization") == SCHEMA


def test_page_shows_an_event_as_the_schema_says() -> None:
    """The one of its example."""
    page = (ROOT / "docs/events.md").read_text()
    example = json.loads(page.partition("```json\n")[2].partition("```")[0])
    validate(example, SCHEMA)
    assert example.keys() == SCHEMA["properties"].keys()


def test_page_lists_every_kind_and_every_fault() -> None:
    """And none that is not there; the kinds are the log's own names."""
    assert table("docs/events.md", "What is told").keys() == set(EventKind)
    assert table("docs/events.md", "What becomes of an event").keys() == set(EventFault)
    assert set(EventKind) <= SAYINGS.keys()
    assert EVENT_SENTENCES.keys() == set(EventFault)


def test_json_is_signed_by_mlflows_scheme_with_the_time_of_the_try() -> None:
    """The id is the event's own at each."""
    one = event()
    messages = [SignedJson(SECRET.encode()).message(one, now) for now in (7, 8)]
    requests = [Request("POST", "/", each.headers, each.body) for each in messages]
    assert all(map(is_signed, requests))
    assert {each.headers["X-MLflow-Delivery-Id"] for each in messages} == {one.id}
    assert [each.headers["X-MLflow-Timestamp"] for each in messages] == ["7", "8"]
    validate(json.loads(messages[0].body), SCHEMA)


def test_without_a_secret_nothing_is_signed() -> None:
    """As MLflow does."""
    assert "X-MLflow-Signature" not in SignedJson(None).message(event(), 7).headers


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<!channel> <@U1>", "&lt;!channel&gt; &lt;@U1&gt;"),
    ],
)
def test_text_for_a_chat_mentions_nobody(sentence: str, shown: str) -> None:
    """With a link to MLflow's page; the address is the secret, so nothing is signed."""
    link = "https://mlflow.example/?a=1&b#/models/iris"
    told = event().model_copy(update={"sentence": sentence, "link": link})
    message = SlackText().message(told, 7)
    page = "<https://mlflow.example/?a=1&amp;b#/models/iris|MLflow>"
    assert json.loads(message.body) == {"text": f"{shown} (blue) {page}"}
    assert not [name for name in message.headers if name.startswith("X-")]
