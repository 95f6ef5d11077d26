"""The alias moves at the worst moment, the version goes, the clock jumps."""

import asyncio

import pytest

from service.errors import PassingFault
from service.following.follower import Follower
from service.following.gates.gate import Gates
from service.following.ports import Clock
from service.refs import VersionId
from tests.following.fakes import FakeTombstones, World, version
from tests.following.test_follower import BROKEN, DOWN


async def test_alias_moved_during_the_look_up_is_found_by_the_next_one() -> None:
    """What the look has found is worked on until then, and then ended."""
    world = World()
    world.move(version(1))
    world.registry.look_gate = asyncio.Event()
    ticking = asyncio.create_task(world.follower.tick())
    await world.registry.looking.wait()
    world.move(version(2))
    world.registry.look_gate.set()
    await ticking
    assert world.slot.aspired == version(1)
    await world.follow()
    assert world.slot.version == version(2)


@pytest.mark.parametrize("stage", ["fetch", "load and warm-up"])
async def test_p6_alias_moved_during_any_stage_ends_on_the_newest(stage: str) -> None:
    """What is left behind is ended, and never swapped in."""
    world = World()
    await world.follow_to(version(1))
    gates = world.registry.fetch_gates if stage == "fetch" else world.stager.gates
    gates[version(2)] = asyncio.Event()
    world.move(version(2))
    await world.follower.tick()
    await asyncio.sleep(0)
    await world.follow_to(version(3))
    assert world.slot.version == version(3)
    assert version(2) not in [new for _, _, new in world.events.of("swapped")]
    assert world.events.of("abandoned") == [(version(2),)]


async def test_p6_alias_moved_a_hundred_times_in_a_second_ends_on_the_last() -> None:
    """Each look works on what it finds; nothing that was left behind is swapped in late."""
    world = World()
    await world.follow_to(version(1))
    for move in range(100):
        wanted = version(2 + move % 7)
        world.stager.gates[wanted] = asyncio.Event()
        world.move(wanted)
        world.time.now += 0.01
        await world.follower.tick()
        await asyncio.sleep(0)
    for gate in world.stager.gates.values():
        gate.set()
    await world.follower.settled()
    assert world.slot.version == wanted
    assert len(world.events.of("swapped")) == 2
    assert world.slot.status.lag(world.time.now) == 0
    assert {predictor.closed for predictor in world.stager.predictors.values()} == {False}


async def test_p4_version_deleted_while_it_serves_goes_on_serving() -> None:
    """Its aliases go with it; the slot says so, and the next move is followed."""
    world = World()
    for _ in range(2):
        world.registry.register("iris")
    first, second = world.registry.models["iris"]
    await world.follow_to(first)
    world.registry.delete_version(first)
    await world.follow()
    assert (world.slot.version, world.slot.ready) == (first, True)
    assert world.slot.failure is not None
    assert world.slot.failure.code == "alias_missing"
    await world.follow_to(second)
    assert world.slot.version == second


async def test_version_deleted_before_it_is_fetched_keeps_the_old_one() -> None:
    """A fault that passes: the alias will be elsewhere at the next look."""
    world = World()
    await world.follow_to(version(1))
    world.registry.gone.add(version(2))
    await world.follow_to(version(2))
    assert world.slot.version == version(1)
    assert world.slot.failure is not None
    assert world.slot.failure.code == "version_gone"


class Jumping(World):
    """A world whose clock on the wall is set, while time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.wall = 2_000_000_000.0
        clock = Clock(wall=lambda: self.wall, monotonic=lambda: self.time.now)
        self.follower = Follower(
            self.slots,
            self.registry,
            self.stager,
            self.events,
            clock,
            poll_seconds=1.0,
            keep_warm_seconds=60.0,
            gates=Gates(),
            history=self.history,
            ledger=self.ledger,
            tombstones=FakeTombstones(),
        )


async def test_clock_set_back_breaks_neither_pauses_nor_lag_nor_ledger() -> None:
    """Intervals are measured on a clock that nobody sets; the ledger's order is its ids'."""
    world = Jumping()
    await world.follow_to(version(1))
    world.registry.fetch_errors[version(2)] = PassingFault("fetch", "disk", "No.")
    await world.follow_to(version(2))
    world.wall -= 86_400
    assert world.slot.status.lag(world.wall) == 0
    world.time.now += 0.5
    await world.follow()
    assert len(world.registry.fetched) == 2
    world.registry.fetch_errors.clear()
    world.time.now += 0.6
    await world.follow()
    assert world.slot.version == version(2)
    newest = world.ledger.page(10)
    assert [entry.id for entry in newest] == [3, 2, 1]
    assert newest[0].at < newest[1].at
    assert [entry.id for entry in world.ledger.page(10, before=3)] == [2, 1]
    assert newest[0].seconds is not None
    assert min(newest[0].seconds.values()) >= 0
    world.time.now += 61
    await world.follow()
    assert world.stager.predictors[version(1)].closed


async def test_clock_set_forward_retires_nothing_early() -> None:
    """A version stays warm for its time, not for the clock's."""
    world = Jumping()
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    world.wall += 86_400
    await world.follow()
    assert not world.stager.predictors[version(1)].closed


async def test_p13_passing_fault_is_in_the_ledger_once() -> None:
    """An outage of a day must not push everything else out of it."""
    world = World()
    world.registry.fetch_errors[version(1)] = PassingFault("fetch", "disk", "No.")
    world.move(version(1))
    for _ in range(50):
        world.time.now += 60
        await world.follow()
    assert [entry.code for entry in world.ledger.page(10)] == ["disk"]
    world.registry.fetch_errors[version(1)] = BROKEN
    world.time.now += 60
    await world.follow()
    assert [entry.code for entry in world.ledger.page(10)] == ["load_failed", "disk"]


async def test_outage_is_no_entry_of_the_ledger() -> None:
    """Looks that fail swap and refuse nothing."""
    world = World()
    await world.follow_to(version(1))
    world.registry.down = DOWN
    await world.follow()
    assert len(world.ledger.page(10)) == 1
    assert isinstance(world.slot.version, VersionId)
