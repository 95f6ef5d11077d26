"""Looks that search: one question for many models, and the same answers as one by one."""

import asyncio
from collections.abc import Mapping

import pytest
from mlflow import MlflowClient
from mlflow.entities.model_registry import RegisteredModel

from service.following.ports import Missing, Resolution, Unanswered
from service.refs import ModelRef, VersionId
from service.registry.child import looking, versions
from service.registry.front.client import MlflowRegistry
from service.registry.wire import Fault
from tests.registry.conftest import MakeRegistry
from tests.registry.scripted_server import (
    CREATED,
    MODEL_PATH,
    SEARCH_PATH,
    VERSION_PATH,
    ScriptedServer,
    answer,
    registered_model,
    response,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 240
NAMES = ("a", "b", "c")
REFS = [ModelRef(name, "champion") for name in NAMES]
VERSIONS_PATH = SEARCH_PATH.replace("registered-models", "model-versions")
MORE = {"next_page_token": "more"}
GONE = answer({"error_code": "RESOURCE_DOES_NOT_EXIST"}, 404)


def searched(*names: str, token: str = "") -> bytes:
    """What a search finds: those models, each with a champion."""
    aliases = [{"alias": "champion", "version": "1"}]
    models = [{"name": name, "creation_timestamp": CREATED, "aliases": aliases} for name in names]
    return answer({"registered_models": models} | ({"next_page_token": token} if token else {}))


async def look(registry: MlflowRegistry) -> Mapping[ModelRef, Resolution]:
    """One look for all of them."""
    async with asyncio.timeout(SECONDS):
        return (await registry.resolve(REFS)).found


def paths(server: ScriptedServer) -> list[str]:
    """What was asked."""
    return [asked.path for asked in server.asked]


async def test_many_models_are_looked_for_by_one_search(make_registry: MakeRegistry) -> None:
    """At every look, while the registry shows all that it has."""
    async with ScriptedServer(answers={SEARCH_PATH: searched("z", *NAMES)}) as server:
        registry = make_registry(server.url)
        for _ in range(2):
            found = await look(registry)
    assert found == {ref: VersionId(ref.name, CREATED, "1") for ref in REFS}
    assert paths(server) == [SEARCH_PATH, SEARCH_PATH]


async def test_registry_with_more_models_than_a_page_is_asked_one_by_one(
    make_registry: MakeRegistry,
) -> None:
    """From then on, without searching again at each look."""
    answers = {SEARCH_PATH: searched(*NAMES, token="more"), MODEL_PATH: GONE}
    async with ScriptedServer(answers=answers) as server:
        registry = make_registry(server.url)
        for _ in range(2):
            assert await look(registry) == dict.fromkeys(REFS, Missing.MODEL)
    assert paths(server) == [SEARCH_PATH, *[MODEL_PATH] * 6]


@pytest.mark.parametrize(
    "refusal",
    [
        response(b"<html>not you</html>", 403),
        response(b"no", 500),
        answer({"registered_models": 7}),
        response(b"<html>hello</html>"),
    ],
    ids=["forbidden", "error", "nonsense", "html"],
)
async def test_search_that_is_refused_is_no_look_that_failed(
    make_registry: MakeRegistry, refusal: bytes
) -> None:
    """Not every registry searches, nor for everybody."""
    async with ScriptedServer(answers={SEARCH_PATH: refusal, MODEL_PATH: GONE}) as server:
        assert await look(make_registry(server.url)) == dict.fromkeys(REFS, Missing.MODEL)


async def test_model_that_a_search_does_not_show_is_asked_for(
    make_registry: MakeRegistry,
) -> None:
    """The account may not see it: that is not a model that was deleted."""
    hidden = answer({"error_code": "PERMISSION_DENIED"}, 403)
    answers = {SEARCH_PATH: searched("a", "b"), MODEL_PATH: hidden}
    async with ScriptedServer(answers=answers) as server:
        found = await look(make_registry(server.url))
    refused = found[REFS[2]]
    assert isinstance(refused, Unanswered)
    assert refused.code == "registry_forbidden"
    assert found[REFS[0]] == VersionId("a", CREATED, "1")


async def test_model_that_a_search_shows_as_nonsense_keeps_no_other_from_being_followed(
    make_registry: MakeRegistry,
) -> None:
    """It is asked for by itself, and told by its own fault."""
    page = searched(*NAMES).replace(b'"version": "1"', b'"version": "x"', 1)
    async with ScriptedServer(answers={SEARCH_PATH: page, MODEL_PATH: response(b"no", 500)}) as it:
        found = await look(make_registry(it.url))
    assert [type(found[ref]) for ref in REFS] == [Unanswered, VersionId, VersionId]


async def test_empty_search_is_no_empty_registry_without_asking(
    make_registry: MakeRegistry,
) -> None:
    """An empty list is what somebody who talks nonsense says most easily; nothing is unloaded."""
    async with ScriptedServer(answers={SEARCH_PATH: answer({}), MODEL_PATH: GONE}) as server:
        assert await look(make_registry(server.url)) == dict.fromkeys(REFS, Missing.MODEL)
    assert paths(server).count(MODEL_PATH) == len(REFS)


async def test_tags_cost_no_more_requests_than_a_plan_has_arms_and_a_shadow(
    make_registry: MakeRegistry,
) -> None:
    """Whatever else stands in them, or in those of aliases that nobody follows."""
    many = ",".join(f"v{number}=1" for number in range(1, 40))
    tags = {
        "podium.split.champion": "v2=1,v3=1",
        "podium.shadow.champion": "v4",
        "podium.sticky.champion": many,
        "podium.bake.champion": many,
        **{f"podium.split.{alias}": "v5=1,v6=1" for alias in ("one", "other")},
    }
    model = {
        "name": "a",
        "creation_timestamp": CREATED,
        "aliases": [{"alias": "champion", "version": "1"}],
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    answers = {MODEL_PATH: answer({"registered_model": model}), VERSION_PATH: GONE}
    async with ScriptedServer(answers=answers) as server:
        async with asyncio.timeout(SECONDS):
            found = await make_registry(server.url).resolve([REFS[0], ModelRef("a", "v7")])
    assert found.found[ModelRef("a", "v7")] is Missing.ALIAS
    named = [ModelRef("a", each) for each in ("v2", "v3", "v4")]
    assert found.named == dict.fromkeys(named, Missing.ALIAS)
    assert paths(server).count(VERSION_PATH) == 4


TAGGED = {"name": "a", "version": "1", "status": "READY"} | {
    "tags": [{"key": "podium.withdrawn", "value": "true"}]
}


@pytest.mark.parametrize(
    "refusal",
    [
        *(response(b"no", 401), response(b"no", 403), response(b"no", 500), b""),
        answer({"model_versions": [TAGGED] * 2} | MORE),
    ],
    ids=["who are you", "forbidden", "error", "hung up", "without end"],
)
async def test_p23_registry_that_does_not_search_by_tags_is_asked_about_each_version(
    make_registry: MakeRegistry, refusal: bytes
) -> None:
    """From then on, without searching again at each look."""
    answers = {
        VERSIONS_PATH: refusal,
        MODEL_PATH: registered_model("a"),
        VERSION_PATH: answer({"model_version": TAGGED}),
    }
    version = VersionId("a", CREATED, "1")
    async with ScriptedServer(answers=answers) as server:
        registry = make_registry(server.url)
        for _ in range(2):
            async with asyncio.timeout(SECONDS):
                said = await registry.marks(["a"], [version], [version])
            assert (dict(said.withdrawn), set(said.free)) == ({version: ""}, set())
    asked = paths(server)
    assert asked[-2:] == [MODEL_PATH, VERSION_PATH]
    assert asked[: asked.index(MODEL_PATH)] == [VERSIONS_PATH] * asked.count(VERSIONS_PATH)


async def test_p23_reason_of_any_length_is_cut(make_registry: MakeRegistry) -> None:
    """A tombstone's file holds it whole."""
    tagged = TAGGED | {"tags": [{"key": "podium.withdrawn", "value": "x" * 100_000}]}
    answers = {
        VERSIONS_PATH: answer({"model_versions": [tagged]}),
        MODEL_PATH: registered_model("a"),
    }
    version = VersionId("a", CREATED, "1")
    async with ScriptedServer(answers=answers) as server, asyncio.timeout(SECONDS):
        registry = make_registry(server.url)
        said = await registry.marks(["a"], [version], [])
        again = await registry.marks(["a"], [version], [])
    assert said.withdrawn == {version: "x" * 500}
    assert again is said, "an answer that says the same is read once"


async def test_p23_tagged_model_that_may_not_be_read_fails_alone(
    make_registry: MakeRegistry,
) -> None:
    """What is known of the others is not lost for it."""
    hidden = answer({"error_code": "PERMISSION_DENIED"}, 403)
    answers = {VERSIONS_PATH: answer({"model_versions": [TAGGED]}), MODEL_PATH: hidden}
    async with ScriptedServer(answers=answers) as server, asyncio.timeout(SECONDS):
        said = await make_registry(server.url).marks(["a", "b"], [], [])
    assert (dict(said.withdrawn), said.unasked) == ({}, frozenset())


async def test_p23_versions_for_which_there_is_no_time_are_left_to_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first ones are asked about; none of them twice."""
    now = 0.0

    def tags(_: MlflowClient, __: str, ___: int, version: str) -> dict[str, str]:
        nonlocal now
        now += 1
        return {"podium.withdrawn": "true"} if version == "1" else {}

    monkeypatch.setattr(versions, "monotonic", lambda: now)
    monkeypatch.setattr(versions, "tags_or_none", tags)
    telling = versions._Telling(MlflowClient("http://127.0.0.1:1"))
    telling.ask([["a", 7, "1"], ["a", 7, "2"], ["a", 7, "3"]], 2.0)
    telling.ask([["a", 7, "1"], ["a", 7, "4"]], 3.0)
    assert telling.said == {
        "withdrawn": [["a", 7, "1", ""]],
        "blocked": [],
        "free": [["a", 7, "2"], ["a", 7, "4"]],
        "unasked": [["a", 7, "3"]],
    }


async def test_p15_model_that_is_nonsense_fails_alone() -> None:
    """Among those of a search it is left out, and so asked for by itself; there it is a fault."""
    bad, good = RegisteredModel("a", CREATED), RegisteredModel("b", CREATED)
    bad._aliases = None  # type: ignore[assignment]  # an answer that nobody has foreseen
    assert [name for name, _ in looking._followed([bad, good], frozenset("ab"))] == ["b"]

    class Client(MlflowClient):
        def __init__(self) -> None:
            """Asks nobody."""

        def get_registered_model(self, name: str) -> RegisteredModel:
            return bad

    found = looking._model_or_fault(Client(), "a")
    assert found is not None
    assert found["fault"] is Fault.NONSENSE


async def test_look_for_marks_takes_one_search_for_each_tag(make_registry: MakeRegistry) -> None:
    """And nothing beside, while nothing is marked; a hold takes no question of its own."""
    answers = {
        VERSIONS_PATH: answer({"model_versions": []}),
        MODEL_PATH: registered_model("a"),
    }
    async with ScriptedServer(answers=answers) as server, asyncio.timeout(SECONDS):
        registry = make_registry(server.url)
        await registry.resolve([ModelRef("a", "champion")])
        await registry.marks(["a"], [VersionId("a", CREATED, "1")], [])
    assert paths(server) == [MODEL_PATH, VERSIONS_PATH, VERSIONS_PATH]
