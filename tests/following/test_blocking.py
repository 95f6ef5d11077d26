"""A blocked version serves nobody new, and gives way to what was proven before it."""

import asyncio

import pytest

from service.errors import PassingFault, VersionFault
from service.following.gates.blocked import BlockedGate
from service.following.gates.gate import Gates
from service.following.ledger import LedgerOutcome
from service.following.ports import Missing
from tests.following.fakes import FakeHistory, World, version
from tests.following.test_holding import hold
from tests.following.test_withdrawing import serving, withdrawn


def block(world: World, *numbers: int) -> None:
    """These versions have the tag, and no others."""
    fields = world.registry.fetched_fields
    fields.clear()
    fields |= {version(each): {"tags": {"podium.blocked": "unfair"}} for each in numbers}


def new_world(history: FakeHistory | None = None) -> World:
    """A service with the gate."""
    return World(history=history, gates=Gates(of_version=(BlockedGate(),)))


def restarted(world: World) -> World:
    """Another service with the same home, and the same registry."""
    again = new_world(world.history)
    vars(again.registry).update(vars(world.registry))
    return again


async def test_slot_that_serves_what_is_blocked_goes_back_to_what_it_served_before() -> None:
    """In the tick that sees it, where that is warm; told once, with why."""
    world = await serving(1, 2, world=new_world())
    block(world, 2)
    for _ in range(3):
        await world.follow()
    status = world.slot.status
    assert (status.version, status.aspired, status.blocked) == (version(1), version(2), version(2))
    assert status.failure is not None
    assert (status.state, status.failure.code, status.failure.detail) == (
        *("refused", "blocked"),
        "unfair",
    )
    assert status.on_last_known_good
    assert world.stager.staged == [version(1), version(2)]
    swap, refusal = world.ledger.page(2)
    assert (swap.outcome, swap.code, swap.last_known_good) == ("swapped", "blocked", True)
    assert (swap.reason, refusal.reason) == ("unfair", "unfair")
    assert (refusal.outcome, refusal.code, refusal.version) == ("refused", "blocked", "2")
    assert world.events.of("refused") == [("iris@champion", version(2), "blocked")]


async def test_version_that_is_not_warm_is_brought_while_the_blocked_one_answers() -> None:
    """Nothing that serves is lost meanwhile."""
    world = await serving(1, 2, world=World(keep_warm_seconds=0.0))
    world.registry.fetch_gates[version(1)] = gate = asyncio.Event()
    block(world, 2)
    await world.follower.tick()
    assert world.slot.version == version(2)
    gate.set()
    await world.follower.settled()
    assert world.slot.version == version(1)


async def test_latest_proven_version_is_taken_that_is_neither_blocked_nor_withdrawn() -> None:
    """Whatever stands between."""
    world = await serving(1, 2, 3, 4, world=new_world())
    await withdrawn(world, 3)
    block(world, 2, 4)
    world.registry.tagged = {version(2), version(4)}  # as a search finds them
    await world.follow()
    assert world.slot.version == version(1)


@pytest.mark.parametrize(
    "error",
    [
        PassingFault("fetch", "version_gone", "It is gone."),
        VersionFault("load", "load_failed", "It cannot be loaded."),
    ],
)
async def test_proven_version_that_cannot_be_had_is_passed_over(error: Exception) -> None:
    """The next one is tried at the next look that is due."""
    world = await serving(1, 2, 3, world=World(keep_warm_seconds=0.0))
    world.registry.fetch_errors[version(2)] = error  # type: ignore[assignment]
    block(world, 3)
    for _ in range(3):
        await world.follow()
        world.time.now += 60
    assert world.slot.version == version(1)


async def test_blocked_version_with_nothing_before_it_serves_on() -> None:
    """What serves is not lost for a mark; a start does not bring it into service."""
    world = await serving(1, world=new_world())
    block(world, 1)
    for _ in range(2):
        await world.follow()
    status = world.slot.status
    assert (status.version, status.blocked, status.ready) == (version(1), version(1), True)
    assert status.failure is not None
    assert status.failure.code == "blocked"
    again = restarted(world)
    for _ in range(2):
        await again.follow()
    assert (again.slot.version, again.stager.staged) == (None, [])
    assert again.slot.status.is_refused_for_good


async def test_slot_serves_what_was_proven_after_a_restart_too() -> None:
    """With the registry or without it; also where the version was blocked meanwhile."""
    world = await serving(1, 2, world=new_world())
    meanwhile = restarted(world)
    block(meanwhile, 2)
    for _ in range(3):
        await meanwhile.follow()
        meanwhile.time.now += 60
    assert meanwhile.slot.version == version(1)
    block(world, 2)
    await world.follow()
    silent = restarted(world)
    silent.registry.down = PassingFault("look", "registry_unreachable", "silent")
    await silent.follow()
    assert silent.slot.version == version(1)
    again = restarted(world)
    again.registry.down = None
    await again.follow()
    assert again.slot.version == version(1)


async def test_start_with_a_silent_registry_brings_nothing_into_service_that_was_blocked() -> None:
    """It is known from before, with why, until the registry says otherwise."""
    world = await serving(1, world=new_world())
    block(world, 1)
    await world.follow()
    assert world.slot.version == version(1)
    silent = restarted(world)
    silent.registry.down = PassingFault("look", "registry_unreachable", "silent")
    for _ in range(3):
        await silent.follow()
        silent.time.now += 60
    status = silent.slot.status
    assert (status.version, status.blocked, silent.stager.staged) == (None, version(1), [])
    silent.registry.down = None
    for _ in range(2):
        await silent.follow()
        silent.time.now += 60
    assert silent.slot.version is None
    block(silent)
    await silent.follow()
    status = silent.slot.status
    assert (status.version, status.blocked) == (version(1), None)
    assert not world.history.blocked(silent.slot.ref)


async def test_unblocked_version_is_taken_again() -> None:
    """Within one look."""
    world = await serving(1, 2, world=new_world())
    block(world, 2)
    await world.follow()
    block(world)
    await world.follow()
    status = world.slot.status
    assert (status.version, status.blocked, status.failure) == (version(2), None, None)
    assert world.ledger.page(1)[0].outcome == LedgerOutcome.SWAPPED


async def test_alias_that_moves_to_a_blocked_version_moves_nothing() -> None:
    """It is not even fetched; nor where only the gate has seen the tag."""
    world = await serving(1, world=new_world())
    block(world, 2)
    await world.follow_to(version(2))
    assert (world.slot.version, world.registry.fetched) == (version(1), [version(1)])
    assert world.slot.status.state == "refused"
    assert not world.slot.status.on_last_known_good


async def test_version_that_the_gate_alone_has_refused_is_tried_once_a_look_says_it_is_free() -> (
    None
):
    """A look that has no time for it says nothing."""
    world = await serving(1, world=new_world())
    world.registry.most_tags = 0
    block(world, 2)
    world.move(version(2))
    world.follower.withdrawing._asked |= {version(2)}
    await world.follow()
    assert world.slot.pursuit.fault == "blocked"
    await world.follow()
    assert world.registry.fetched.count(version(2)) == 1
    block(world)
    await world.follow()
    assert world.slot.version == version(2)


async def test_held_slot_gives_up_what_is_blocked_as_well() -> None:
    """And stays on what it goes back to."""
    world = await serving(1, 2, world=new_world())
    hold(world)
    block(world, 2)
    await world.follow()
    assert world.slot.version == version(1)
    block(world)
    await world.follow()
    assert (world.slot.version, world.slot.status.failure) == (version(1), None)


async def test_p23_withdrawn_version_that_is_blocked_too_leaves_its_slot_empty() -> None:
    """Withdrawing is the stronger wish."""
    world = await serving(1, 2, world=new_world())
    await withdrawn(world, 2)
    block(world, 2)
    for _ in range(2):
        await world.follow()
    assert world.slot.status.state == "withdrawn"


async def test_slot_that_a_missing_alias_has_emptied_stays_empty() -> None:
    """Though what it served is blocked, and something was proven before it."""
    world = await serving(1, 2, world=World(keeps_missing=False))
    world.move(Missing.ALIAS)
    block(world, 2)
    for _ in range(3):
        await world.follow()
    assert world.slot.version is None
