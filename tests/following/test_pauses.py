"""Pauses grow with each failure, and begin anew after a success (P7, P13)."""

import pytest

from service.errors import PassingFault
from service.following.ports import Missing, Resolution
from service.following.pursuit import Pursuit
from tests.following.fakes import World, version


def lose(world: World) -> None:
    """What serves has lost its files, and cannot come back by itself."""
    for predictor in world.stager.predictors.values():
        predictor.ready, predictor.irreplaceable = False, True


@pytest.mark.parametrize("found", [version(1), Missing.ALIAS], ids=["aspired", "without an alias"])
async def test_p7_version_that_needed_five_tries_is_brought_anew_without_their_pauses(
    found: Resolution,
) -> None:
    """A month later it loses its files, and then fails once: the next try is a second away."""
    world = World()
    await serve_after_five_tries(world)
    await world.follow_to(found)
    world.time.now += 30 * 24 * 3600
    lose(world)
    world.registry.fetch_errors[version(1)] = passing("disk")
    before = len(world.registry.fetched)
    await world.follow()
    world.time.now += 1
    await world.follow()
    assert len(world.registry.fetched) == before + 2


async def test_p7_renewal_begins_pauses_anew_too() -> None:
    """Lost, brought anew in five tries, and lost again: the first pause is a second."""
    world = World()
    await world.follow_to(version(1))
    lose(world)
    await serve_after_five_tries(world)
    assert not world.slot.irreplaceable
    assert world.slot.pursuit == Pursuit(version(1))


async def test_p7_last_known_good_that_stands_in_leaves_the_pauses_of_what_fails() -> None:
    """It is not a success of the version that the alias is on."""
    world = World()
    await world.follow_to(version(1))
    other = World(history=world.history)
    other.registry.fetch_errors[version(2)] = passing("disk")
    await other.follow_to(version(2))
    await other.follow()
    assert (other.slot.version, other.slot.pursuit.attempts) == (version(1), 1)
    assert other.slot.pursuit.due > other.time.now


def passing(reason: str) -> PassingFault:
    """A fault that passes."""
    return PassingFault("fetch", reason, "The artifact could not be fetched.")


async def serve_after_five_tries(world: World) -> None:
    """Each after its pause."""
    world.registry.fetch_errors[version(1)] = passing("disk")
    world.move(version(1))
    for _ in range(5):
        await world.follow()
        world.time.now += 60
    assert world.slot.pursuit.attempts == 5
    world.registry.fetch_errors.clear()
    await world.follow()
    assert world.slot.ready
