"""Versions that run in environments of their own: built beside what serves, ended when unwanted."""

import asyncio

import pytest

from service.environments.environment import EnvironmentDelayed, EnvironmentRefused
from service.errors import VersionFault
from service.following.history import ServedBefore
from tests.following.environments import FakeEnvironments
from tests.following.fakes import World, version
from tests.support.serving import fetched_version

NOWHERE = EnvironmentRefused("package_nowhere", "The package nowhere is on no index.")
FAILED = EnvironmentDelayed("environment_failed", "uv could not build it.")
DOWN = EnvironmentDelayed("index_unreachable", "The index does not answer.")


def world_of(*wanting: int, slots: int = 1) -> tuple[World, FakeEnvironments]:
    """A service, of which these versions want environments of their own."""
    environments = FakeEnvironments({version(each) for each in wanting})
    refs = [f"iris@alias{each}" for each in range(slots)]
    return World(*refs, environments=environments), environments


async def test_p17_version_is_loaded_in_the_environment_built_for_it() -> None:
    """And told so: the stage in the ledger, and where it runs."""
    world, _ = world_of(2)
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    found = world.stager.environments[version(2)]
    assert (found and found.key, world.stager.environments[version(1)]) == ("key-2", None)
    newest, before = world.ledger.page(2)
    assert "environment" in (newest.seconds or {})
    assert "environment" not in (before.seconds or {})
    assert world.events.of("found_environment") == [(version(2), "key-2")]
    binding = world.slot.binding
    assert binding is not None
    assert binding.servable.runs_in.key == "key-2"


async def test_p2_version_without_an_environment_displaces_nothing() -> None:
    """It is quarantined for its own fault, with the reason."""
    world, environments = world_of(2)
    environments.errors[version(2)] = NOWHERE
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    await world.follow()
    assert world.slot.version == version(1)
    assert world.slot.failure is not None
    assert (world.slot.failure.stage, world.slot.failure.code) == ("environment", "package_nowhere")
    assert environments.begun == [version(2)]
    assert world.stager.staged == [version(1)]


async def test_p13_environment_that_cannot_be_built_now_is_tried_again() -> None:
    """With pauses; the version before goes on."""
    world, environments = world_of(2)
    environments.errors[version(2)] = DOWN
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    environments.errors.clear()
    world.time.now += 2
    await world.follow()
    assert environments.begun == [version(2)] * 2
    assert world.slot.version == version(2)


@pytest.mark.parametrize("reason", ["environment_failed", "environment_timed_out", "disk_full"])
async def test_p13_build_that_fails_each_time_is_tried_less_and_less(reason: str) -> None:
    """Each try costs a whole build: up to a quarter of an hour lies between two; that is said."""
    world, environments = world_of(2)
    environments.errors[version(2)] = EnvironmentDelayed(reason, "It cannot be built.")
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    pauses = await pauses_of(world, environments, 12)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert world.slot.version == version(1)
    assert world.slot.failure is not None
    assert "quarter of an hour" in world.slot.failure.message
    world.follower.reload(world.refs[0])
    await world.follow()
    assert len(environments.begun) == 14


async def test_p13_index_that_is_down_is_asked_each_minute() -> None:
    """That costs next to nothing, and what waits for it is to come soon."""
    world, environments = world_of(2)
    environments.errors[version(2)] = DOWN
    await world.follow_to(version(2))
    assert (await pauses_of(world, environments, 8))[-2:] == [60, 60]


async def pauses_of(world: World, environments: FakeEnvironments, many: int) -> list[int]:
    """Seconds between one try that has failed and the next, to the second."""
    found = []
    for _ in range(many):
        begun, pause = len(environments.begun), 0
        while len(environments.begun) == begun:
            pause += 1
            world.time.now += 1
            await world.follow()
        found.append(pause)
    return found


async def test_p13_what_stands_in_is_not_built_at_full_pace_either() -> None:
    """Its pause begins when a build has failed, however long that took."""
    world, environments = world_of(1)
    environments.errors[version(1)] = FAILED
    world.registry.down = DOWN
    known = ServedBefore(fetched_version(version(1)), 500.0, "key-1")
    world.history.known[world.refs[0]] = known
    gate = environments.gates[version(1)] = asyncio.Event()
    await world.follower.tick()
    await environments.building.wait()
    world.time.now += 600
    gate.set()
    await world.follow()
    assert environments.begun == [version(1)]
    assert world.slot.fallback_pursuit.due == world.time.now + 1


async def test_p6_build_ends_when_the_alias_moves_on() -> None:
    """The newest version comes, and nothing of the other is held."""
    world, environments = world_of(2)
    environments.gates[version(2)] = asyncio.Event()
    world.move(version(2))
    await world.follower.tick()
    await environments.building.wait()
    await world.follow_to(version(3))
    assert environments.cancelled == [version(2)]
    assert world.slot.version == version(3)
    assert world.events.of("abandoned") == [(version(2),)]


async def test_a_build_is_seen_while_it_lasts() -> None:
    """The stage, what it is at, and how many packages there are."""
    world, environments = world_of(1)
    environments.gates[version(1)] = asyncio.Event()
    world.move(version(1))
    await world.follower.tick()
    await environments.building.wait()
    coming = world.slot.status.coming
    assert coming is not None
    assert (coming.version, coming.stage) == (version(1), "environment")
    assert coming.building is not None
    assert (coming.building.step, coming.building.packages) == ("install", 64)
    environments.gates[version(1)].set()
    await world.follow()
    assert world.slot.status.coming is None


async def test_two_builds_keep_no_version_from_its_load() -> None:
    """As many as are loaded at a time; a third version that needs no build serves meanwhile."""
    world, environments = world_of(1, 2, slots=3)
    for number in (1, 2):
        environments.gates[version(number)] = asyncio.Event()
        world.move(version(number), number - 1)
    await world.follower.tick()
    await environments.building.wait()
    world.move(version(3), 2)
    await world.follower.tick()
    slot = world.slots["iris@alias2"]
    async with asyncio.timeout(20):
        async for _ in world.slots.statuses():
            if slot.version is not None:
                break
    assert set(environments.begun) == {version(1), version(2)}
    for gate in environments.gates.values():
        gate.set()
    await world.follow()
    assert world.slots["iris@alias0"].version == version(1)


async def test_environment_is_let_go_with_its_version() -> None:
    """Once nothing of it runs any more, warm or not."""
    world, environments = world_of(1)
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    leases = environments.leases
    assert leases[version(1)].released == 0, "it is kept warm"
    world.time.now += 61
    await world.follow()
    assert leases[version(1)].released == 1


async def test_environment_is_let_go_where_the_load_fails() -> None:
    """Nobody runs in it."""
    world, environments = world_of(1)
    world.stager.errors[version(1)] = VersionFault("load", "load_failed", "It cannot be loaded.")
    await world.follow_to(version(1))
    assert environments.leases[version(1)].released == 1


async def test_version_moves_into_its_own_environment_once_that_can_be_had() -> None:
    """Podium's own stands in until then; its requests are answered throughout."""
    world, environments = world_of(1)
    environments.instead.add(version(1))
    await world.follow_to(version(1))
    first = world.slot.binding
    assert first is not None
    assert world.stager.environments[version(1)] is None
    for _ in range(4):
        world.time.now += 61
        await world.follow()
    assert len(environments.begun) > 2
    assert world.slot.binding is first
    environments.instead.clear()
    world.time.now += 61
    await world.follow()
    assert world.slot.ready
    await world.follow()
    binding = world.slot.binding
    assert binding is not None
    assert binding.servable.runs_in.key == "key-1"
    assert [each.outcome for each in world.ledger.page(5)] == ["swapped"]


async def test_version_stays_in_podiums_once_its_own_is_refused() -> None:
    """That is told, and it is awaited no longer; what serves is not lost for it."""
    world, environments = world_of(1)
    environments.instead.add(version(1))
    await world.follow_to(version(1))
    environments.errors[version(1)] = NOWHERE
    for _ in range(4):
        world.time.now += 61
        await world.follow()
    assert len(environments.begun) == 2
    binding = world.slot.binding
    assert binding is not None
    assert (binding.servable.runs_in.awaited, world.slot.ready) == (False, True)
    newest, before = world.ledger.page(5)
    assert (newest.outcome, newest.code, before.outcome) == (
        "refused",
        "package_nowhere",
        "swapped",
    )


async def test_nothing_is_tried_for_what_serves_no_more() -> None:
    """The alias has moved on."""
    world, environments = world_of(1)
    environments.instead.add(version(1))
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    begun = len(environments.begun)
    for _ in range(3):
        world.time.now += 61
        await world.follow()
    assert len(environments.begun) == begun


async def test_prepared_version_has_its_environment_before_the_alias_moves() -> None:
    """The move itself takes no build."""
    world, environments = world_of(2)
    await world.follow_to(version(1))
    world.registry.models["iris"] = [version(1), version(2)]
    world.follower.preparing.ask(world.slot, "2", 60.0, dry_run=False)
    await world.follow()
    assert environments.begun == [version(2)]
    await world.follow_to(version(2))
    assert environments.begun == [version(2)]
    assert world.slot.version == version(2)


async def test_dry_run_says_what_would_be_built_or_why_nothing_can_be() -> None:
    """And builds nothing."""
    world, environments = world_of(2, 3)
    await world.follow_to(version(1))
    world.registry.models["iris"] = [version(1), version(2), version(3)]
    environments.errors[version(3)] = NOWHERE
    preparing = world.follower.preparing
    for number in ("2", "3"):
        preparing.ask(world.slot, number, 60.0, dry_run=True)
    await world.follow()
    passed, refused = (preparing.told(world.slot, each, dry_run=True) for each in ("2", "3"))
    assert passed.state == "passed"
    assert [each.code for each in passed.findings] == ["environment_to_build"]
    assert [each.failure.code for each in refused.refusals] == ["package_nowhere"]
    assert environments.begun == []
