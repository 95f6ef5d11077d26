"""Looks by patterns: all pages of a registry, and nothing that it should not say."""

import asyncio
from collections.abc import Sequence

import pytest

from service.errors import PassingFault
from service.following.ports import LookAnswer, Missing, Unanswered
from service.patterns import RefPattern
from service.refs import ModelRef, VersionId
from service.registry.front.client import MlflowRegistry
from service.rollout_tags import NO_TAGS
from tests.registry.conftest import MakeRegistry
from tests.registry.scripted_server import (
    CREATED,
    MODEL_PATH,
    SEARCH_PATH,
    ScriptedServer,
    answer,
    response,
)
from tests.registry.stores import Store

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 240
EVERYTHING = [RefPattern("*", "champion")]
GONE = answer({"error_code": "RESOURCE_DOES_NOT_EXIST"}, 404)


def page(*names: str, version: str = "1", alias: str = "champion") -> bytes:
    """What a search finds, whole."""
    aliases = [{"alias": alias, "version": version}]
    models = [{"name": name, "creation_timestamp": CREATED, "aliases": aliases} for name in names]
    return answer({"registered_models": models})


async def survey(
    registry: MlflowRegistry,
    *refs: ModelRef,
    patterns: Sequence[RefPattern] = EVERYTHING,
    room: int = 100,
) -> LookAnswer:
    """One look."""
    async with asyncio.timeout(SECONDS):
        return await registry.survey(refs, patterns, room)


def ref(name: str) -> ModelRef:
    """Its champion."""
    return ModelRef(name, "champion")


async def test_registry_finds_what_patterns_mean_by_one_question(
    make_registry: MakeRegistry,
) -> None:
    """What stands there by its name is answered beside; no model is asked for by itself."""
    async with ScriptedServer(answers={SEARCH_PATH: page("b", "a", "z", "x")}) as server:
        registry = make_registry(server.url)
        patterns = [RefPattern("[ab]", "champion"), RefPattern("a", "c*")]
        found = await survey(registry, ref("z"), patterns=patterns)
    asked = {ref(name) for name in ("z", "a", "b")}
    said = {each: VersionId(each.name, CREATED, "1") for each in asked}
    assert found == LookAnswer(said, rollout=dict.fromkeys(asked, NO_TAGS))
    assert [each.path for each in server.asked] == [SEARCH_PATH]


async def test_model_that_a_listing_does_not_show_is_asked_for(
    make_registry: MakeRegistry,
) -> None:
    """Slots of patterns are not an exception: an empty list is easily said."""
    answers = {SEARCH_PATH: answer({}), MODEL_PATH: GONE}
    async with ScriptedServer(answers=answers) as server:
        found = await survey(make_registry(server.url), ref("a"))
    assert found.found == {ref("a"): Missing.MODEL}


async def test_what_there_is_no_room_for_is_counted(make_registry: MakeRegistry) -> None:
    """The first ones by name are found; those that are there already take no room."""
    async with ScriptedServer(answers={SEARCH_PATH: page(*"fbdace")}) as server:
        found = await survey(make_registry(server.url), ref("f"), room=2)
    assert (list(found.found), found.left_out) == ([ref("f"), ref("a"), ref("b")], 3)


@pytest.mark.parametrize(
    "refusal",
    [
        response(b"<html>not you</html>", 403),
        response(b"no", 500),
        answer({"registered_models": 7}),
        response(b"<html>hello</html>"),
        answer({"registered_models": [], "next_page_token": "again"}),
    ],
    ids=["forbidden", "error", "nonsense", "html", "circle"],
)
async def test_listing_that_is_refused_leaves_what_has_a_name(
    make_registry: MakeRegistry, refusal: bytes
) -> None:
    """And says why nothing else is known; pages that never end are nonsense."""
    hidden = answer({"error_code": "PERMISSION_DENIED"}, 403)
    async with ScriptedServer(answers={SEARCH_PATH: refusal, MODEL_PATH: hidden}) as server:
        found = await survey(make_registry(server.url), ref("a"))
    assert isinstance(found.unlisted, Unanswered)
    assert isinstance(found.found[ref("a")], Unanswered)


async def test_registry_that_does_not_answer_is_a_look_that_failed(
    make_registry: MakeRegistry,
) -> None:
    """As for references alone."""
    async with ScriptedServer(answers={}) as server:
        url = server.url
    with pytest.raises(PassingFault):
        await survey(make_registry(url), ref("a"))


@pytest.mark.parametrize("name", ["a,b", "a\nb", "", "x" * 300, "a\u2028b"])
async def test_hostile_name_takes_nobody_elses_place(
    make_registry: MakeRegistry, name: str
) -> None:
    """It is left out; the others are found."""
    async with ScriptedServer(answers={SEARCH_PATH: page("a", name, "b")}) as server:
        found = await survey(make_registry(server.url))
    assert set(found.found) == {ref("a"), ref("b")}


@pytest.mark.parametrize(
    ("version", "alias"), [("x", "champion"), ("1", "champion\n"), ("-1", "champion")]
)
async def test_model_of_nonsense_is_left_out(
    make_registry: MakeRegistry, version: str, alias: str
) -> None:
    """What is not a version's number, or no alias."""
    listed = page("a", version=version, alias=alias)
    async with ScriptedServer(answers={SEARCH_PATH: listed}) as server:
        patterns = [RefPattern("*", "*")]
        found = await survey(make_registry(server.url), patterns=patterns)
    assert found == LookAnswer({})


async def test_every_registry_finds_what_patterns_mean(store: Store, name: str) -> None:
    """MLflow's stores, and the fake that stands for them."""
    champion, other = ref(name), ModelRef(name, "challenger")
    store.point(champion, store.register(name))
    async with asyncio.timeout(SECONDS):
        patterns = [RefPattern(f"{name[:-1]}?", "*")]
        found = (await store.registry.survey([], patterns, 100)).found
        assert list(found) == [champion]
        store.point(other, store.register(name))
        found = (await store.registry.survey([champion], patterns, 100)).found
        assert {each: getattr(version, "version", version) for each, version in found.items()} == {
            champion: "1",
            other: "2",
        }
