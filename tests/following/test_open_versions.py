"""Who holds a version: several slots, running requests, and for a while the slot it has left."""

import asyncio
from operator import attrgetter

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from service.errors import PassingFault, VersionFault
from service.following.ports import Missing
from service.following.servable import Traffic
from service.following.slot import Slot
from service.following.slots import Slots
from service.refs import ModelRef
from service.telemetry.metrics.slots import SlotCollector
from tests.following.fakes import World, version
from tests.support.serving import make_binding


async def test_several_aliases_of_one_version_share_a_servable() -> None:
    """One set of processes, however many slots want it."""
    world = World("iris@champion", "iris@shadow")
    world.move(version(1), 0)
    world.move(version(1), 1)
    await world.follow()
    one, other = (slot.binding for slot in world.slots.values())
    assert one is not None
    assert other is not None
    assert one.servable is other.servable
    assert world.stager.staged == [version(1)]


async def test_alias_moved_to_what_another_slot_serves_needs_no_load() -> None:
    """A version that is there already is shared at once."""
    world = World("iris@champion", "iris@shadow", keep_warm_seconds=0)
    world.move(version(1), 0)
    world.move(version(2), 1)
    await world.follow()
    await world.follow_to(version(2))
    assert world.slot.version == version(2)
    assert world.stager.staged == [version(1), version(2)]
    assert world.stager.predictors[version(1)].closed
    assert not world.stager.predictors[version(2)].closed


async def test_at_most_two_versions_load_at_once() -> None:
    """Loading is heavy; what serves needs the machine too."""
    world = World("a@x", "b@x", "c@x")
    for place, name in enumerate("abc"):
        world.move(version(1, name), place)
        world.stager.gates[version(1, name)] = asyncio.Event()
    await world.follower.tick()
    await asyncio.gather(*(world.stager.entered[version(1, name)].wait() for name in "ab"))
    for gate in world.stager.gates.values():
        gate.set()
    await world.follower.settled()
    assert world.stager.most_at_once == 2
    assert world.slots.ready


async def test_p8_retired_version_is_closed_after_its_last_request() -> None:
    """A request that runs keeps its version; the end of the request is the version's end."""
    world = World(keep_warm_seconds=0)
    await world.follow_to(version(1))
    binding = world.slot.binding
    assert binding is not None
    predictor = world.stager.predictors[version(1)]
    predictor.gate = asyncio.Event()
    one_row = binding.servable.contract.parse(b'{"inputs": [1]}', "")
    binding.servable.hold()
    request = asyncio.create_task(predictor.predict(one_row))
    await predictor.entered.wait()
    await world.follow_to(version(2))
    assert not predictor.closed
    predictor.gate.set()
    assert await request == b"[1]"
    binding.servable.release()
    await world.follower.settled()
    assert predictor.closed


async def test_previous_version_stays_warm_and_is_moved_back_to_at_once() -> None:
    """Within the time to keep warm, moving back loads nothing."""
    world = World(keep_warm_seconds=60)
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    world.time.now += 59
    await world.follow_to(version(1))
    assert world.slot.version == version(1)
    assert world.stager.staged == [version(1), version(2)]


async def test_p8_previous_version_is_closed_when_its_time_is_over() -> None:
    """One tick after the time to keep warm it is gone."""
    world = World(keep_warm_seconds=60)
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    world.time.now += 61
    await world.follow()
    assert world.stager.predictors[version(1)].closed
    assert world.events.of("retired") == [(version(1),)]


async def test_closing_ends_everything_that_was_begun() -> None:
    """Also what is being loaded at that moment."""
    world = World()
    await world.follow_to(version(1))
    world.stager.gates[version(2)] = asyncio.Event()
    world.move(version(2))
    await world.follower.tick()
    await world.stager.entered[version(2)].wait()
    await world.follower.close()
    assert world.stager.cancelled == [version(2)]
    assert world.stager.predictors[version(1)].closed


async def test_p2_dead_warm_version_is_staged_anew_before_it_is_moved_back_to() -> None:
    """What cannot answer never displaces what serves."""
    world = World()
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    world.stager.predictors[version(1)].ready = False
    gate = world.stager.gates[version(1)] = asyncio.Event()
    world.move(version(1))
    await world.follower.tick()
    assert world.slot.version == version(2)
    gate.set()
    await world.follower.settled()
    assert world.slot.version == version(1)
    assert world.slot.ready


async def test_version_that_is_staged_anew_for_another_slot_swaps_nobody() -> None:
    """A slot that serves it already gets the living processes, and keeps its warm one."""
    world = World("iris@champion", "iris@shadow")
    world.move(version(2), 1)
    await world.follow_to(version(2))
    await world.follow_to(version(1))
    world.stager.predictors[version(1)].ready = False
    before = world.events.of("swapped")
    world.move(version(1), 1)
    await world.follow()
    assert world.slots.ready
    assert world.events.of("swapped") == [*before, ("iris@shadow", version(2), version(1))]


async def test_p11_serving_version_whose_files_are_gone_is_fetched_anew() -> None:
    """Its last process has ended and none can be loaded: it is no swap, and needs no operator."""
    world = World()
    await world.follow_to(version(1))
    before = world.stager.predictors[version(1)]
    before.ready, before.irreplaceable = False, True
    await world.follow()
    assert world.registry.fetched == [version(1), version(1)]
    assert world.slot.ready
    assert world.events.of("swapped") == [("iris@champion", None, version(1))]
    assert before.closed
    known = world.history.baseline(world.slot.ref)
    assert world.slot.binding is not None
    assert known is world.slot.binding.servable.fetched


async def test_p11_version_that_has_lost_one_of_its_processes_for_good_is_fetched_anew() -> None:
    """The others answer meanwhile; their place is taken by all of the new ones."""
    world = World()
    await world.follow_to(version(1))
    before = world.stager.predictors[version(1)]
    before.ready, before.irreplaceable = True, True
    await world.follow()
    assert world.registry.fetched == [version(1), version(1)]
    assert world.slot.ready
    assert not world.slot.irreplaceable
    assert before.closed


async def test_p4_serving_version_whose_files_are_gone_is_fetched_anew_without_its_alias() -> None:
    """Though the registry says no more that it should serve."""
    world = World()
    await world.follow_to(version(1))
    before = world.stager.predictors[version(1)]
    await world.follow_to(Missing.ALIAS)
    before.ready, before.irreplaceable = False, True
    await world.follow()
    assert world.slot.ready
    assert world.slot.version == version(1)
    assert before.closed


async def test_p2_serving_version_whose_files_are_gone_comes_back_beside_a_refused_one() -> None:
    """The refused one stays refused: it is not tried again for that."""
    world = World()
    await world.follow_to(version(1))
    before = world.stager.predictors[version(1)]
    world.stager.errors[version(2)] = VersionFault("load", "load_failed", "It cannot be loaded.")
    await world.follow_to(version(2))
    before.ready, before.irreplaceable = False, True
    await world.follow()
    assert world.slot.ready
    assert world.slot.version == version(1)
    assert world.slot.quarantined == version(2)
    assert world.stager.staged == [version(1), version(2), version(1)]


async def test_p13_serving_version_that_cannot_be_fetched_anew_is_tried_with_pauses() -> None:
    """A fault of its own ends that; one of another's does not."""
    world = World()
    await world.follow_to(version(1))
    before = world.stager.predictors[version(1)]
    await world.follow_to(Missing.ALIAS)
    before.ready, before.irreplaceable = False, True
    world.stager.errors[version(1)] = PassingFault("start", "no_process", "None could be started.")
    await world.follow()
    await world.follow()
    assert world.stager.staged == [version(1), version(1)]
    world.time.now += 1
    world.stager.errors[version(1)] = VersionFault("load", "load_failed", "It cannot be loaded.")
    await world.follow()
    world.time.now += 1000
    await world.follow()
    assert world.stager.staged == [version(1), version(1), version(1)]


async def test_p13_serving_version_that_fails_when_it_is_fetched_anew_is_told_and_left() -> None:
    """The slot says why, and a fault of the version's own is not tried on each tick."""
    world = World()
    await world.follow_to(version(1))
    before = world.stager.predictors[version(1)]
    before.ready, before.irreplaceable = False, True
    world.stager.errors[version(1)] = VersionFault("load", "load_failed", "It cannot be loaded.")
    await world.follow()
    await world.follow()
    assert world.stager.staged == [version(1), version(1)]
    failure = world.slot.status.failure
    assert failure is not None
    assert failure.code == "load_failed"
    assert not before.closed


class Emptied(Slot):
    """A slot that the loop empties between any two looks at it from another thread."""

    looks: list[Traffic]

    @property
    def traffic(self) -> Traffic:
        return self.looks.pop(0) if self.looks else Traffic()

    @traffic.setter
    def traffic(self, value: Traffic) -> None:
        self.looks = [value]


@pytest.mark.parametrize("name", ["version", "ready", "irreplaceable", "status.state"])
def test_p15_slot_that_is_emptied_while_a_thread_looks_fails_no_look(name: str) -> None:
    """Scrapes are written beside the loop: each property looks once."""
    slot = Emptied(ModelRef("iris", "champion"), Slots([ModelRef("iris", "champion")]))
    slot.traffic = Traffic().then(make_binding(slot.ref, "1"), 0.0)
    look = attrgetter(name)
    assert look(slot) is not None
    assert look(slot) in {None, False, "empty"}


def test_p15_scrape_of_a_slot_that_is_emptied_meanwhile_is_written() -> None:
    """With the version that it had at that instant, or none."""
    registry, slots = CollectorRegistry(), Slots([ModelRef("iris", "champion")])
    slot = slots._slots["iris@champion"] = Emptied(ModelRef("iris", "champion"), slots)
    registry.register(SlotCollector(slots, lambda: 0.0))
    slot.traffic = Traffic().then(make_binding(slot.ref, "1"), 0.0)
    assert b'podium_slot_info{alias="champion",model="iris",version="1"} 1.0' in generate_latest(
        registry
    )
