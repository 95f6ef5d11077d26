"""How long clients of a slot that cannot answer are told to wait (O21)."""

import asyncio

from service.environments.environment import EnvironmentDelayed
from service.following.ports import Missing
from service.following.waiting import seconds_until_ready
from tests.following.fakes import World, version
from tests.following.test_follower import BROKEN, DOWN
from tests.following.test_last_known_good import LOST


def seconds(world: World) -> float:
    """What its clients are told now."""
    return seconds_until_ready(world.slot, world.time.now)


async def test_o21_version_refused_for_good_is_waited_for_a_long_time() -> None:
    """Nothing changes before an operator has moved the alias."""
    world = World()
    world.stager.errors[version(1)] = BROKEN
    await world.follow_to(version(1))
    await world.follow()
    assert seconds(world) == 60
    world.slots.poll_seconds = 300.0
    assert seconds(world) == 300


async def test_o21_slot_that_has_nothing_to_serve_is_waited_for_a_long_time() -> None:
    """Somebody has to set the alias first."""
    world = World()
    await world.follow_to(Missing.ALIAS)
    await world.follow()
    assert (world.slot.status.missing, seconds(world)) == (True, 60)


async def test_o21_version_that_is_tried_again_is_waited_for_until_then() -> None:
    """Its pauses grow."""
    world = World()
    world.stager.errors[version(1)] = LOST
    await world.follow_to(version(1))
    told = [seconds(world)]
    for _ in range(3):
        world.time.now += 100
        await world.follow()
        told.append(seconds(world))
    assert told == [1, 2, 4, 8]


async def test_o21_build_that_is_tried_seldom_is_waited_for_a_minute() -> None:
    """An operator who has mended it asks for a try himself."""
    world = World()
    world.stager.errors[version(1)] = EnvironmentDelayed("disk_full", "The disk is full.")
    await world.follow_to(version(1))
    for _ in range(9):
        world.time.now += 1000
        await world.follow()
    assert world.slot.pursuit.due - world.time.now > 60
    assert seconds(world) == 60


async def test_o21_load_is_waited_for_as_long_as_the_last_one_took() -> None:
    """Else as long again as so far, and never for long."""
    world = World()
    gate = world.stager.gates[version(1)] = asyncio.Event()
    world.move(version(1))
    await world.follower.tick()
    told = []
    for elapsed in (0, 6, 1000):
        world.time.now += elapsed
        told.append(seconds(world))
    world.slot.took_seconds, world.slot.vacant_since = 12.5, world.time.now - 3
    told.append(seconds(world))
    assert told == [1, 6, 30, 10]
    gate.set()
    await world.follower.settled()


async def test_o21_silent_registry_is_waited_for_until_the_next_look() -> None:
    """It may be back by then."""
    world = World()
    world.registry.down = DOWN
    await world.follow()
    assert seconds(world) == 1
    world.slots.poll_seconds = 5.0
    assert seconds(world) == 5
