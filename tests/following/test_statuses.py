"""Snapshots of how slots are: the same while nothing changes, and told to whoever follows them."""

import asyncio
import gc
from collections.abc import AsyncIterator
from dataclasses import FrozenInstanceError

import pytest

from service.following.ports import Missing
from service.following.slot_status import ServiceStatus, SlotStatus
from service.refs import ModelRef
from tests.following.fakes import World, version
from tests.following.test_follower import BROKEN
from tests.following.test_pauses import lose

SLOT = "iris@champion"


async def test_snapshot_is_the_same_object_while_nothing_changes() -> None:
    """Of a slot; of all of them, another look makes another, whose slots are the same."""
    world = World()
    await world.follow_to(version(1))
    slot, service = world.slot.status, world.slots.status
    assert world.slots.status is service
    world.time.now += 5
    await world.follow()
    assert world.slot.status is slot
    assert world.slots.status.slots[SLOT] is slot
    assert world.slots.status.look.succeeded_at == world.time.now


async def test_snapshot_stays_what_it_was() -> None:
    """Whatever the slot has come to."""
    world = World()
    await world.follow_to(version(1))
    before = world.slot.status
    await world.follow_to(version(2))
    assert (before.version, before.epoch) == (version(1), 1)
    assert (world.slot.status.version, world.slot.status.epoch) == (version(2), 2)
    with pytest.raises(FrozenInstanceError):
        before.version = None  # type: ignore[misc]


async def test_snapshot_sees_a_host_that_ended_before_any_look() -> None:
    """Readiness is of now."""
    world = World()
    await world.follow_to(version(1))
    assert world.slots.status.readiness.ready
    world.stager.predictors[version(1)].ready = False
    assert (world.slot.status.ready, world.slots.status.readiness.not_ready) == (False, [SLOT])


async def test_follower_of_statuses_sees_every_state_in_which_a_slot_stays() -> None:
    """A load, a swap, a refusal, an alias that is gone, a host that ended, an operator's wish."""
    world = World()
    statuses = world.slots.statuses()
    assert (await now(statuses)).state == "empty"
    gate = world.stager.gates[version(1)] = asyncio.Event()
    world.move(version(1))
    await world.follower.tick()
    assert (await now(statuses)).state == "loading"
    gate.set()
    await world.follower.settled()
    assert (await now(statuses)).state == "serving"
    world.stager.errors[version(2)] = BROKEN
    await world.follow_to(version(2))
    assert (await now(statuses)).quarantined == version(2)
    world.follower.reload(ModelRef("iris", "champion"))
    assert (await now(statuses)).quarantined is None
    await world.follow_to(Missing.ALIAS)
    assert (await now(statuses)).gone
    lose(world)
    await world.follower.tick()
    assert not (await now(statuses)).ready
    await world.follower.settled()
    await world.follower.withdrawing.withdraw("iris", "1")
    assert (await now(statuses)).state == "withdrawn"


async def test_follower_of_statuses_waits_while_nothing_changes() -> None:
    """It is woken by the next change, whoever made it."""
    world = World()
    statuses = world.slots.statuses()
    first = await anext(statuses)
    waiting = asyncio.ensure_future(anext(statuses))
    await asyncio.sleep(0)
    world.slots.changed()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    await world.follow_to(version(1))
    assert (await waiting).slots[SLOT] != first.slots[SLOT]


async def test_slow_follower_of_statuses_gets_the_newest_and_holds_nobody_up() -> None:
    """Fifty swaps later it is told of the last one, and then of nothing."""
    world = World()
    slow, quick = world.slots.statuses(), world.slots.statuses()
    await anext(slow)
    for number in range(1, 51):
        await world.follow_to(version(number))
        assert (await now(quick)).version == version(number)
    assert (await anext(slow)).slots[SLOT].version == version(50)
    ended = asyncio.ensure_future(anext(slow))
    await asyncio.sleep(0)
    assert not ended.done()
    ended.cancel()


async def test_nothing_is_kept_for_slow_followers_of_statuses() -> None:
    """However many there are, and however much changes meanwhile."""
    world = World()
    slow = [world.slots.statuses() for _ in range(20)]
    for each in slow:
        await anext(each)
    before = snapshots()
    for number in range(1, 51):
        await world.follow_to(version(number))
        _ = world.slots.status
    assert snapshots() <= before + 2


def snapshots() -> int:
    """How many are in memory."""
    gc.collect()
    return sum(type(each) is ServiceStatus for each in gc.get_objects())


async def now(statuses: AsyncIterator[ServiceStatus]) -> SlotStatus:
    """What somebody is told of the slot who asks for the next status."""
    return (await anext(statuses)).slots[SLOT]
