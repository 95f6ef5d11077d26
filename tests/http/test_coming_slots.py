"""Slots that come and go while the service runs: routes, pages, readiness, metrics."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.following.ports import Missing
from service.following.slot_status import Standing
from service.http.access import Admin
from service.patterns import RefPattern
from service.refs import ModelRef
from tests.http.app import IRIS, App
from tests.support.serving import make_binding

NEW = ModelRef("prod.new model/é", "champion")
HOSTILE = ModelRef('x@y"} \\ <img>/predict', "champion")
PATTERNS = (RefPattern("*", "champion"),)
BEARER = {"Authorization": "Bearer token"}


@pytest.fixture
async def patterned() -> AsyncIterator[App]:
    """Patterns alone, which have found nothing yet."""
    made = App((), admin=Admin("token"), patterns=PATTERNS)
    async with made.client:
        yield made
    made.logs.close()


def come(app: App, ref: ModelRef, version: str = "1") -> None:
    """A pattern finds it, and it serves."""
    app.slots.add([ref], Standing.LATER)
    app.slots[str(ref)].serve(make_binding(ref, version))


async def _paths(app: App) -> dict[str, Any]:
    paths: dict[str, Any] = (await app.client.get("/openapi.json")).json()["paths"]
    return paths


@pytest.mark.parametrize("ref", [NEW, HOSTILE], ids=["new", "hostile"])
async def test_slot_has_its_routes_as_long_as_it_is_there(patterned: App, ref: ModelRef) -> None:
    """Whatever it is called; afterwards it is as if it had never been."""
    before = await _paths(patterned)
    come(patterned, ref, "3")
    for route in ("predict", "invocations"):
        reply = await patterned.predict([1], f"/models/{ref}/{route}")
        assert (reply.status_code, reply.headers["podium-version"]) == (200, "3")
    # Of `predict`, `invocations` and `infer`, the latter also by the name alone.
    assert len(await _paths(patterned)) == len(before) + 4
    assert (await patterned.client.get(f"/models/{ref}")).json()["version"] == "3"
    assert (await patterned.client.get(f"/models/{ref}/ready")).status_code == 200
    slot = patterned.slots[str(ref)]
    patterned.slots.drop([slot])
    for route in ("predict", "invocations"):
        assert (await patterned.predict([1], f"/models/{ref}/{route}")).status_code == 404
    assert await _paths(patterned) == before


async def test_service_with_patterns_alone_has_no_default_route(patterned: App) -> None:
    """What would be the first one changes with the registry; the reply says what to ask for."""
    come(patterned, NEW)
    for path, shape in (("/predict", "detail"), ("/invocations", "message")):
        reply = await patterned.predict([1], path)
        assert reply.status_code == 404
        assert "/models/NAME@ALIAS/predict" in reply.json()[shape]
    assert not {"/predict", "/invocations"} & (await _paths(patterned)).keys()
    told = (await patterned.client.get("/models")).json()["patterns"]
    assert told == {"default": None, "patterns": ["*@champion"], "unmatched": [], "left_out": 0}


async def test_readiness_of_patterns_says_what_it_counts(patterned: App) -> None:
    """Nothing found: not ready, and why. Found later: named, and nobody waits for it."""
    reply = await patterned.client.get("/health/ready")
    assert (reply.status_code, reply.json()) == (
        503,
        {
            "ready": False,
            "stopping": False,
            "not_ready": [],
            "missing": [],
            "withdrawn": [],
            "unserved": [],
            "unmatched": ["*@champion"],
        },
    )
    assert (await patterned.client.get("/ping")).status_code == 503
    come(patterned, NEW)
    patterned.slots.add([HOSTILE], Standing.LATER)
    reply = await patterned.client.get("/health/ready")
    assert (reply.status_code, reply.json()["unserved"]) == (200, [str(HOSTILE)])
    assert reply.json()["unmatched"] == []
    assert (await patterned.client.get("/ping")).status_code == 200
    patterned.slots.add([ModelRef("a", "champion")], Standing.FIRST)
    reply = await patterned.client.get("/health/ready")
    assert (reply.status_code, reply.json()["not_ready"]) == (503, ["a@champion"])
    patterned.slots["a@champion"].absent = Missing.ALIAS
    patterned.slots["a@champion"].has_no_fallback = True
    assert (await patterned.client.get("/health/ready")).status_code == 200


async def test_model_that_is_not_registered_yet_is_told_from_one_that_is_never_followed(
    patterned: App,
) -> None:
    """And a reload of it looks at the registry."""
    for path, code in (
        ("/models/later@champion", "not_there_yet"),
        ("/models/later@champion/ready", "not_there_yet"),
        ("/models/later@blue", "unknown_model"),
    ):
        reply = await patterned.client.get(path)
        assert (reply.status_code, reply.json()["code"]) == (404, code)
    reply = await patterned.predict([1], "/models/later@champion/predict")
    assert (reply.status_code, reply.json()["code"]) == (404, "not_there_yet")
    reply = await patterned.client.post("/models/later@champion/reload", headers=BEARER)
    assert (reply.status_code, reply.json()["code"]) == (404, "not_there_yet")
    assert patterned.reloaded == [ModelRef("later", "champion")]


async def test_default_is_what_the_settings_name_first() -> None:
    """However early a pattern's finds stand in the alphabet."""
    made = App((IRIS,), patterns=PATTERNS)
    async with made.client:
        come(made, ModelRef("a", "champion"), "7")
        reply = await made.predict([1])
        assert reply.json()["model"] == {"name": "iris", "alias": "champion", "version": "1"}
        listed = (await made.client.get("/models")).json()["models"]
        assert [each["name"] for each in listed] == ["iris", "a"]
    made.logs.close()


async def test_document_of_many_slots_describes_anew_only_what_has_changed(
    patterned: App,
) -> None:
    """Names of its parts stay as they are, whatever comes between."""
    come(patterned, ModelRef("b", "champion"))
    before = await _paths(patterned)
    come(patterned, ModelRef("a", "champion"))
    after = await _paths(patterned)
    path = "/models/b@champion/predict"
    assert after[path] == before[path]
    assert list(after)[:2] == ["/models/a@champion/predict", "/models/a@champion/invocations"]
