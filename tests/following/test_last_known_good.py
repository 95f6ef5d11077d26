"""A start without a registry: what was served before is served again, and says so (P5)."""

from service.errors import PassingFault, VersionFault
from service.following.gates import GateClosed, GateFinding, Gates
from service.following.history import Known
from service.following.ports import FetchedVersion, Missing, Unanswered
from service.following.trigger import Trigger
from tests.following.fakes import World, version
from tests.following.test_follower import BROKEN, DOWN
from tests.support.serving import fetched_version

DENIED = Unanswered("registry_refused", "The registry answered with an error.", "403")


def world_that_knew(number: int, *, gates: Gates | None = None) -> World:
    """A registry that is down, and a slot that has served this version before the start."""
    world = World(gates=gates)
    world.registry.down = DOWN
    known = Known(fetched_version(version(number)), 500.0)
    world.history.known[world.refs[0]] = known
    world.history.served.add((world.refs[0], version(number)))
    return world


async def test_p5_start_without_registry_serves_the_last_known_good() -> None:
    """Without asking the registry for anything, and says since when."""
    world = world_that_knew(1)
    await world.follow()
    status = world.slot.status(world.time.now)
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
    assert (world.slot.state, world.slot.ready) == ("empty", False)
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
    assert world.slot.status(world.time.now).last_known_good_since is None


async def test_registry_that_returns_with_another_version_is_followed() -> None:
    """The last known good serves until the new one has arrived."""
    world = world_that_knew(1)
    await world.follow()
    world.registry.down = None
    await world.follow_to(version(2))
    assert world.slot.version == version(2)
    assert world.slot.status(world.time.now).last_known_good_since is None
    assert world.events.of("swapped")[-1] == ("iris@champion", version(1), version(2))


async def test_registry_that_returns_during_the_load_goes_on_with_it() -> None:
    """The same version, loaded once, is no last known good but what was found."""
    world = world_that_knew(1)
    world.stager.gates[version(1)] = gate = world.stager.entered[version(9)]
    await world.follower.tick()
    await world.stager.entered[version(1)].wait()
    assert world.slot.state == "loading"
    world.registry.down = None
    world.move(version(1))
    await world.follower.tick()
    gate.set()
    await world.follower.settled()
    assert world.stager.staged == [version(1)]
    assert world.slot.version == version(1)
    assert not world.ledger.page(1)[0].last_known_good


async def test_p4_alias_that_is_gone_is_no_outage() -> None:
    """The registry has answered: the slot stays empty, also when the registry goes down then."""
    world = world_that_knew(1)
    world.registry.down = None
    await world.follow_to(Missing.ALIAS)
    world.registry.down = DOWN
    await world.follow()
    assert (world.slot.state, world.slot.version) == ("empty", None)


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
    assert world.slot.on_last_known_good


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
