"""A held slot stays on what it serves, wherever its alias is moved, until it is released."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from service.errors import PassingFault
from service.following.ledger import LedgerOutcome
from service.following.ports import Missing
from service.hold_tag import Hold, holds_in, told
from service.refs import ModelRef
from service.rollout_tags import RolloutTags
from tests.following.fakes import World, version
from tests.following.test_withdrawing import restarted, serving, withdrawn

HOLD = Hold("an audit")


def hold(world: World, how: Hold | None = HOLD) -> None:
    """Sets the tag, or deletes it."""
    world.registry.holds = {} if how is None else {world.slot.ref: how}


@pytest.mark.parametrize(
    ("value", "reason", "until", "unreadable"),
    [
        ("an audit", "an audit", None, ""),
        ("", "", None, ""),
        ("true", "true", None, ""),
        ("a, b,until=2026-12-01T08:00:00Z", "a, b", "2026-12-01T08:00:00Z", ""),
        ("until=2026-12-01T09:00:00+01:00", "", "2026-12-01T08:00:00Z", ""),
        ("x,until=2026-12-01T08:00:00", "x", None, "2026-12-01T08:00:00"),
        ("x,until=tomorrow", "x", None, "tomorrow"),
        ("x,until=", "x", None, "nothing"),
        ("an audit, Until = 2026-12-01T08:00:00Z", "an audit", "2026-12-01T08:00:00Z", ""),
        ("x,until=9999-12-31T23:59:59-05:00", "x", None, "9999-12-31T23:59:59-05:00"),
        ("x,until=0001-01-01T00:00:00+05:00", "x", None, "0001-01-01T00:00:00+05:00"),
    ],
)
def test_hold_is_read_from_its_tag(
    value: str, reason: str, until: str | None, unreadable: str
) -> None:
    """A time without an offset, or outside of the calendar, or none, holds for good and is told."""
    found = Hold.of(value)
    assert found is not None
    assert found.sentence
    assert (found.reason, found.until and told(found.until)) == (reason, until)
    assert found.unreadable == unreadable
    assert Hold.of(found.value) == Hold(reason, found.until)


def test_tag_that_says_false_holds_nothing() -> None:
    """As for withdrawn versions."""
    assert Hold.of(" False ") is None


def test_holds_are_found_among_a_models_tags_and_cut() -> None:
    """Their time stays, however long the reason is."""
    tags = {"podium.hold.champion": f"{'x' * 9000},until=2026-12-01T08:00:00Z", "team": "ml"}
    (value,) = holds_in(tags).values()
    found = Hold.of(value)
    assert found is not None
    assert (len(found.reason), found.until is not None) == (500, True)
    assert list(holds_in(tags)) == ["champion"]


async def test_held_slot_stays_on_what_it_serves_and_follows_once_it_is_released() -> None:
    """Within one look each; told once in ledger and log."""
    world = await serving(1)
    hold(world)
    for _ in range(2):
        await world.follow_to(version(2))
    status = world.slot.status
    assert (status.version, status.aspired, status.state) == (version(1), version(1), "serving")
    assert status.held is not None
    assert (status.held.hold, status.held.alias_on) == (HOLD, version(2))
    assert world.stager.staged == [version(1)]
    hold(world, None)
    await world.follow()
    assert (world.slot.version, world.slot.status.held) == (version(2), None)
    assert (len(world.events.of("held")), len(world.events.of("released"))) == (1, 1)
    assert [each.reason for each in world.ledger.page(4)] == [None, None, "an audit", None]
    outcomes = [each.outcome for each in world.ledger.page(4)]
    assert outcomes == [
        *(LedgerOutcome.SWAPPED, LedgerOutcome.RELEASED, LedgerOutcome.HELD),
        LedgerOutcome.SWAPPED,
    ]


async def test_hold_that_is_there_at_the_start_is_in_the_ledger() -> None:
    """On the version that the slot is to stay on, before any serves; once."""
    world = World()
    hold(world)
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    noted = [each for each in world.ledger.page(9) if each.outcome is LedgerOutcome.HELD]
    assert [each.version for each in noted] == [version(1).version]


async def test_version_on_its_way_is_abandoned_when_the_slot_is_held() -> None:
    """It would be swapped in else."""
    world = await serving(1)
    world.registry.fetch_gates[version(2)] = gate = asyncio.Event()
    world.move(version(2))
    await world.follower.tick()
    hold(world)
    await world.follower.tick()
    gate.set()
    await world.follower.settled()
    assert (world.slot.version, world.events.of("abandoned")) == (version(1), [(version(2),)])


async def test_hold_ends_when_its_time_has_come() -> None:
    """By the service's own clock."""
    world = await serving(1)
    until = datetime.fromtimestamp(world.time.now, UTC) + timedelta(seconds=10)
    hold(world, Hold("", until))
    await world.follow_to(version(2))
    assert world.slot.version == version(1)
    world.time.now += 10
    await world.follow()
    assert world.slot.version == version(2)


async def test_held_slot_serves_after_a_restart_what_it_served_before() -> None:
    """Not what its alias is on by now; from the registry where its files are lost."""
    world = await serving(1)
    hold(world)
    for lost in (False, True):
        if lost:
            world.history.lost.add(version(1))
        again = restarted(world)
        await again.follow_to(version(2))
        assert (again.slot.version, again.stager.staged) == (version(1), [version(1)])


async def test_held_slot_that_never_served_takes_its_alias_version_once() -> None:
    """A new instance answers; from then on it stays."""
    world = World()
    hold(world)
    await world.follow_to(version(2))
    await world.follow_to(version(3))
    assert world.slot.version == version(2)


@pytest.mark.parametrize("keeps_missing", [True, False])
async def test_held_slot_stays_though_its_alias_is_deleted(*, keeps_missing: bool) -> None:
    """Also where missing aliases empty slots; that the alias is missing is told beside."""
    world = await serving(1, world=World(keeps_missing=keeps_missing))
    hold(world)
    await world.follow_to(Missing.ALIAS)
    status = world.slot.status
    assert (status.version, status.gone, status.held is not None) == (version(1), True, True)


async def test_p23_held_slot_is_not_answered_by_what_is_withdrawn() -> None:
    """Nothing takes its place before somebody releases it."""
    world = await serving(1)
    hold(world)
    world.move(version(2))
    await withdrawn(world)
    await world.follow()
    assert world.slot.status.state == "withdrawn"
    hold(world, None)
    await world.follow()
    assert world.slot.version == version(2)


async def test_hold_of_a_model_that_does_not_answer_is_known_still() -> None:
    """It is taken back by an answer alone."""
    world = await serving(1)
    hold(world)
    await world.follow()
    world.registry.down = PassingFault("look", "registry_unreachable", "silent")
    await world.follow()
    assert world.slot.status.held is not None


async def test_hold_ends_no_split_and_keeps_the_alias_that_it_names() -> None:
    """An arm follows its own alias: a hold of the slot's is not its, and its own keeps it."""
    world = World()
    for _ in range(3):
        world.registry.register("iris")
    first, second, third = world.registry.models["iris"]
    challenger = ModelRef("iris", "challenger")
    world.registry.aliases[challenger] = second
    world.registry.rollout[world.slot.ref] = RolloutTags(split="challenger=10")
    await world.follow_to(first)
    await world.follow()
    hold(world)
    world.registry.aliases[challenger] = third
    await world.follow_to(second)
    assert world.slot.version == first
    assert world.slot.traffic.shares == (("challenger", "3", 1000),)
    world.registry.holds[challenger] = HOLD
    world.registry.aliases[challenger] = second
    await world.follow()
    assert world.slot.traffic.shares == (("challenger", "3", 1000),)
