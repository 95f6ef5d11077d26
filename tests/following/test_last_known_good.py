"""A start without a registry: what was served before is served again, and says so (P5)."""

import asyncio
from dataclasses import replace

import pytest

from service.errors import PassingFault, VersionFault
from service.following.gates.gate import GateClosed, GateFinding, Gates
from service.following.history import ServedBefore
from service.following.pace import Trigger
from service.following.ports import FetchedVersion, Missing, Unanswered
from service.refs import ModelRef
from tests.following.fakes import FakeHistory, World, version
from tests.following.test_follower import BROKEN, DOWN
from tests.following.test_leases import FakeLease
from tests.support.serving import fetched_version

LOST = PassingFault("fetch", "artifact_not_fetched", "The version's artifact did not come.")
DENIED = Unanswered("registry_refused", "The registry answered with an error.", "403")


def world_that_knew(
    number: int, *, gates: Gates | None = None, keeps_missing: bool = True
) -> World:
    """A registry that is down, and a slot that has served this version before the start."""
    world = World(gates=gates, keeps_missing=keeps_missing)
    world.registry.down = DOWN
    known = ServedBefore(fetched_version(version(number)), 500.0)
    world.history.known[world.refs[0]] = known
    world.history.served.add((world.refs[0], version(number)))
    return world


async def test_p5_start_without_registry_serves_the_last_known_good() -> None:
    """Without asking the registry for anything, and says since when."""
    world = world_that_knew(1)
    await world.follow()
    status = world.slot.status
    assert (status.version, status.ready, status.state) == (version(1), True, "serving")
    assert status.last_known_good_since == world.time.now
    assert world.registry.fetched == []
    (entry,) = world.ledger.page(10)
    assert (entry.trigger, entry.last_known_good, entry.version) == (Trigger.START, True, "1")


async def test_p5_start_without_registry_and_without_history_leaves_the_slot_empty() -> None:
    """Until the registry answers; the service lives and tries."""
    world = World()
    world.registry.down = DOWN
    await world.follow()
    assert (world.slot.status.state, world.slot.ready) == ("empty", False)
    world.registry.down = None
    await world.follow_to(version(1))
    assert world.slot.version == version(1)


async def test_registry_that_returns_with_the_same_version_reloads_nothing() -> None:
    """It is not on its last known good any more."""
    world = world_that_knew(1)
    await world.follow()
    world.registry.down = None
    await world.follow_to(version(1))
    assert world.stager.staged == [version(1)]
    assert world.slot.status.last_known_good_since is None


async def test_registry_that_returns_with_another_version_is_followed() -> None:
    """The last known good serves until the new one has arrived."""
    world = world_that_knew(1)
    await world.follow()
    world.registry.down = None
    await world.follow_to(version(2))
    assert world.slot.version == version(2)
    assert world.slot.status.last_known_good_since is None
    assert world.events.of("swapped")[-1] == ("iris@champion", version(1), version(2))


async def test_registry_that_returns_during_the_load_goes_on_with_it() -> None:
    """The same version, loaded once, is not a last known good but what was found."""
    world = world_that_knew(1)
    world.stager.gates[version(1)] = gate = world.stager.entered[version(9)]
    await world.follower.tick()
    await world.stager.entered[version(1)].wait()
    assert world.slot.status.state == "loading"
    world.registry.down = None
    world.move(version(1))
    await world.follower.tick()
    gate.set()
    await world.follower.settled()
    assert world.stager.staged == [version(1)]
    assert world.slot.version == version(1)
    assert not world.ledger.page(1)[0].last_known_good


async def test_p4_alias_that_is_gone_is_no_outage_where_it_is_to_leave_the_slot_empty() -> None:
    """The registry has answered: the slot stays empty, also when the registry goes down then."""
    world = world_that_knew(1, keeps_missing=False)
    world.registry.down = None
    await world.follow_to(Missing.ALIAS)
    world.registry.down = DOWN
    await world.follow()
    assert (world.slot.status.state, world.slot.version) == ("empty", None)


async def test_p4_alias_that_is_gone_when_the_registry_returns_unloads_nothing() -> None:
    """What serves goes on serving, and says so."""
    world = world_that_knew(1)
    await world.follow()
    world.registry.down = None
    await world.follow_to(Missing.ALIAS)
    assert world.slot.version == version(1)
    assert world.slot.failure is not None
    assert world.slot.failure.code == "alias_missing"


async def test_p5_one_model_without_answer_starts_from_its_last_known_good() -> None:
    """The others are followed."""
    world = world_that_knew(1)
    world.registry.down = None
    await world.follow_to(DENIED)
    assert world.slot.version == version(1)
    assert world.slot.status.on_last_known_good


async def test_p5_registry_that_dies_before_the_first_fetch_is_an_outage() -> None:
    """What could not be fetched leaves the slot empty; the last known good fills it."""
    world = world_that_knew(1)
    world.registry.down = None
    gone = PassingFault("fetch", "registry_unreachable", "The registry does not answer.")
    world.registry.fetch_errors[version(2)] = gone
    await world.follow_to(version(2))
    world.registry.down = DOWN
    world.time.now += 2
    await world.follow()
    assert world.slot.version == version(1)
    world.registry.down = None
    world.registry.fetch_errors.clear()
    world.time.now += 60
    await world.follow()
    assert world.slot.version == version(2)


async def test_last_known_good_that_fails_is_not_tried_every_tick() -> None:
    """As any version that fails by its own fault."""
    world = world_that_knew(1)
    world.stager.errors[version(1)] = BROKEN
    await world.follow()
    await world.follow()
    assert world.stager.staged == [version(1)]
    assert world.slot.failure is not None
    assert world.slot.failure.code == "load_failed"
    world.stager.errors.clear()
    world.registry.down = None
    await world.follow_to(version(1))
    assert world.slot.version == version(1)


CLOSED = GateClosed("trust", "not_trusted", "Loading the version takes trust in its author.")


def world_that_restarts_on(error: PassingFault | VersionFault) -> World:
    """Version 1 has served before the start; the alias is on version 2, which fails so."""
    world = world_that_knew(1)
    world.registry.down = None
    world.stager.errors[version(2)] = error
    world.move(version(2))
    return world


@pytest.mark.parametrize("error", [BROKEN, CLOSED, LOST], ids=["load", "gate", "passing"])
async def test_p2_start_on_a_version_that_fails_serves_the_last_known_good(
    error: PassingFault | VersionFault,
) -> None:
    """A restart takes nothing from clients, and why the new one does not serve stays known."""
    world = world_that_restarts_on(error)
    await world.follow()
    await world.follow()
    status = world.slot.status
    assert (status.version, status.ready, status.state) == (version(1), True, "refused")
    assert (status.aspired, status.last_known_good_since) == (version(2), world.time.now)
    assert status.failure is not None
    assert (status.failure.version, status.failure.code) == (version(2), error.reason)
    told = [(entry.version, entry.outcome) for entry in world.ledger.page(10)]
    assert told == [("1", "swapped"), ("2", "refused")]


async def test_p13_version_that_failed_at_the_start_is_tried_again_beside_the_last_good() -> None:
    """By its own rules: not on every tick, and as soon as it can serve it does."""
    world = world_that_restarts_on(LOST)
    await world.follow()
    await world.follow()
    assert world.stager.staged == [version(2), version(1)]
    world.stager.errors.clear()
    world.time.now += 2
    await world.follow()
    status = world.slot.status
    assert (status.version, status.state) == (version(2), "serving")
    assert (status.failure, status.last_known_good_since) == (None, None)


async def test_last_known_good_that_fails_too_leaves_the_quarantine_as_it_was() -> None:
    """Neither is loaded over and over again; the failure that is told is the aspired one's."""
    world = world_that_restarts_on(BROKEN)
    world.stager.errors[version(1)] = CLOSED
    for _ in range(4):
        await world.follow()
        world.time.now += 100
    assert world.stager.staged == [version(2), version(1)]
    assert world.slot.quarantined == version(2)
    assert world.slot.failure is not None
    assert world.slot.failure.version == version(2)
    assert [entry.version for entry in world.ledger.page(10)] == ["1", "2"]


async def test_last_known_good_that_is_the_quarantined_version_is_not_tried() -> None:
    """What failed by its own fault fails again."""
    world = world_that_knew(2)
    world.registry.down = None
    world.stager.errors[version(2)] = BROKEN
    await world.follow_to(version(2))
    world.time.now += 100
    await world.follow()
    assert world.stager.staged == [version(2)]
    assert world.slot.status.state == "empty"


async def test_version_that_cannot_be_fetched_is_served_from_the_cache() -> None:
    """The registry answers, and its artifact store is away: the files have been here before."""
    world = world_that_knew(2)
    world.registry.down = None
    world.registry.fetch_errors[version(2)] = LOST
    await world.follow_to(version(2))
    await world.follow()
    assert (world.slot.version, world.slot.status.state) == (version(2), "serving")


async def test_looking_goes_on_while_the_last_known_good_is_verified() -> None:
    """Ten gigabytes take minutes; an answer that comes meanwhile is followed, and ends it (P6)."""
    history = SlowHistory()
    world = World(history=history)
    world.registry.down = DOWN
    await world.follower.tick()
    await history.asked.wait()
    world.registry.down = None
    await world.follow_to(version(2))
    assert world.slot.version == version(2)
    assert history.given_up


async def test_question_that_is_not_answered_ends_with_the_service() -> None:
    """Nobody waits for the history."""
    history = SlowHistory()
    world = World(history=history)
    world.registry.down = DOWN
    await world.follower.tick()
    await history.asked.wait()
    await world.follower.close()
    assert history.given_up


async def test_lease_of_the_last_known_good_is_held_while_it_serves() -> None:
    """And given back when its processes have ended."""
    world = world_that_knew(1)
    lease = FakeLease()
    fetched = replace(fetched_version(version(1)), lease=lease)
    world.history.known[world.refs[0]] = ServedBefore(fetched, 500.0)
    await world.follow()
    assert lease.seen == []
    await world.follower.close()
    assert lease.seen == [True]


class SlowHistory(FakeHistory):
    """Is asked, and never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.given_up = False

    async def last_known_good(self, ref: ModelRef) -> ServedBefore | None:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up = True
        raise AssertionError("nobody answers")


class Untrusting:
    """A gate that was closed since the last start."""

    async def check(self, fetched: FetchedVersion) -> tuple[GateFinding, ...]:
        raise GateClosed("trust", "not_trusted", "No.")


async def test_p2_last_known_good_passes_the_gates_as_any_version() -> None:
    """The operator may have closed one since."""
    world = world_that_knew(1, gates=Gates(of_version=(Untrusting(),)))
    await world.follow()
    assert world.slot.version is None
    assert isinstance(GateClosed("a", "b", "c"), VersionFault)


async def test_each_swap_is_noted_in_the_history() -> None:
    """With the time of the swap; a start from the last known good is none."""
    world = World()
    await world.follow_to(version(1))
    world.time.now += 5
    await world.follow_to(version(2))
    known = world.history.known[world.refs[0]]
    assert (known.fetched.version, known.since) == (version(2), 1005.0)
    assert world.history.served == {(world.refs[0], version(number)) for number in (1, 2)}
    before = world_that_knew(1)
    await before.follow()
    assert before.history.known[before.refs[0]].since == 500.0
