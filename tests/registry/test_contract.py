"""What following may expect of every registry: the fake and MLflow keep the same promises."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.errors import PassingFault
from service.following.ports import FetchedVersion, Missing, Registry, Resolution
from service.hold_tag import Hold
from service.patterns import RefPattern
from service.refs import ModelRef, VersionId
from service.rollout_tags import LONGEST_VALUE, NO_TAGS, RolloutTags
from tests.registry.stores import Store

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 240


async def found(registry: Registry, ref: ModelRef) -> Resolution:
    """One look for one alias."""
    async with asyncio.timeout(SECONDS):
        return (await registry.resolve([ref])).found[ref]


async def identity(registry: Registry, ref: ModelRef) -> VersionId:
    """The version that the alias certainly points to."""
    version = await found(registry, ref)
    assert isinstance(version, VersionId)
    return version


async def fetched(registry: Registry, version: VersionId) -> FetchedVersion:
    """The version's artifact."""
    async with asyncio.timeout(SECONDS):
        return await registry.fetch(version)


def champion(store: Store, name: str) -> ModelRef:
    """An alias that points to a first version."""
    ref = ModelRef(name, "champion")
    store.point(ref, store.register(name))
    return ref


async def test_alias_resolves_to_its_version(store: Store, name: str) -> None:
    """By name and number."""
    version = await identity(store.registry, champion(store, name))
    assert (version.name, version.version) == (name, "1")


async def test_two_looks_see_the_same_version(store: Store, name: str) -> None:
    """Otherwise the service would load it again and again."""
    ref = champion(store, name)
    assert await found(store.registry, ref) == await found(store.registry, ref)


async def test_alias_is_followed_forwards_and_back(store: Store, name: str) -> None:
    """The version that it comes back to is the one that it has left."""
    ref = champion(store, name)
    first = await identity(store.registry, ref)
    store.point(ref, store.register(name))
    second = await identity(store.registry, ref)
    store.point(ref, "1")
    assert (first.version, second.version) == ("1", "2")
    assert await found(store.registry, ref) == first


async def test_one_look_answers_for_every_reference(store: Store, name: str) -> None:
    """Found or not, several aliases of one model among them."""
    ref = champion(store, name)
    challenger = ModelRef(name, "challenger")
    store.point(challenger, store.register(name))
    refs = [ref, challenger, ModelRef(name, "nobody"), ModelRef(f"no {name}", "champion")]
    resolutions = (await store.registry.resolve(refs)).found
    versions = [resolutions[each] for each in refs]
    assert [getattr(each, "version", each) for each in versions] == [
        *("1", "2"),
        *(Missing.ALIAS, Missing.MODEL),
    ]


async def test_deleted_alias_is_missing_and_no_error(store: Store, name: str) -> None:
    """The model is still there."""
    ref = champion(store, name)
    store.unpoint(ref)
    assert await found(store.registry, ref) is Missing.ALIAS


async def test_alias_of_a_deleted_version_is_missing(store: Store, name: str) -> None:
    """The registry deletes it with the version."""
    ref = champion(store, name)
    store.delete_version(name, "1")
    assert await found(store.registry, ref) is Missing.ALIAS


async def test_deleted_model_is_missing_and_no_error(store: Store, name: str) -> None:
    """As is a model that never was."""
    ref = champion(store, name)
    store.delete_model(name)
    assert await found(store.registry, ref) is Missing.MODEL


async def test_model_made_anew_is_another_version(store: Store, name: str) -> None:
    """Although its name and number are the same."""
    old = await identity(store.registry, champion(store, name))
    store.delete_model(name)
    new = await identity(store.registry, champion(store, name))
    assert (new.name, new.version) == (old.name, old.version)
    assert new != old


async def test_renamed_model_is_missing_and_another_one_by_its_new_name(
    store: Store, name: str
) -> None:
    """With its aliases: whoever follows the old name is told, and serves on."""
    ref, renamed = champion(store, name), ModelRef(f"{name} renamed", "champion")
    old = await identity(store.registry, ref)
    store.rename_model(name, renamed.name)
    resolutions = (await store.registry.resolve([ref, renamed])).found
    assert resolutions[ref] is Missing.MODEL
    assert isinstance(resolutions[renamed], VersionId)
    assert resolutions[renamed] != old


async def test_several_aliases_that_move_between_two_looks_are_all_seen(
    store: Store, name: str
) -> None:
    """Of several models, in every direction, by one look."""
    refs = [
        ModelRef(f"{name} {model}", alias)
        for model in ("one", "two")
        for alias in ("champion", "challenger", "shadow")
    ]
    for model in ("one", "two"):
        for _ in range(2):
            store.register(f"{name} {model}")
    for ref, number in zip(refs, "121212", strict=True):
        store.point(ref, number)
    await store.registry.resolve(refs)
    for ref, number in zip(refs[:5], "21212", strict=True):
        store.point(ref, number)
    store.unpoint(refs[5])
    found = (await store.registry.resolve(refs)).found
    assert [getattr(found[ref], "version", found[ref]) for ref in refs] == [
        *"21212",
        Missing.ALIAS,
    ]


async def test_fetch_says_which_version_it_has_brought(store: Store, name: str) -> None:
    """With a signature and a ready request, since the model has them."""
    version = await identity(store.registry, champion(store, name))
    brought = await fetched(store.registry, version)
    assert brought.version == version
    assert brought.source
    assert brought.signature is not None
    assert brought.signature["inputs"]
    assert "python_function" in brought.flavors
    assert brought.serving_example


async def test_deleted_version_cannot_be_fetched(store: Store, name: str) -> None:
    """Not the version's fault: the alias will move on."""
    version = await identity(store.registry, champion(store, name))
    store.delete_version(name, "1")
    with pytest.raises(PassingFault) as failure:
        await fetched(store.registry, version)
    assert (failure.value.stage, failure.value.reason) == ("fetch", "version_gone")


async def test_version_of_a_model_made_anew_is_not_fetched_for_the_old_one(
    store: Store, name: str
) -> None:
    """Another model's code would run under the old one's name."""
    old = await identity(store.registry, champion(store, name))
    store.delete_model(name)
    store.register(name)
    with pytest.raises(PassingFault) as failure:
        await fetched(store.registry, old)
    assert failure.value.reason == "version_gone"


async def test_tags_are_those_of_now(store: Store, name: str) -> None:
    """They change without the alias moving, and a version that is fetched again has them too."""
    version = await identity(store.registry, champion(store, name))
    assert await store.registry.tags([version]) == {version: {}}
    store.tag(name, "1", "validated", "yes")
    assert await store.registry.tags([version]) == {version: {"validated": "yes"}}
    assert (await fetched(store.registry, version)).tags == {"validated": "yes"}


async def test_deleted_version_has_no_tags(store: Store, name: str) -> None:
    """The others are answered."""
    ref = champion(store, name)
    gone = await identity(store.registry, ref)
    store.point(ref, store.register(name))
    there = await identity(store.registry, ref)
    store.delete_version(name, "1")
    assert await store.registry.tags([gone, there]) == {gone: None, there: {}}


async def test_p23_registry_says_which_versions_it_has(store: Store, name: str) -> None:
    """Not one that was deleted, that never was, or of a model that it does not have."""
    champion(store, name)
    store.register(name)
    store.delete_version(name, "1")
    asked = [(name, "1"), (name, "2"), (name, "99"), (f"no {name}", "1")]
    assert [await store.registry.exists(*each) for each in asked] == [False, True, False, False]


async def test_version_is_identified_by_its_number_as_looks_identify_it(
    store: Store, name: str
) -> None:
    """None where there is none."""
    found = await identity(store.registry, champion(store, name))
    assert await store.registry.identify(name, found.version) == found
    assert await store.registry.identify(name, "99") is None
    assert await store.registry.identify(f"no {name}", "1") is None


HOSTILE = [
    "a@b",
    "Schönes Modell 模型",
    'it\'s "quoted"',
    " spaces ",
    "%2e%2e",
    "a?b#c&d=e",
    "$(x)`y`",
    "<script>alert(1)<&gt;",
    "نموذج\u202e",
    "_%' OR name LIKE '%",
    "\\",
]


async def test_hostile_names_are_resolved_and_fetched(store: Store, name: str) -> None:
    """They reach the registry as they are, and no path."""
    refs = [ModelRef(f"{hostile}{name}{hostile}", "übung") for hostile in HOSTILE]
    for ref in refs:
        store.point(ref, store.register(ref.name))
    versions = [await identity(store.registry, ref) for ref in refs]
    assert [version.name for version in versions] == [ref.name for ref in refs]
    brought = await asyncio.gather(*(fetched(store.registry, version) for version in versions[:2]))
    assert [each.version for each in brought] == versions[:2]


async def test_look_tells_which_aliases_are_held(store: Store, name: str) -> None:
    """With where they point, also by patterns, and where there is no such alias any more."""
    ref, gone = champion(store, name), ModelRef(name, "gone")
    store.hold(ref, "an audit,until=2026-12-01T08:00:00Z")
    store.hold(gone, "an audit")
    store.hold(ModelRef(name, "other"), "not asked about")
    until = datetime(2026, 12, 1, 8, tzinfo=UTC)
    answer = await store.registry.resolve([ref, gone])
    assert answer.holds == {ref: Hold("an audit", until), gone: Hold("an audit")}
    assert (answer.found[gone], isinstance(answer.found[ref], VersionId)) == (Missing.ALIAS, True)
    answer = await store.registry.survey([], [RefPattern(name, "champion")], 100)
    assert answer.holds == {ref: Hold("an audit", until)}
    store.hold(ref, "false")
    assert (await store.registry.resolve([ref])).holds == {}


async def test_look_tells_what_tags_say_of_rollout(store: Store, name: str) -> None:
    """By references that were asked about, and by patterns; what is unknown is named."""
    ref = champion(store, name)
    assert (await store.registry.resolve([ref])).rollout == {ref: NO_TAGS}
    store.tag_model(name, "podium.split.champion", "challenger=10")
    store.tag_model(name, "podium.bake.champion", "x" * 900)
    store.tag_model(name, "podium.split.other", "v1=5")
    store.tag_model(name, "podium.spilt.champion", "challenger=10")
    said = RolloutTags(split="challenger=10", bake="x" * (LONGEST_VALUE + 1))
    for answer in (
        await store.registry.resolve([ref]),
        await store.registry.survey([], [RefPattern(name, "champion")], 100),
    ):
        assert answer.rollout == {ref: said}
    answer = await store.registry.resolve([ref])
    assert {each: list(told) for each, told in answer.unknown_tags.items()} == {
        name: ["podium.spilt.champion"]
    }


async def test_look_tells_where_what_tags_name_is(store: Store, name: str) -> None:
    """Aliases and versions, those that are not there too; and of versions that are asked about."""
    ref = champion(store, name)
    first = await identity(store.registry, ref)
    store.point(ModelRef(name, "challenger"), store.register(name))
    store.tag_model(name, "podium.split.champion", "challenger=10,v1=5")
    store.tag_model(name, "podium.shadow.champion", "v9")
    second = replace(first, version="2")
    named = {
        ModelRef(name, "challenger"): second,
        ModelRef(name, "v1"): first,
        ModelRef(name, "v9"): Missing.ALIAS,
    }
    answer = await store.registry.resolve([ref])
    assert answer.named == named
    answer = await store.registry.resolve([ref, *named])
    assert answer.found == {ref: first, **named}
    store.tag_model(name, "podium.split.champion", "")
    answer = await store.registry.survey([*named], [RefPattern(name, "champion")], 100)
    assert answer.found == {ref: first, **named}
    store.delete_version(name, "1")
    gone = await store.registry.resolve([ModelRef(name, "v1")])
    assert gone.found == {ModelRef(name, "v1"): Missing.ALIAS}


async def test_versions_that_are_tagged_are_blocked(store: Store, name: str) -> None:
    """Withdrawn or not; one that is not any more is free."""
    ref = champion(store, name)
    first = await identity(store.registry, ref)
    store.point(ref, store.register(name))
    second = await identity(store.registry, ref)
    for number in ("1", "2"):
        store.tag(name, number, "podium.blocked", f"unfair {number}")
    store.tag(name, "2", "podium.withdrawn", "true")
    asked = store.registry.marks
    said = await asked([name], [first, second], [first])
    assert dict(said.blocked) == {first: "unfair 1", second: "unfair 2"}
    assert (set(said.withdrawn), set(said.free)) == ({second}, {first})
    store.tag(name, "1", "podium.blocked", "false")
    said = await asked([name], [first, second], [first, second])
    assert (set(said.blocked), set(said.free)) == ({second}, {first})


async def test_p23_versions_that_are_tagged_are_withdrawn(store: Store, name: str) -> None:
    """Of the models that are named; those that were and are not any more are free, unless gone."""
    ref = champion(store, name)
    first = await identity(store.registry, ref)
    store.point(ref, store.register(name))
    second = await identity(store.registry, ref)
    store.register(f"{name} other")
    store.tag(f"{name} other", "1", "podium.withdrawn", "true")
    store.tag(name, "1", "podium.withdrawn", "leaks names")
    store.tag(name, "2", "podium.withdrawn", "false")
    asked = store.registry.marks
    said = await asked([name], [first, second], [first, second])
    assert (dict(said.withdrawn), set(said.free)) == ({first: "leaks names"}, {second})
    store.tag(name, "1", "podium.withdrawn", "true")
    store.delete_version(name, "2")
    said = await asked([name], [first], [first, second])
    assert (dict(said.withdrawn), set(said.free)) == ({first: ""}, set())
    store.delete_model(name)
    said = await asked([name], [first], [first])
    assert (dict(said.withdrawn), set(said.free)) == ({}, set())
