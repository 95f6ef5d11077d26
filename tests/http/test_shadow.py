"""What a slot's shadow would have answered, as `GET /models/{name}@{alias}/shadow` says."""

import pytest

from service.following.shadow_status import ShadowState, ShadowStatus
from service.following.slot_status import Failure
from service.refs import ModelRef, VersionId
from service.rollout.comparison import compare
from service.shadowing.shadow_line import ShadowBytes, ShadowLine
from service.shadowing.shadow_tally import ComparedVersions, Dropped
from tests.http.app import App

IRIS = ModelRef("iris", "champion")
SHADOW = "/models/iris@champion/shadow"


def counted() -> ShadowLine:
    """One request of four rows that differs in one, one that failed, one that was dropped."""
    line = ShadowLine(IRIS, ShadowBytes(1))
    versions = ComparedVersions(VersionId("iris", 1, "1"), VersionId("iris", 1, "2"))
    tally = line.of(versions, 1_700_000_000.0)
    tally.requests, tally.compared, tally.differed = 3, 1, 1
    tally.rows.add(compare(b'["a","a","b",1.5]', b'["a","c","b",1.5000001]', 4))
    tally.failed(None, "model_failed")
    tally.dropped[Dropped.BEHIND] += 1
    for seconds in (tally.served_seconds, tally.heard_seconds):
        seconds.note(0.25)
    return line


async def test_slot_without_a_shadow_says_so(app: App) -> None:
    """With zeros, and nulls where a number would say more than is known."""
    report = (await app.client.get(SHADOW)).json()
    assert (report["shadow"], report["version"], report["since"]) == (None, None, None)
    assert (report["requests"]["heard"], report["rows"]["different_share"]) == (0, None)
    assert (await app.client.get("/models/nobody@champion/shadow")).status_code == 404


async def test_report_says_what_was_counted(app: App) -> None:
    """Of the two versions that have met last."""
    status = ShadowStatus(
        ModelRef("iris", "challenger"), 2500, ShadowState.LISTENING, VersionId("iris", 1, "2")
    )
    app.slots.shadow_of = lambda _: status
    app.shadow_lines[IRIS] = counted()
    report = (await app.client.get(SHADOW)).json()
    slot = (await app.client.get("/models/iris@champion")).json()
    assert report["shadow"] == slot["shadow"]
    assert report["shadow"] == {
        "alias": "challenger",
        "version": "2",
        "percent": 25.0,
        "state": "listening",
        "ready": True,
        "failure": None,
        "memory_bytes": 0,
    }
    assert (report["version"], report["shadow_version"]) == ("1", "2")
    assert report["rows"] == {
        "compared": 4,
        "equal": 2,
        "close": 1,
        "different": 1,
        "different_share": 0.25,
    }
    assert report["labels"] == [{"served": "a", "shadow": "c", "count": 1}]
    assert report["requests"]["shadow_failed_alone"] == {"model_failed": 1}
    assert report["requests"]["dropped"]["behind"]["count"] == 1
    assert report["absolute_difference"]["count"] == 1
    assert report["seconds"]["p50"] == pytest.approx(0.25, rel=0.01)


async def test_failure_of_a_shadow_is_told(app: App) -> None:
    """As a sentence; what an exception has said is not."""
    failure = Failure("load", "load_failed", "It does not load.", 1.0, detail="secret")
    status = ShadowStatus(ModelRef("iris", "challenger"), 10_000, ShadowState.FAILED, None, failure)
    app.slots.shadow_of = lambda _: status
    reply = await app.client.get(SHADOW)
    assert reply.json()["shadow"]["failure"]["code"] == "load_failed"
    assert "secret" not in reply.text
