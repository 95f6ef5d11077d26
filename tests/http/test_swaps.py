"""The ledger's page."""

from dataclasses import replace

import pytest

from service.following.ledger import LedgerEntry, LedgerOutcome
from tests.following.test_ledger import ENTRY
from tests.http.app import IRIS, NOW, App

SWAP = LedgerEntry(
    NOW, IRIS, ENTRY.trigger, None, "1", LedgerOutcome.SWAPPED, seconds={"look": 0.5}
)


@pytest.fixture
def noted(app: App) -> App:
    """A swap and then a refusal."""
    app.ledger.note(SWAP)
    app.ledger.note(replace(ENTRY, ref=IRIS))
    return app


async def test_anybody_is_told_what_was_swapped_when(noted: App) -> None:
    """Newest first; no findings, no times, no sentences."""
    reply = await noted.client.get("/swaps")
    assert reply.status_code == 200
    refused, swapped = reply.json()["swaps"]
    assert refused == {
        "id": 2,
        "at": "2027-01-15T08:00:00.250000Z",
        "slot": "iris@champion",
        "from": "1",
        "to": "2",
        "outcome": "refused",
        "code": "tags_unmet",
        "details": None,
    }
    assert (swapped["from"], swapped["to"], swapped["outcome"]) == (None, "1", "swapped")
    assert reply.json()["next_before"] is None


async def test_details_are_for_those_who_may_see_them(noted: App) -> None:
    """Trigger, gate, findings and the seconds of each stage."""
    noted.may_see_details = True
    refused, swapped = (await noted.client.get("/swaps")).json()["swaps"]
    assert refused["details"] == {
        "trigger": "webhook",
        "stage": "gate",
        "gate": "tags",
        "message": "The version lacks required tags: a=b.",
        "detail": None,
        "reason": None,
        "findings": [{"gate": "signature", "code": "unsigned", "sentence": "It has no signature."}],
        "seconds": {"look": 0.5, "fetch": 2.0},
        "last_known_good": False,
        "shares": None,
    }
    assert swapped["details"]["gate"] is None


async def test_pages_follow_each_other(app: App) -> None:
    """`next_before` leads to the next one, and the last one has none."""
    for _ in range(5):
        app.ledger.note(SWAP)
    seen, query = [], "limit=2"
    for _ in range(3):
        page = (await app.client.get(f"/swaps?{query}")).json()
        seen.append([swap["id"] for swap in page["swaps"]])
        query = f"limit=2&before={page['next_before']}"
    assert seen == [[5, 4], [3, 2], [1]]
    assert page["next_before"] is None


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=501", "limit=-1", "limit=x", "limit=", "limit=²"),
        *("before=1.5", f"before={'9' * 5000}"),
    ],
)
async def test_p14_bad_page_is_refused_with_what_it_may_be(app: App, query: str) -> None:
    """And without what was sent."""
    reply = await app.client.get(f"/swaps?{query}")
    assert reply.status_code == 400
    assert reply.json()["code"] == "bad_request"
    assert "must be a whole number from" in reply.json()["detail"]
    assert len(reply.text) < 200


async def test_page_is_in_the_document(app: App) -> None:
    """With its parameters."""
    document = (await app.client.get("/openapi.json")).json()
    operation = document["paths"]["/swaps"]["get"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["limit", "before"]
    assert "4XX" in operation["responses"]
