"""A start on a version that does not become ready: what was served before stands in for it."""

import asyncio
from collections.abc import Callable

import pytest

from service.errors import PassingFault, VersionFault
from service.following.fallback import STAND_IN_SECONDS
from service.following.history import ServedBefore
from service.refs import VersionId
from service.rollout_tags import RolloutTags
from tests.following.fakes import World, version
from tests.following.test_follower import BROKEN, DOWN
from tests.following.test_last_known_good import world_that_knew
from tests.support.serving import fetched_version


async def turns_until(done: Callable[[], bool]) -> None:
    """Lets everything run that can, until it is so."""
    for _ in range(100):
        if done():
            return
        await asyncio.sleep(0)
    raise AssertionError("nothing more happens")


async def world_whose_start_hangs(aspired: VersionId | None = None) -> World:
    """Version 1 has served before the start; the alias is on version 2, whose load hangs."""
    world = world_that_knew(1)
    world.registry.down = None
    wanted = aspired or version(2)
    world.stager.gates[wanted] = asyncio.Event()
    world.move(wanted)
    await world.follower.tick()
    await world.stager.entered[wanted].wait()
    return world


async def later(world: World, seconds: float = STAND_IN_SECONDS) -> None:
    """That much time passes; one tick, and whatever of it needs nobody's permission."""
    world.time.now += seconds
    await world.follower.tick()
    for _ in range(20):
        await asyncio.sleep(0)


async def released(world: World, wanted: VersionId) -> None:
    """Its load goes on, and everything comes to its end."""
    world.stager.gates[wanted].set()
    await world.follow()


async def test_p2_start_on_a_version_that_hangs_serves_the_last_known_good() -> None:
    """After ten seconds, and says so with since when; the load goes on meanwhile."""
    world = await world_whose_start_hangs()
    await later(world, STAND_IN_SECONDS - 0.1)
    assert (world.slot.status.state, world.stager.staged) == ("loading", [version(2)])
    await later(world, 0.1)
    status = world.slot.status
    assert (status.version, status.state, status.ready) == (version(1), "serving", True)
    assert (status.aspired, status.lag(world.time.now)) == (version(2), STAND_IN_SECONDS)
    assert status.last_known_good_since == world.time.now
    await later(world)
    assert world.slot.status.last_known_good_since == world.time.now - 10
    assert world.stager.cancelled == []
    assert world.ledger.page(1)[0].last_known_good
    await released(world, version(2))


async def test_p2_version_that_was_late_replaces_the_last_known_good_for_good() -> None:
    """The one is swapped for the other, which never comes back."""
    world = await world_whose_start_hangs()
    await later(world)
    await released(world, version(2))
    for _ in range(3):
        await later(world)
    status = world.slot.status
    assert (status.version, status.last_known_good_since) == (version(2), None)
    assert [new for _, _, new in world.events.of("swapped")] == [version(1), version(2)]
    assert world.history.known[world.refs[0]].fetched.version == version(2)
    assert not world.ledger.page(1)[0].last_known_good


async def test_p6_last_known_good_that_comes_after_the_aspired_version_is_not_swapped_in() -> None:
    """It is closed, and the slot holds one version."""
    world = await world_whose_start_hangs()
    world.stager.gates[version(1)] = asyncio.Event()
    await later(world)
    assert world.stager.staged == [version(2), version(1)]
    world.stager.gates[version(2)].set()
    await turns_until(lambda: world.slot.version == version(2))
    world.stager.gates[version(1)].set()
    await turns_until(lambda: version(1) in world.stager.predictors)
    await world.follow()
    assert world.slot.version == version(2)
    assert world.events.of("swapped") == [("iris@champion", None, version(2))]
    assert world.stager.predictors[version(1)].closed


async def test_p6_load_of_the_last_known_good_ends_when_the_aspired_version_serves() -> None:
    """Nobody waits for it any more."""
    world = await world_whose_start_hangs()
    world.stager.gates[version(1)] = asyncio.Event()
    await later(world)
    world.stager.gates[version(2)].set()
    await turns_until(lambda: world.slot.version == version(2))
    await world.follow()
    assert world.stager.cancelled == [version(1)]
    assert (world.slot.version, world.slot.previous) == (version(2), None)


async def test_last_known_good_that_is_the_aspired_version_is_loaded_once() -> None:
    """A service that starts on what it served last has nothing else."""
    world = await world_whose_start_hangs(version(1))
    await later(world)
    await later(world)
    assert world.stager.staged == [version(1)]
    await released(world, version(1))
    assert world.slot.status.last_known_good_since is None


async def test_alias_that_moves_to_the_last_known_good_while_that_loads_takes_it() -> None:
    """Then it is what was found, and no stand-in."""
    world = await world_whose_start_hangs()
    world.stager.gates[version(1)] = asyncio.Event()
    await later(world)
    world.move(version(1))
    await later(world, 0.1)
    await released(world, version(1))
    assert world.stager.staged == [version(2), version(1)]
    assert world.stager.cancelled == [version(2)]
    assert world.slot.version == version(1)
    assert world.slot.status.last_known_good_since is None
    assert not world.ledger.page(1)[0].last_known_good


async def test_alias_that_moves_from_one_hanging_version_to_another_gives_no_more_patience() -> (
    None
):
    """The slot is empty all the same."""
    world = await world_whose_start_hangs()
    await later(world, STAND_IN_SECONDS / 2)
    world.stager.gates[version(3)] = asyncio.Event()
    world.move(version(3))
    await later(world, STAND_IN_SECONDS / 2)
    await later(world, 0.1)
    assert world.slot.version == version(1)
    await released(world, version(3))
    assert world.slot.version == version(3)


async def test_p5_registry_that_dies_while_the_aspired_version_hangs_changes_nothing() -> None:
    """The slot is empty, whoever is to blame."""
    world = await world_whose_start_hangs()
    world.registry.down = DOWN
    await later(world)
    assert world.slot.version == version(1)
    world.registry.down = None
    await released(world, version(2))
    assert world.slot.version == version(2)


async def test_p13_version_that_hangs_and_then_fails_leaves_the_last_known_good() -> None:
    """It is quarantined, and the status says why and on what the slot is."""
    world = await world_whose_start_hangs()
    await later(world)
    world.stager.errors[version(2)] = BROKEN
    await released(world, version(2))
    await later(world)
    status = world.slot.status
    assert (status.version, status.state) == (version(1), "refused")
    assert status.last_known_good_since == 1000.0 + STAND_IN_SECONDS
    assert world.stager.staged == [version(2), version(1)]


async def test_last_known_good_that_fails_too_leaves_the_aspired_version_its_chance() -> None:
    """Neither is loaded twice."""
    world = await world_whose_start_hangs()
    world.stager.errors[version(1)] = BROKEN
    for _ in range(3):
        await later(world, 100)
    assert world.slot.status.state == "loading"
    await released(world, version(2))
    status = world.slot.status
    assert (status.version, status.failure) == (version(2), None)
    assert world.stager.staged == [version(2), version(1)]


async def test_passing_fault_of_the_last_known_good_is_tried_again_with_growing_pauses() -> None:
    """As of any version."""
    world = await world_whose_start_hangs()
    world.stager.errors[version(1)] = PassingFault("load", "no_process", "No.")
    await later(world)
    assert world.stager.staged.count(version(1)) == 1
    await later(world, 0.5)
    assert world.stager.staged.count(version(1)) == 1
    world.stager.errors.clear()
    await later(world, 1)
    assert world.slot.version == version(1)
    await released(world, version(2))


async def test_versions_that_hang_keep_no_last_known_good_waiting() -> None:
    """Two loads at once are allowed, and both hang."""
    names = ("a", "b", "c")
    world = World(*(f"{name}@champion" for name in names))
    for index, name in enumerate(names):
        known = ServedBefore(fetched_version(version(1, name)), 500.0)
        world.history.note(world.refs[index], known)
        world.stager.gates[version(2, name)] = asyncio.Event()
        world.move(version(2, name), index)
    await world.follower.tick()
    await world.stager.entered[version(2, "b")].wait()
    await later(world)
    assert [slot.version for slot in world.slots.values()] == [version(1, name) for name in names]
    assert world.stager.most_at_once <= 4
    for gate in world.stager.gates.values():
        gate.set()
    await world.follow()
    assert [slot.version for slot in world.slots.values()] == [version(2, name) for name in names]


async def test_slot_whose_alias_was_gone_has_patience_from_when_it_is_there() -> None:
    """A new alias is not a late one."""
    world = world_that_knew(1, keeps_missing=False)
    world.registry.down = None
    await world.follow()
    await later(world, 100)
    world.stager.gates[version(2)] = asyncio.Event()
    world.move(version(2))
    await later(world, 1)
    await later(world, STAND_IN_SECONDS - 1)
    assert world.stager.staged == [version(2)]
    await later(world, 1)
    assert world.slot.version == version(1)
    await released(world, version(2))


async def test_new_slot_gets_what_the_tag_names_where_its_version_is_refused() -> None:
    """A new machine whose alias is on what others have found to be bad; it is kept for restarts."""
    world = World()
    one, two = world.registry.register("iris"), world.registry.register("iris")
    world.registry.rollout[world.slot.ref] = RolloutTags(fallback="1")
    world.registry.fetch_errors[two] = VersionFault("fetch", "unusable", "It cannot be used.")
    await world.follow_to(two)
    await world.follow()
    assert (world.slot.version, world.slot.status.on_last_known_good) == (one, True)
    assert world.history.baseline(world.slot.ref) == fetched_version(one)


async def test_new_slot_gets_what_the_tag_names_where_its_version_is_blocked() -> None:
    """The same by an operator's word."""
    world = World()
    one, two = world.registry.register("iris"), world.registry.register("iris")
    world.registry.rollout[world.slot.ref] = RolloutTags(fallback="1")
    world.registry.fetched_fields[two] = {"tags": {"podium.blocked": "bad"}}
    await world.follow_to(two)
    await world.follow()
    assert world.slot.version == one
    assert two not in world.registry.fetched


@pytest.mark.parametrize("named", ["2", "7", "<b>1</b>", "9" * 30, "", "1.0", "champion"])
async def test_tag_that_names_nothing_useful_changes_nothing(named: str) -> None:
    """The refused version itself, one that is not there, or nonsense."""
    world = World()
    world.registry.register("iris")
    two = world.registry.register("iris")
    world.registry.rollout[world.slot.ref] = RolloutTags(fallback=named)
    world.registry.fetch_errors[two] = VersionFault("fetch", "unusable", "It cannot be used.")
    await world.follow_to(two)
    await world.follow()
    assert (world.slot.version, world.slot.has_no_fallback) == (None, True)


async def test_tag_that_names_the_refused_version_counts_once_the_alias_is_elsewhere() -> None:
    """That was useless beside itself alone, and it is mended."""
    world = World()
    three, four = world.registry.register("iris"), world.registry.register("iris")
    world.registry.rollout[world.slot.ref] = RolloutTags(fallback="1")
    unusable = VersionFault("fetch", "unusable", "It cannot be used.")
    world.registry.fetch_errors[three] = unusable
    await world.follow_to(three)
    await world.follow()
    assert world.slot.version is None
    del world.registry.fetch_errors[three]
    world.registry.fetch_errors[four] = unusable
    world.move(four)
    for _ in range(3):
        world.time.now += 100
        await world.follow()
    assert world.slot.version == three


async def test_last_known_good_is_worth_more_than_what_a_tag_names() -> None:
    """And what is fit is served, whatever the tag says."""
    world = World()
    one, two = world.registry.register("iris"), world.registry.register("iris")
    world.registry.rollout[world.slot.ref] = RolloutTags(fallback="2")
    await world.follow_to(one)
    assert world.slot.version == one
    assert two not in world.registry.fetched


@pytest.mark.parametrize("restarts", [False, True])
async def test_slot_whose_only_version_is_blocked_gets_what_the_tag_names(
    *, restarts: bool
) -> None:
    """A pod that came up on a bad version before anybody knew, and one that is started anew."""
    world = World()
    one, two = world.registry.register("iris"), world.registry.register("iris")
    world.registry.rollout[world.slot.ref] = RolloutTags(fallback="1")
    await world.follow_to(two)
    assert world.slot.version == two
    world.registry.fetched_fields[two] = {"tags": {"podium.blocked": "gave way elsewhere"}}
    if restarts:
        await world.follower.close()
        again = World(history=world.history)
        again.registry.models, again.registry.rollout = (
            world.registry.models,
            world.registry.rollout,
        )
        again.registry.fetched_fields = world.registry.fetched_fields
        world = again
        world.move(two)
    for _ in range(3):
        await world.follow()
        world.time.now += 5
    assert world.slot.version == one
