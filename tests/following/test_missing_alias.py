"""A slot whose alias, model or version is gone: what served goes on, after a restart too (P4)."""

import pytest

from service.errors import FollowingError, PassingFault
from service.following.history import ServedBefore
from service.following.ledger import LedgerOutcome
from service.following.ports import Missing, Unanswered
from tests.following.fakes import FakeHistory, World, version
from tests.following.test_follower import BROKEN, DOWN
from tests.support.serving import fetched_version

REFUSED = Unanswered("registry_refused", "The registry refused.", "403")
NO_PROCESS = PassingFault("load", "no_process", "No process could be started.")
MISSING = pytest.mark.parametrize(
    ("missing", "code"), [(Missing.ALIAS, "alias_missing"), (Missing.MODEL, "model_missing")]
)


def restarted(history: FakeHistory, *, keeps_missing: bool = True) -> World:
    """Another service with the same home."""
    return World(history=history, keeps_missing=keeps_missing)


async def world_before() -> World:
    """A service that has served version 1."""
    world = World()
    world.registry.register("iris")
    await world.follow_to(version(1))
    return world


@MISSING
async def test_p4_restart_without_the_alias_serves_the_last_known_good(
    missing: Missing, code: str
) -> None:
    """And says so: since when, why, in the ledger, and to whoever observes."""
    before = await world_before()
    world = restarted(before.history)
    await world.follow_to(missing)
    await world.follow()
    status = world.slot.status
    assert (status.version, status.ready, status.state) == (version(1), True, "serving")
    assert status.last_known_good_since == world.time.now
    assert status.failure is not None
    assert (status.failure.code, status.missing) == (code, False)
    assert world.events.of("missing") == [("iris@champion", code)]
    assert world.events.of("stands_in") == [("iris@champion", version(1), code)]
    (entry,) = world.ledger.page(10)
    assert (entry.outcome, entry.last_known_good, entry.code) == (LedgerOutcome.SWAPPED, True, code)


async def test_p4_restart_after_the_version_was_deleted_serves_it_from_its_files() -> None:
    """Its alias went with it; no registry is asked for what is there."""
    before = await world_before()
    world = restarted(before.history)
    world.registry = before.registry
    world.move(version(1))
    before.registry.delete_version(version(1))
    world = World(history=before.history)
    world.registry.gone = before.registry.gone
    await world.follow()
    assert (world.slot.version, world.registry.fetched) == (version(1), [])


async def test_p4_restart_after_the_model_was_made_anew_without_an_alias_serves_on() -> None:
    """What served is another model's by now, and still the last that was approved."""
    before = await world_before()
    world = restarted(before.history)
    world.registry.models["iris"] = [version(1, created=1)]
    await world.follow()
    assert world.slot.version == version(1)
    await world.follow_to(version(1, created=1))
    assert world.slot.version == version(1, created=1)
    assert world.slot.status.last_known_good_since is None


async def test_p4_restart_after_the_model_was_renamed_serves_on_and_follows_it_back() -> None:
    """It is the same version when it has its name again."""
    before = await world_before()
    world = restarted(before.history)
    await world.follow_to(Missing.MODEL)
    await world.follow_to(version(1))
    assert world.slot.status.last_known_good_since is None
    assert world.stager.staged == [version(1)]


async def test_p4_p5_registry_that_goes_down_after_it_has_said_that_the_alias_is_gone() -> None:
    """The last known good serves, whichever of the two came first."""
    before = await world_before()
    world = restarted(before.history)
    world.history.lost.add(version(1))
    await world.follow_to(Missing.ALIAS)
    world.history.lost.clear()
    world.registry.down = DOWN
    world.time.now += 60
    await world.follow()
    assert world.slot.version == version(1)


async def test_p4_alias_that_returns_elsewhere_is_followed() -> None:
    """The last known good serves until that is ready."""
    before = await world_before()
    world = restarted(before.history)
    await world.follow_to(Missing.ALIAS)
    await world.follow_to(version(2))
    status = world.slot.status
    assert (status.version, status.failure, status.last_known_good_since) == (
        version(2),
        None,
        None,
    )


@pytest.mark.parametrize("error", [BROKEN, NO_PROCESS], ids=["lasting", "passing"])
async def test_p4_last_known_good_that_fails_leaves_why_the_slot_needs_it(
    error: FollowingError,
) -> None:
    """It is missing if nothing can stand in, and not while that is tried again."""
    before = await world_before()
    world = restarted(before.history)
    world.stager.errors[version(1)] = error
    await world.follow_to(Missing.ALIAS)
    status = world.slot.status
    assert status.failure is not None
    assert (status.failure.code, status.missing) == ("alias_missing", error is BROKEN)
    assert [entry.code for entry in world.ledger.page(10)] == [error.reason]
    if error is NO_PROCESS:
        world.stager.errors.clear()
        world.time.now += 60
        await world.follow()
        assert world.slot.version == version(1)


async def test_p4_look_without_answer_after_the_start_is_told_and_taken_back_by_a_look() -> None:
    """What the swap of a last known good leaves of the slot's failure."""
    before = await world_before()
    world = restarted(before.history)
    await world.follow_to(REFUSED)
    assert world.slot.failure is not None
    assert len(world.events.of("unanswered")) == 1
    await world.follow_to(version(1))
    assert world.slot.failure is None


async def test_alias_that_is_gone_where_nothing_was_served_leaves_the_slot_missing() -> None:
    """It is asked for again, and what it is set on is served."""
    world = World()
    await world.follow_to(Missing.ALIAS)
    assert world.slot.status.missing
    await world.follow_to(version(1))
    assert (world.slot.status.missing, world.slot.version) == (False, version(1))


@MISSING
async def test_p4_missing_alias_leaves_the_slot_empty_where_that_is_asked_for(
    missing: Missing, code: str
) -> None:
    """After a restart, whether the registry answers then or not."""
    before = await world_before()
    world = restarted(before.history, keeps_missing=False)
    await world.follow_to(missing)
    assert (world.slot.version, world.slot.status.missing) == (None, True)
    world.registry.down = DOWN
    world.time.now += 60
    await world.follow()
    assert world.slot.version is None


async def test_p4_alias_that_goes_empties_a_running_slot_where_that_is_asked_for() -> None:
    """Told once; what it served stays warm, so that an alias that returns is served at once."""
    world = World(keeps_missing=False)
    await world.follow_to(version(1))
    await world.follow_to(Missing.ALIAS)
    await world.follow_to(Missing.ALIAS)
    assert (world.slot.version, world.slot.traffic.since) == (None, None)
    assert world.events.of("emptied") == [("iris@champion", version(1), "alias_missing")]
    entry = world.ledger.page(1)[0]
    assert (entry.outcome, entry.before, entry.code) == (
        LedgerOutcome.EMPTIED,
        "1",
        "alias_missing",
    )
    await world.follow_to(version(1))
    assert (world.slot.version, world.stager.staged) == (version(1), [version(1)])
    await world.follow_to(Missing.ALIAS)
    world.time.now += 60
    await world.follow()
    assert world.stager.predictors[version(1)].closed


@MISSING
async def test_p4_look_without_answer_does_not_bring_back_what_was_emptied(
    missing: Missing, code: str
) -> None:
    """The registry's last word is that it is gone: in a running service, and after a start."""
    world = World(keeps_missing=False)
    await world.follow_to(version(1))
    for each in (world, restarted(world.history, keeps_missing=False)):
        await each.follow_to(missing)
        for _ in range(2):
            each.time.now += 60
            await each.follow_to(REFUSED)
            assert (each.slot.version, each.slot.status.gone, each.slot.status.missing) == (
                None,
                True,
                True,
            )
        assert each.slot.failure is not None
        assert each.slot.failure.code == "registry_refused"
        await each.follow_to(version(1))
        assert (each.slot.version, each.slot.status.gone) == (version(1), False)


@MISSING
async def test_p4_look_without_answer_keeps_a_missing_slot_from_ending_readiness(
    missing: Missing, code: str
) -> None:
    """It has nothing to serve still, which is nobody's to wait for; the other slot serves."""
    world = World("wine@champion", "iris@champion")
    world.move(version(1), 1)
    for found in (missing, REFUSED, missing, REFUSED):
        await world.follow_to(found)
        assert (world.slots.ready, world.slot.status.missing) == (True, True)
    assert [seen for _, seen in world.events.of("missing")] == [code, code]
    await world.follow_to(version(1, "wine"))
    assert (world.slot.version, world.slot.status.missing) == (version(1, "wine"), False)


async def test_p5_silent_registry_empties_no_slot() -> None:
    """It has not said that anything is gone."""
    before = await world_before()
    world = restarted(before.history, keeps_missing=False)
    world.registry.down = DOWN
    await world.follow()
    assert world.slot.version == version(1)


async def test_p11_version_that_loses_its_files_without_an_alias_comes_back() -> None:
    """Though it was asked for in vain before it served: a swap forgets that."""
    world = World()
    world.registry.down = DOWN
    await world.follow()
    world.history.known[world.refs[0]] = ServedBefore(fetched_version(version(1)), 1.0)
    world.registry.down = None
    await world.follow_to(version(1))
    await world.follow_to(Missing.ALIAS)
    lost = world.stager.predictors[version(1)]
    lost.ready, lost.irreplaceable = False, True
    await world.follow()
    assert world.stager.staged == [version(1), version(1)]
    assert not world.slot.irreplaceable
