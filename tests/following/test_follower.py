"""Following, stepped by hand: every promise about moves, failures and outages."""

import asyncio
from itertools import pairwise

import pytest

from service.errors import PassingFault, VersionFault
from service.following.pace import Trigger
from service.following.ports import Missing, Unanswered
from tests.following.fakes import World, version

BROKEN = VersionFault("load", "load_failed", "MLflow could not load the model.")
NO_DISK = PassingFault("fetch", "disk", "The artifact could not be written to the cache.")
DOWN = PassingFault("look", "registry_unreachable", "The registry does not answer.")


async def test_p3_alias_can_move_forwards_and_back() -> None:
    """Versions have no order: each move is followed, in either direction."""
    world = World()
    for number in (1, 2, 1, 3, 1):
        await world.follow_to(version(number))
        assert world.slot.version == version(number)


async def test_p3_alias_moved_away_and_back_between_looks_changes_nothing() -> None:
    """What is aspired is what the last look found."""
    world = World()
    await world.follow_to(version(1))
    await world.follow_to(version(1))
    assert world.stager.staged == [version(1)]


async def test_p2_version_that_cannot_load_keeps_old_serving() -> None:
    """The old version serves, and the slot says which failed, where and why."""
    world = World()
    await world.follow_to(version(1))
    world.stager.errors[version(2)] = BROKEN
    await world.follow_to(version(2))
    status = world.slot.status
    assert (status.state, status.version, status.aspired) == ("refused", version(1), version(2))
    assert status.failure is not None
    assert (status.failure.stage, status.failure.code) == ("load", "load_failed")
    assert status.failure.version == version(2)


async def test_p2_version_serves_only_after_it_was_staged() -> None:
    """While the new version loads, the old one is what requests get."""
    world = World()
    await world.follow_to(version(1))
    gate = world.stager.gates[version(2)] = asyncio.Event()
    world.move(version(2))
    await world.follower.tick()
    await world.stager.entered[version(2)].wait()
    assert world.slot.version == version(1)
    gate.set()
    await world.follower.settled()
    assert world.slot.version == version(2)


async def test_p13_failed_version_is_not_retried_every_tick() -> None:
    """A version's own fault quarantines it until the alias moves."""
    world = World()
    world.stager.errors[version(1)] = BROKEN
    await world.follow_to(version(1))
    world.time.now += 3600
    await world.follow()
    assert world.stager.staged == [version(1)]


async def test_p13_quarantine_ends_when_the_alias_moves_away_and_back() -> None:
    """Moving the alias back is a wish of its own, and is tried anew."""
    world = World()
    world.stager.errors[version(2)] = BROKEN
    await world.follow_to(version(2))
    await world.follow_to(version(1))
    world.stager.errors.clear()
    await world.follow_to(version(2))
    assert world.slot.version == version(2)
    assert world.slot.failure is None


async def test_p13_fault_of_something_else_is_retried_with_growing_pauses() -> None:
    """One second, then two, then four; and then it serves."""
    world = World()
    world.registry.fetch_errors[version(1)] = NO_DISK
    tried_at = []
    world.move(version(1))
    for _ in range(80):
        before = len(world.registry.fetched)
        await world.follow()
        if len(world.registry.fetched) > before:
            tried_at.append(world.time.now)
        world.time.now += 0.25
    pauses = [after - before for before, after in pairwise(tried_at)]
    assert pauses == [1.0, 2.0, 4.0, 8.0]
    world.registry.fetch_errors.clear()
    world.time.now += 60
    await world.follow()
    assert world.slot.version == version(1)


async def test_p4_missing_alias_unloads_nothing() -> None:
    """What serves goes on serving, and says that the alias is gone, once."""
    world = World()
    await world.follow_to(version(1))
    await world.follow_to(Missing.ALIAS)
    await world.follow_to(Missing.ALIAS)
    assert world.slot.version == version(1)
    assert world.slot.ready
    assert world.slot.failure is not None
    assert world.slot.failure.code == "alias_missing"
    assert world.events.of("missing") == [("iris@champion", "alias_missing")]


async def test_p4_deleted_model_unloads_nothing() -> None:
    """The same for the whole model."""
    world = World()
    await world.follow_to(version(1))
    await world.follow_to(Missing.MODEL)
    assert world.slot.version == version(1)
    assert world.slot.failure is not None
    assert world.slot.failure.code == "model_missing"


async def test_p4_alias_that_is_gone_at_start_leaves_the_slot_empty() -> None:
    """Nothing that nobody asked for is served instead."""
    world = World()
    await world.follow_to(Missing.ALIAS)
    assert (world.slot.status.state, world.slot.ready) == ("empty", False)


async def test_p4_alias_that_returns_clears_the_failure() -> None:
    """Set again to what serves, it is as if nothing had been."""
    world = World()
    await world.follow_to(version(1))
    await world.follow_to(Missing.ALIAS)
    await world.follow_to(version(1))
    assert world.slot.failure is None
    assert world.stager.staged == [version(1)]


async def test_p5_registry_outage_keeps_what_serves_and_is_shown_with_its_age() -> None:
    """The look's failure and the time of the last success are there for anybody to see."""
    world = World()
    await world.follow_to(version(1))
    world.registry.down = DOWN
    world.time.now += 30
    await world.follow()
    assert world.slot.ready
    look = world.slots.look
    assert look.failure is not None
    assert (look.failure.code, look.succeeded_at) == ("registry_unreachable", 1000.0)
    world.registry.down = None
    await world.follow_to(version(2))
    assert world.slot.version == version(2)
    assert world.slots.look.failure is None


async def test_p6_alias_moving_during_load_serves_newest() -> None:
    """Work on a version that the alias has left is ended, and it is never swapped in."""
    world = World()
    await world.follow_to(version(1))
    world.stager.gates[version(2)] = asyncio.Event()
    world.move(version(2))
    await world.follower.tick()
    await world.stager.entered[version(2)].wait()
    await world.follow_to(version(3))
    assert world.stager.cancelled == [version(2)]
    assert world.slot.version == version(3)
    assert [new for _, _, new in world.events.of("swapped")] == [version(1), version(3)]


async def test_p6_alias_moving_back_during_load_ends_the_load() -> None:
    """Back to what serves: nothing is left to be done."""
    world = World()
    await world.follow_to(version(1))
    world.stager.gates[version(2)] = asyncio.Event()
    world.move(version(2))
    await world.follower.tick()
    await world.stager.entered[version(2)].wait()
    await world.follow_to(version(1))
    assert world.stager.cancelled == [version(2)]
    assert world.slot.version == version(1)


async def test_p6_alias_moving_during_fetch_ends_the_fetch() -> None:
    """A download that nobody wants any more is given up."""
    world = World()
    world.registry.fetch_gates[version(1)] = asyncio.Event()
    world.move(version(1))
    await world.follower.tick()
    await world.follow_to(version(2))
    assert world.slot.version == version(2)
    assert version(1) not in world.stager.staged


async def test_p6_alias_that_leaves_and_returns_while_a_load_ends_is_served() -> None:
    """The second wish for a version is not mistaken for the work that is being ended."""
    world = World()
    world.stager.gates[version(1)] = asyncio.Event()
    world.move(version(1))
    await world.follower.tick()
    await world.stager.entered[version(1)].wait()
    world.move(version(2))
    await world.follower.tick()
    del world.stager.gates[version(1)]
    await world.follow_to(version(1))
    assert world.slot.version == version(1)


async def test_model_made_anew_under_the_same_name_and_number_is_another_version() -> None:
    """The model's creation time is part of the identity."""
    world = World()
    await world.follow_to(version(1))
    again = version(1, created=1_800_000_000_000)
    await world.follow_to(again)
    assert world.slot.version == again


async def test_lag_grows_while_what_serves_is_not_what_is_wanted() -> None:
    """Seconds since the alias was first seen elsewhere; none when they agree."""
    world = World()
    await world.follow_to(version(1))
    world.stager.errors[version(2)] = BROKEN
    await world.follow_to(version(2))
    world.time.now += 12
    assert world.slot.status.lag(world.time.now) == 12
    await world.follow_to(version(1))
    assert world.slot.status.lag(world.time.now) == 0


async def test_loop_outlives_a_tick_that_fails_unexpectedly() -> None:
    """The failure is told, and the next tick comes."""
    world = World()
    told: asyncio.Queue[Exception] = asyncio.Queue()
    world.events.tick_failed = told.put_nowait  # type: ignore[method-assign,assignment]
    world.registry.aliases = None  # type: ignore[assignment]  # a defect, as far as a tick can tell
    running = asyncio.create_task(world.follower.run())
    async with asyncio.timeout(240):
        for _ in range(2):
            assert isinstance(await told.get(), AttributeError)
            world.follower.look_now(Trigger.OPERATOR)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_model_without_answer_keeps_the_others_followed() -> None:
    """Its slot says why; it goes on serving, and the wish is what it was."""
    world = World("iris@champion", "wine@champion")
    world.move(version(1), 0)
    world.move(version(1, "wine"), 1)
    await world.follow()
    world.move(Unanswered("registry_refused", "The registry answered with an error.", "403"), 0)
    world.move(version(2, "wine"), 1)
    await world.follow()
    iris, wine = world.slots.values()
    assert (iris.version, iris.aspired, iris.ready) == (version(1), version(1), True)
    assert iris.failure is not None
    assert iris.failure.code == "registry_refused"
    assert world.events.of("unanswered") == [("iris@champion", "registry_refused")]
    assert world.events.of("missing") == []
    assert wine.version == version(2, "wine")
    await world.follow_to(version(1))
    assert iris.failure is None


async def test_look_without_answer_hides_no_refusal() -> None:
    """Why a version was refused outlives a look that says nothing about the model."""
    world = World("iris@champion", "wine@champion")
    world.move(version(1, "wine"), 1)
    await world.follow_to(version(1))
    world.stager.errors[version(2)] = BROKEN
    await world.follow_to(version(2))
    await world.follow_to(
        Unanswered("registry_refused", "The registry answered with an error.", "")
    )
    await world.follow_to(version(2))
    assert world.slot.failure is not None
    assert (world.slot.status.state, world.slot.failure.code) == ("refused", "load_failed")
