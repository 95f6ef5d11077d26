"""The route by which an operator has a version made ready, on a fake that makes nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from service.errors import NotPrepared
from service.following.gates.gate import GateFinding
from service.following.preparation import Artifact, Preparation, Refusal
from service.following.slot import Slot
from service.following.slot_status import Failure
from service.http.access import Admin
from tests.http.app import IRIS, NOW, App

TOKEN = {"Authorization": "Bearer secret"}
PATH = "/models/iris@champion/prepare"
UNDER_WAY = Preparation(
    ref=IRIS,
    version="3",
    dry_run=False,
    state="preparing",
    stage="load",
    stages={"look": 0.25, "fetch": 1.0, "load": 2.0},
    findings=(GateFinding("requirements", "package_differs", "numpy differs."),),
    refusals=(),
    why="",
    asked_at=NOW,
    keep_seconds=60.0,
    warm_until=None,
    artifact=Artifact("ab" * 32, None),
)
CLOSED = Failure("gate", "not_validated", "Nobody has.", NOW, detail="why")


@dataclass
class FakePreparations:
    """`service.http.preparation.Preparations`: says what a test has put there."""

    now: Preparation | None = UNDER_WAY
    asked: list[tuple[str, str, float, bool]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def ask(
        self, slot: Slot, number: str, keep_seconds: float, *, dry_run: bool, reason: str = ""
    ) -> Preparation:
        """Remembers what it was asked."""
        self.reasons.append(reason)
        self.asked.append((str(slot.ref), number, keep_seconds, dry_run))
        assert self.now is not None
        return self.now

    def told(self, slot: Slot, number: str | None = None, *, dry_run: bool = False) -> Preparation:
        """What there is, if that is asked for."""
        found = self.now
        if found is None or number not in {None, found.version} or dry_run != found.dry_run:
            raise NotPrepared("Nobody has asked.")
        return found


@pytest_asyncio.fixture
async def app() -> AsyncIterator[App]:
    """One whose operator may prepare."""
    yield (made := App(admin=Admin("secret"), preparations=FakePreparations()))
    await made.client.aclose()


def preparations(app: App) -> FakePreparations:
    """Its fake."""
    found = app.preparations
    assert isinstance(found, FakePreparations)
    return found


async def test_version_is_asked_for_by_its_number_and_told_of_while_it_is_under_way(
    app: App,
) -> None:
    """202, for it takes as long as a swap; every stage so far, and what gates have seen."""
    body = {"version": "03", "keep_seconds": 60, "reason": "a release (by ada)\t"}
    answer = await app.client.post(PATH, json=body, headers=TOKEN)
    assert answer.status_code == 202
    assert preparations(app).asked == [(str(IRIS), "3", 60.0, False)]
    assert preparations(app).reasons == ["a release (by ada)\\t"]
    told = (await app.client.get(f"{PATH}?version=03", headers=TOKEN)).json()
    assert told == answer.json()
    assert (told["state"], told["stage"], told["stages"]["fetch"]) == ("preparing", "load", 1.0)
    assert [each["code"] for each in told["findings"]] == ["package_differs"]
    assert (told["serves"], told["digest"]) == ("1", "ab" * 32)


async def test_refusal_is_told_with_its_reasons_to_the_operator(app: App) -> None:
    """Of a dry run every gate that is closed."""
    refused = replace(
        UNDER_WAY, state="refused", dry_run=True, refusals=(Refusal(CLOSED, False, "validation"),)
    )
    preparations(app).now = refused
    told = (await app.client.get(f"{PATH}?dry_run=true", headers=TOKEN)).json()
    assert told["refusals"] == [
        {
            "stage": "gate",
            "code": "not_validated",
            "message": "Nobody has.",
            "detail": "why",
            "gate": "validation",
            "passing": False,
        }
    ]


async def test_document_has_both_routes_with_what_they_take_and_ask_for(app: App) -> None:
    """As every other route of the operator's."""
    document = (await app.client.get("/openapi.json")).json()
    route = document["paths"]["/models/{name}@{alias}/prepare"]
    assert [route[each]["security"] for each in ("get", "post")] == [[{"admin": []}]] * 2
    body = route["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert (body["required"], sorted(body["properties"])) == (
        ["version"],
        ["dry_run", "keep_seconds", "reason", "version"],
    )
    names = [each["name"] for each in route["get"]["parameters"]]
    assert sorted(names) == ["alias", "dry_run", "name", "version"]
    assert "202" in route["post"]["responses"]


async def test_nobody_else_prepares_or_is_told(app: App) -> None:
    """Not even whether there is such a model."""
    for path in (PATH, "/models/nobody@here/prepare"):
        assert (await app.client.post(path, json={"version": "3"})).status_code == 401
        assert (await app.client.get(path)).status_code == 401
    assert preparations(app).asked == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"version": 3}',
        b'{"version": "three"}',
        b'{"version": "3", "keep_seconds": 0}',
        b'{"version": "3", "keep_seconds": 3601}',
        b'{"version": "3", "keep_seconds": NaN}',
        b'{"version": "3", "keep": 60}',
        b'{"version": "3", "dry_run": "yes"}',
    ],
)
async def test_p14_body_that_asks_for_nothing_is_refused_in_fixed_words(
    app: App, body: bytes
) -> None:
    """For how long a version may be kept is bounded."""
    answer = await app.client.post(PATH, content=body, headers=TOKEN)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert "three" not in answer.text
    assert preparations(app).asked == []


async def test_body_is_bounded_and_models_are_those_that_are_followed(app: App) -> None:
    """A few hundred bytes are all that is needed."""
    long = await app.client.post(PATH, content=b" " * 5000, headers=TOKEN)
    assert (long.status_code, long.json()["code"]) == (413, "body_too_large")
    other = await app.client.post(
        "/models/nobody@here/prepare", json={"version": "3"}, headers=TOKEN
    )
    assert (other.status_code, other.json()["code"]) == (404, "unknown_model")
    preparations(app).now = None
    nothing = await app.client.get(PATH, headers=TOKEN)
    assert (nothing.status_code, nothing.json()["code"]) == (404, "not_prepared")
