"""When the next look comes: pauses, hints, and a flood of hints."""

import asyncio
from collections.abc import Sequence

import pytest

from service.errors import UnknownModel
from service.following.pace import Pace, Trigger
from service.following.ports import LookAnswer
from service.refs import ModelRef
from tests.following.fakes import FakeRegistry, Time, World, version
from tests.following.test_follower import BROKEN, DOWN, NO_DISK


def looked(pace: Pace, time: Time, seconds: float, *, answered: bool = True) -> Trigger:
    """One look of so many seconds; what triggered it."""
    trigger = pace.begin()
    time.now += seconds
    pace.ended(seconds, answered=answered)
    return trigger


async def returns(pace: Pace) -> bool:
    """Whether the pause ends without any time passing."""
    pausing = asyncio.create_task(pace.pause())
    for _ in range(5):
        await asyncio.sleep(0)
    pausing.cancel()
    await asyncio.gather(pausing, return_exceptions=True)
    return not pausing.cancelled()


@pytest.fixture
def time() -> Time:
    """A clock that moves when it is told to."""
    return Time()


@pytest.fixture
def pace(time: Time) -> Pace:
    """Polling every second."""
    return Pace(1.0, time.clock.monotonic)


def test_pause_is_twenty_times_what_looks_take(pace: Pace, time: Time) -> None:
    """Two slow looks in a row are a load; one is a hiccup, and a failed one says nothing."""
    looked(pace, time, 1.25)
    assert 0.9 <= pace.pause_seconds <= 1.0
    looked(pace, time, 1.25)
    assert pace.pause_seconds == 25.0
    looked(pace, time, 1.25, answered=False)
    assert 0.9 <= pace.pause_seconds <= 1.0


def test_p3_slow_looks_keep_a_move_waiting_for_half_a_minute_at_most(
    pace: Pace, time: Time
) -> None:
    """A machine that has much else to do is not a registry that has; a longer poll is the wish."""
    looked(pace, time, 10.0)
    looked(pace, time, 10.0)
    assert pace.pause_seconds == 30.0
    assert pace.hint_seconds <= 30.0
    rare = Pace(60.0, time.clock.monotonic)
    looked(rare, time, 10.0)
    looked(rare, time, 10.0)
    assert 54.0 <= rare.pause_seconds <= 60.0


async def test_hint_ends_the_longest_pause_at_once(pace: Pace, time: Time) -> None:
    """However slow the registry is."""
    looked(pace, time, 10.0)
    looked(pace, time, 10.0)
    time.now += 30
    looked(pace, time, 10.0)
    assert not await returns(pace)
    pace.hint(Trigger.WEBHOOK)
    assert await returns(pace)
    assert looked(pace, time, 10.0) is Trigger.WEBHOOK


async def test_hints_after_an_answered_one_wait_their_share(pace: Pace, time: Time) -> None:
    """Twenty times the look that the first one caused, and all of them get one look."""
    looked(pace, time, 0.02)
    time.now += 1
    pace.hint(Trigger.WEBHOOK)
    looked(pace, time, 0.02)
    for _ in range(1000):
        pace.hint(Trigger.WEBHOOK)
    assert pace.hint_seconds == pytest.approx(0.4)
    assert not await returns(pace)
    time.now += 0.4
    assert await returns(pace)
    assert looked(pace, time, 0.02) is Trigger.WEBHOOK
    assert looked(pace, time, 0.02) is Trigger.POLL


def test_flood_of_hints_makes_looking_take_no_more_than_its_share(pace: Pace, time: Time) -> None:
    """A hint at every instant, for an hour: below a twentieth of the time."""
    looking, begun = 0.0, time.now
    while time.now < begun + 3600:
        pace.hint(Trigger.WEBHOOK)
        time.now += min(pace.hint_seconds, pace.pause_seconds)
        looked(pace, time, 0.5)
        looking += 0.5
    assert looking / (time.now - begun) < 0.05


async def test_what_is_due_by_time_alone_is_done_while_the_next_look_is_waited_for() -> None:
    """As often as it asks for; the look comes no earlier, and not later either."""
    pace = Pace(3600.0, Time().clock.monotonic)
    called: list[int] = []

    def meanwhile() -> float:
        called.append(1)
        if len(called) == 3:
            pace.hint(Trigger.OPERATOR)
        return 0.01

    looked(pace, Time(), 0.0)
    async with asyncio.timeout(60):
        await pace.pause(meanwhile)
    assert len(called) == 3


async def test_hint_during_a_look_asks_for_another_one(pace: Pace, time: Time) -> None:
    """The look may have read the registry before the alias moved."""
    pace.begin()
    pace.hint(Trigger.WEBHOOK)
    pace.ended(0.0, answered=True)
    assert await returns(pace)


def test_operator_gives_coalesced_hints_its_name(pace: Pace, time: Time) -> None:
    """Whoever hints after, or before."""
    looked(pace, time, 0.0)
    pace.hint(Trigger.WEBHOOK)
    pace.hint(Trigger.OPERATOR)
    pace.hint(Trigger.WEBHOOK)
    assert pace.begin() is Trigger.OPERATOR


def test_looks_are_the_starts_until_one_is_answered(pace: Pace, time: Time) -> None:
    """A registry that comes up late is found by the start."""
    assert looked(pace, time, 0.0, answered=False) is Trigger.START
    assert looked(pace, time, 0.0) is Trigger.START
    assert looked(pace, time, 0.0) is Trigger.POLL


async def test_ledger_records_the_trigger_under_which_a_version_was_first_aspired_to() -> None:
    """Retries after another's fault are of the same wish."""
    world = World()
    await world.follow_to(version(1))
    world.follower.look_now(Trigger.WEBHOOK)
    world.registry.fetch_errors[version(2)] = NO_DISK
    await world.follow_to(version(2))
    world.registry.fetch_errors.clear()
    world.time.now += 60
    await world.follow()
    assert world.slot.version == version(2)
    assert [(entry.version, entry.trigger) for entry in world.ledger.page(10)] == [
        ("2", Trigger.WEBHOOK),
        ("2", Trigger.WEBHOOK),
        ("1", Trigger.START),
    ]


async def test_p13_reload_lifts_the_quarantine() -> None:
    """The version is tried again although the alias has not moved, as the operator's."""
    world = World()
    world.stager.errors[version(1)] = BROKEN
    await world.follow_to(version(1))
    world.stager.errors.clear()
    await world.follow()
    assert world.stager.staged == [version(1)]
    world.follower.reload(world.refs[0])
    await world.follow()
    assert world.slot.version == version(1)
    assert world.ledger.page(1)[0].trigger is Trigger.OPERATOR


async def test_p13_reload_lifts_the_pause() -> None:
    """What failed by another's fault is tried now, not in a second."""
    world = World()
    world.registry.fetch_errors[version(1)] = NO_DISK
    await world.follow_to(version(1))
    world.registry.fetch_errors.clear()
    world.follower.reload(world.refs[0])
    await world.follow()
    assert world.slot.version == version(1)


async def test_reload_of_what_is_not_followed_is_refused() -> None:
    """As any route of an unknown model."""
    with pytest.raises(UnknownModel):
        World().follower.reload(ModelRef("nobody", "champion"))


async def test_reload_while_the_registry_is_down_is_no_error() -> None:
    """The look fails as others do, and what serves goes on."""
    world = World()
    await world.follow_to(version(1))
    world.registry.down = DOWN
    world.follower.reload(world.refs[0])
    await world.follow()
    assert world.slot.ready


def test_p7_quick_answer_ends_the_wait_that_a_slow_one_has_begun(pace: Pace, time: Time) -> None:
    """The registry is well again, and hints are answered as ever."""
    looked(pace, time, 10.0)
    assert pace.hint_seconds == 30.0
    looked(pace, time, 0.02)
    assert pace.hint_seconds == pytest.approx(0.4)


@pytest.mark.parametrize(("starts", "pause"), [(1, 1.0), (0, 20.0)])
async def test_p3_looks_that_are_slow_for_a_new_process_make_no_pause_longer(
    starts: int, pause: float
) -> None:
    """Where processes end often, each look may be the first of its own; the registry is quick."""
    world = World()

    class Slow(FakeRegistry):
        async def resolve(self, refs: Sequence[ModelRef]) -> LookAnswer:
            world.time.now += 1.0
            self.starts += starts
            return await super().resolve(refs)

    world.follower._looks._registry = Slow({world.refs[0]: version(1)})
    for _ in range(3):
        await world.follower.tick()
    assert 0.9 * pause <= world.follower._pace.pause_seconds <= pause
    await world.follower.settled()
