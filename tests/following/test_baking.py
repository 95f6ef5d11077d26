"""A version that does worse than the one that was proven before it gives way by itself (P20)."""

import asyncio
from dataclasses import replace

import pytest

from service.bake_tag import BakeRule
from service.contract.model_input import ModelInput, ValidInput
from service.errors import PassingFault, VersionFault
from service.following.ledger import LedgerOutcome
from service.following.ports import Missing, ReadsRequests
from service.following.second_opinions import Doubt
from service.following.slot import Slot
from service.hold_tag import Hold
from service.refs import ModelRef, VersionId
from service.rollout.durations import Durations
from service.rollout_tags import RolloutTags
from tests.following.fakes import FakeHistory, World, version

_RULE = BakeRule(seconds=60, most_seconds=900)


def ended(slot: Slot, requests: int, failed: int = 0) -> None:
    """So many requests have ended at what serves there, of which so many failed."""
    assert slot.binding is not None
    outcomes = slot.binding.outcomes
    for number in range(requests):
        if number < failed:
            outcomes.failed("model_failed")
        else:
            outcomes.requests += 1
            if outcomes.requests >= outcomes.full:
                outcomes.fill()


async def baking(
    *numbers: int,
    rule: BakeRule = _RULE,
    keep_warm_seconds: float = 60.0,
    history: FakeHistory | None = None,
) -> World:
    """The first version has served 1,000 requests; each of the others is swapped in after it."""
    world = World(bake=rule, keep_warm_seconds=keep_warm_seconds, history=history)
    await world.follow_to(version(1))
    ended(world.slot, 1000)
    for number in numbers:
        await world.follow_to(version(number))
    return world


def outcomes_of(world: World) -> list[LedgerOutcome]:
    """What the ledger has noted, the oldest first."""
    return [entry.outcome for entry in reversed(world.ledger.page(50))]


def known(world: World) -> VersionId | None:
    """The slot's last known good."""
    fetched = world.history.baseline(world.slot.ref)
    return None if fetched is None else fetched.version


async def test_p20_version_that_fails_20_percent_gives_way_at_100_requests() -> None:
    """To the one before it, which is warm; the slot, the ledger and observers say why."""
    world = await baking(2)
    ended(world.slot, 100, failed=20)
    await world.follow()
    slot = world.slot
    assert slot.version == version(1)
    assert (slot.quarantined, slot.status.state) == (version(2), "refused")
    assert slot.failure is not None
    assert (slot.failure.stage, slot.failure.code) == ("bake", "fails_more")
    assert slot.failure.message == (
        "Version 2 has failed 20 of 100 requests (20%), version 1 0 of its last 1000 (0%): it "
        "gives way to that."
    )
    assert world.events.of("gave_way") == [
        ("iris@champion", version(2), version(1), "fails_more"),
    ]
    entry = world.ledger.page(1)[0]
    assert (entry.outcome, entry.before, entry.version) == (LedgerOutcome.GAVE_WAY, "2", "1")
    assert world.stager.staged == [version(1), version(2)]
    assert version(2) in [each for (each,) in world.events.of("retired")]


async def test_p20_version_gives_way_to_one_that_had_no_request_of_its_own() -> None:
    """After a start the proven one may have had no request yet, and the alias moves."""
    world = World(bake=_RULE)
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    assert world.slot.bake is not None
    for _ in range(40):
        world.slot.bake.outcomes.tried(spared=False)
    ended(world.slot, 100, failed=100)
    await world.follow()
    assert world.slot.version == version(1)
    assert world.slot.failure is not None
    assert world.slot.failure.message == (
        "Version 2 has failed 100 of 100 requests (100%), version 1 0 of its last 40 (0%): it "
        "gives way to that."
    )


async def test_p20_version_as_good_as_the_one_before_is_proven_when_its_time_is_over() -> None:
    """And then alone is the last known good, and has served."""
    world = await baking(2)
    ended(world.slot, 200, failed=1)
    await world.follow()
    assert (world.slot.version, known(world)) == (version(2), version(1))
    assert not world.history.has_served(world.slot.ref, version(2))
    world.time.now += 60
    await world.follow()
    assert (known(world), world.slot.bake) == (version(2), None)
    assert world.history.has_served(world.slot.ref, version(2))
    assert outcomes_of(world)[-1] is LedgerOutcome.PROVEN
    assert world.events.of("baked") == [("iris@champion", version(2))]


async def test_p20_first_version_of_a_slot_is_proven_at_once() -> None:
    """There is nothing that it could be compared with."""
    world = await baking()
    assert (known(world), world.slot.bake) == (version(1), None)


async def test_p20_what_comes_back_to_the_proven_one_bakes_no_more() -> None:
    """An operator has moved the alias back within the bake."""
    world = await baking(2, 1)
    assert (world.slot.version, world.slot.bake, known(world)) == (version(1), None, version(1))
    ended(world.slot, 1000, failed=1000)
    await world.follow()
    assert world.slot.version == version(1)


async def test_p20_several_versions_within_a_bake_give_way_to_the_proven_one() -> None:
    """Not to the one in the middle, which has shown nothing and is not kept."""
    world = await baking(2, 3)
    assert version(2) in [each for (each,) in world.events.of("retired")]
    ended(world.slot, 100, failed=50)
    await world.follow()
    assert world.slot.version == version(1)
    assert world.stager.staged == [version(1), version(2), version(3)]


@pytest.mark.parametrize("keep_warm_seconds", [0.0, 5.0])
async def test_p20_proven_version_is_warm_until_another_has_passed(
    keep_warm_seconds: float,
) -> None:
    """However short others are; then it is for as long as any."""
    world = await baking(2, keep_warm_seconds=keep_warm_seconds)
    ended(world.slot, 100)
    world.time.now += 59
    await world.follow()
    assert not world.stager.predictors[version(1)].closed
    world.time.now += 1
    await world.follow()
    world.time.now += keep_warm_seconds
    await world.follow()
    assert world.stager.predictors[version(1)].closed


async def test_p20_verdict_holds_while_the_alias_stays() -> None:
    """Neither a look nor a plain reload brings the version back, and nothing is fetched for it."""
    world = await baking(2)
    ended(world.slot, 100, failed=100)
    await world.follow()
    fetched = list(world.registry.fetched)
    world.follower.reload(world.slot.ref)
    for _ in range(3):
        await world.follow()
    assert (world.slot.version, world.registry.fetched) == (version(1), fetched)
    assert world.slot.failure is not None


async def test_p20_verdict_survives_a_restart() -> None:
    """It is looked at before anything is fetched; the last known good serves."""
    world = await baking(2)
    ended(world.slot, 100, failed=100)
    await world.follow()
    again = World(bake=_RULE, history=world.history)
    await again.follow_to(version(2))
    await again.follow()
    assert again.slot.version == version(1)
    assert again.registry.fetched == []
    assert again.slot.failure is not None
    assert again.slot.failure.code == "fails_more"


async def test_p20_verdict_ends_when_the_alias_moves() -> None:
    """Away and back again: the version is tried as if it were new."""
    world = await baking(2)
    ended(world.slot, 100, failed=100)
    await world.follow()
    await world.follow_to(version(3))
    assert (world.slot.version, world.slot.verdict) == (version(3), None)
    assert world.history.verdict(world.slot.ref) is None
    await world.follow_to(version(2))
    assert world.slot.version == version(2)


async def test_p20_verdict_ends_when_the_alias_is_deleted() -> None:
    """Whoever sets it anew means it."""
    world = await baking(2)
    ended(world.slot, 100, failed=100)
    await world.follow()
    await world.follow_to(Missing.ALIAS)
    await world.follow_to(version(2))
    assert world.slot.version == version(2)


async def test_p20_reload_again_tries_a_judged_version_anew() -> None:
    """An operator has mended what was not the version's fault; it bakes as before."""
    world = await baking(2)
    ended(world.slot, 100, failed=100)
    await world.follow()
    world.follower.reload(world.slot.ref, again=True)
    await world.follow()
    assert (world.slot.version, world.slot.failure) == (version(2), None)
    assert world.slot.bake is not None


async def test_p20_hold_does_not_end_a_verdict() -> None:
    """Nor does its end: the alias has stayed where it was."""
    world = await baking(2)
    ended(world.slot, 100, failed=100)
    await world.follow()
    world.registry.holds[world.slot.ref] = Hold("a freeze")
    await world.follow()
    del world.registry.holds[world.slot.ref]
    await world.follow()
    assert world.slot.version == version(1)
    assert world.slot.verdict is not None


async def test_p20_alias_that_has_moved_on_wins() -> None:
    """What it is on is not refused for what the version before it has done."""
    world = await baking(2)
    ended(world.slot, 100, failed=100)
    await world.follow_to(version(3))
    assert (world.slot.version, world.slot.verdict) == (version(3), None)


async def test_p20_version_gives_way_while_the_next_one_is_loaded() -> None:
    """No verdict is kept of what no alias is on any more; the next one comes all the same."""
    world = await baking(2)
    gate = world.stager.gates[version(3)] = asyncio.Event()
    world.move(version(3))
    await world.follower.tick()
    await world.stager.entered[version(3)].wait()
    ended(world.slot, 100, failed=100)
    await world.follower.tick()
    assert (world.slot.version, world.slot.verdict) == (version(1), None)
    gate.set()
    await world.follower.settled()
    assert world.slot.version == version(3)


async def test_p20_nothing_gives_way_to_what_cannot_answer() -> None:
    """The look is taken once it can."""
    world = await baking(2)
    old = world.stager.predictors[version(1)]
    old.ready = False
    ended(world.slot, 100, failed=100)
    await world.follow()
    assert world.slot.version == version(2)
    old.ready = True
    await world.follow()
    assert world.slot.version == version(1)


async def test_p20_no_bake_ends_with_a_look_that_is_due() -> None:
    """What it would give way to cannot answer when its time is over, and can again later."""
    world = await baking(2)
    old = world.stager.predictors[version(1)]
    old.ready = False
    ended(world.slot, 100, failed=100)
    world.time.now += 899
    await world.follow()
    assert (known(world), world.slot.bake is None) == (version(1), False)
    old.ready = True
    await world.follow()
    assert world.slot.version == version(1)


async def _nobody_reads(_: ReadsRequests) -> ValidInput:
    raise AssertionError


def _all_fail(world: World) -> None:
    """A hundred requests, and the proven version is asked about one of them."""
    bake = world.slot.bake
    assert bake is not None
    assert bake.opinions is not None
    ended(world.slot, 100, failed=100)
    asked = ModelInput("tensor", (), 1, None, None, None)
    bake.opinions.doubt(Doubt("model_failed", asked, _nobody_reads, 10))


async def test_p20_proven_version_that_is_slow_to_say_puts_a_verdict_off_for_seconds() -> None:
    """It may have something to say; after ten seconds it has had its time."""
    world = await baking(2)
    gate = world.stager.predictors[version(1)].gate = asyncio.Event()
    world.time.now += 60
    _all_fail(world)
    for seconds in (0.0, 9.9):
        world.time.now += seconds
        await world.follower.tick()
        assert (world.slot.version, known(world)) == (version(2), version(1))
    world.time.now += 0.1
    await world.follower.tick()
    assert world.slot.version == version(1)
    gate.set()
    await world.follower.settled()


async def test_p20_proven_version_that_is_not_loaded_does_not_keep_a_verdict_away() -> None:
    """Nobody loads it for a question; a look waits for it for ten seconds."""
    world = await baking(2)
    old = world.stager.predictors[version(1)]
    old.ready = False
    _all_fail(world)
    await world.follower.settled()
    old.ready = True
    await world.follow()
    assert world.slot.version == version(2)
    world.time.now += 10
    await world.follow()
    assert world.slot.version == version(1)


@pytest.mark.parametrize("again", [False, True])
async def test_p20_what_mostly_fails_is_no_last_known_good(*, again: bool) -> None:
    """A start has ended its bake, and what it could give way to is lost: it is told."""
    world = await baking(2)
    world.history.lost.add(version(1))
    started = World(bake=_RULE, history=world.history)
    await started.follow_to(version(2))
    ended(started.slot, 6400, failed=6400)
    for seconds in (60, 900, 3600):
        started.time.now += seconds
        await started.follow()
    assert (known(started), started.events.of("baked")) == (version(1), [])
    assert started.events.of("unproven") == [("iris@champion", version(2))]
    entry = started.ledger.page(1)[0]
    assert entry.outcome is LedgerOutcome.UNPROVEN
    assert entry.message == (
        "Version 2 has failed 6400 of 6400 requests (100%); nothing was kept warm that it could be "
        "compared with. What was proven before it stays the last known good."
    )
    ended(started.slot, 6500 if again else 0)
    await started.follow()
    assert known(started) == version(2 if again else 1)


async def started_within(world: World) -> World:
    """The service starts anew within the bake, and version 2 serves again."""
    again = World(bake=_RULE, history=world.history, tombstones=world.tombstones)
    await again.follow_to(version(2))
    await again.follow()
    return again


async def test_p20_start_within_a_bake_brings_back_what_was_proven() -> None:
    """From its files, beside what serves; from then on the bake is as any other."""
    again = await started_within(await baking(2))
    assert again.stager.staged == [version(2), version(1)]
    assert again.registry.fetched == [version(2)]
    await again.follow()
    slot = again.slot
    assert (slot.version, known(again)) == (version(2), version(1))
    assert slot.bake is not None
    assert slot.bake.older is not None
    assert slot.bake.older.servable.version == version(1)
    for _ in range(40):
        slot.bake.outcomes.tried(spared=False)
    ended(slot, 100, failed=100)
    await again.follow()
    assert slot.version == version(1)
    assert slot.verdict is not None
    assert version(2) in [each for (each,) in again.events.of("retired")]


async def test_p20_start_within_a_bake_forgets_nothing_of_what_was_proven() -> None:
    """What its last requests came to: it is compared with by that, though it has had none since."""
    again = await started_within(await baking(2))
    await again.follow()
    ended(again.slot, 100, failed=20)
    await again.follow()
    assert again.slot.version == version(1)
    assert again.slot.failure is not None
    assert again.slot.failure.message == (
        "Version 2 has failed 20 of 100 requests (20%), version 1 0 of its last 1000 (0%): it "
        "gives way to that."
    )


async def test_p20_bake_goes_on_while_what_was_proven_is_loaded() -> None:
    """However long that takes; what came before it is there is compared with nothing."""
    world = await baking(2)
    again = World(bake=_RULE, history=world.history)
    gate = again.stager.gates[version(1)] = asyncio.Event()
    await again.follow_to(version(2))
    ended(again.slot, 300, failed=10)
    for seconds in (0, 60, 600):
        again.time.now += seconds
        await again.follower.tick()
    assert (known(again), again.events.of("baked")) == (version(1), [])
    gate.set()
    await again.follow()
    await again.follow()
    bake = again.slot.bake
    assert bake is not None
    assert bake.sample.requests == 0
    ended(again.slot, 100)
    await again.follow()
    assert (known(again), again.events.of("baked")) == (version(2), [("iris@champion", version(2))])
    again.time.now += 60
    await again.follow()
    assert again.stager.predictors[version(1)].closed


async def test_p20_what_was_proven_and_cannot_be_loaded_is_waited_for_no_longer() -> None:
    """Its bake ends as that of one with nothing to compare it with; it is told why."""
    world = await baking(2)
    again = World(bake=_RULE, history=world.history)
    again.stager.errors[version(1)] = VersionFault("load", "load_failed", "It does not load.")
    await again.follow_to(version(2))
    await again.follow()
    ended(again.slot, 10)
    again.time.now += 60
    await again.follow()
    assert (known(again), again.slot.bake) == (version(2), None)
    told = again.events.of("not_brought_back")
    assert told == [("iris@champion", version(1), "load_failed")]


async def test_p20_what_was_proven_is_tried_again_where_that_may_help() -> None:
    """After a pause."""
    world = await baking(2)
    again = World(bake=_RULE, history=world.history)
    again.stager.errors[version(1)] = PassingFault("load", "no_process", "Too many.")
    await again.follow_to(version(2))
    await again.follow()
    assert len(again.events.of("not_brought_back")) == 1
    del again.stager.errors[version(1)]
    again.time.now += 30
    await again.follow()
    await again.follow()
    assert again.slot.older is not None


@pytest.mark.parametrize("to", [1, 3])
async def test_p20_alias_that_moves_ends_the_load_of_what_was_proven(to: int) -> None:
    """Back to that, which is loaded for the slot then; or on, where it is wanted anew."""
    world = await baking(2)
    again = World(bake=_RULE, history=world.history)
    gate = again.stager.gates[version(1)] = asyncio.Event()
    await again.follow_to(version(2))
    await again.follower.tick()
    await again.stager.entered[version(1)].wait()
    again.move(version(to))
    await again.follower.tick()
    gate.set()
    for _ in range(3):
        await again.follow()
    assert again.slot.version == version(to)
    older = again.slot.older
    assert (None if older is None else older.servable.version) == (version(1) if to == 3 else None)
    await again.follower.close()
    assert all(each.closed for each in again.stager.predictors.values())


@pytest.mark.parametrize("tag", ["podium.blocked", "podium.withdrawn"])
async def test_p20_what_nobody_may_be_answered_by_does_not_come_back(tag: str) -> None:
    """It was marked while no service looked."""
    world = await baking(2)
    again = World(bake=_RULE, history=world.history)
    again.registry.fetched_fields[version(1)] = {"tags": {tag: "true"}}
    again.registry.tagged.add(version(1))
    await again.follow_to(version(2))
    await again.follow()
    await again.follow()
    assert again.stager.staged == [version(2)]
    assert (again.slot.version, again.slot.older) == (version(2), None)


async def test_p20_service_that_ends_ends_what_was_coming_back() -> None:
    """Whatever has come of it by then."""
    world = await baking(2)
    again = World(bake=_RULE, history=world.history)
    again.stager.gates[version(1)] = asyncio.Event()
    await again.follow_to(version(2))
    await again.follower.tick()
    await again.stager.entered[version(1)].wait()
    await again.follower.close()
    assert again.stager.cancelled == [version(1)]


async def test_p20_what_another_slot_serves_is_not_loaded_again_to_come_back() -> None:
    """It is one version, in one set of hosts."""
    world = await baking(2)
    again = World("iris@champion", "iris@other", bake=_RULE, history=world.history)
    again.move(version(1), 1)
    await again.follow_to(version(2))
    await again.follow()
    assert again.stager.staged.count(version(1)) == 1
    assert again.slot.older is not None


async def test_p20_what_mostly_fails_is_unproven_where_the_proven_one_was_not_asked() -> None:
    """Neither by requests of its own, before the alias moved, nor of what fails."""
    world = World(bake=_RULE)
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    ended(world.slot, 6400, failed=6400)
    world.time.now += 900
    await world.follow()
    assert (known(world), world.events.of("baked")) == (version(1), [])
    assert not world.stager.predictors[version(1)].closed


async def test_p20_nothing_gives_way_to_what_is_blocked() -> None:
    """An operator's word is worth more."""
    world = await baking(2)
    world.registry.fetched_fields[version(1)] = {"tags": {"podium.blocked": "leaks"}}
    world.registry.tagged.add(version(1))
    ended(world.slot, 100, failed=100)
    await world.follow()
    assert world.slot.version == version(2)


async def test_p20_too_few_requests_are_waited_for_and_told() -> None:
    """The version before is warm meanwhile, up to the longest time."""
    world = await baking(2)
    ended(world.slot, 99, failed=1)
    world.time.now += 60
    await world.follow()
    await world.follow()
    assert (known(world), world.slot.version) == (version(1), version(2))
    assert world.events.of("unproven") == [("iris@champion", version(2))]
    world.time.now += 840
    await world.follow()
    assert (known(world), world.slot.bake) == (version(2), None)


@pytest.mark.parametrize(("requests", "failed"), [(99, 99), (99, 5), (1, 1)])
async def test_p20_what_fails_more_is_not_proven_by_too_few_requests(
    requests: int, failed: int
) -> None:
    """Nor does it give way before the hundredth; the version before is warm until then."""
    world = await baking(2)
    ended(world.slot, requests, failed=failed)
    for seconds in (60, 840, 3600):
        world.time.now += seconds
        await world.follow()
    assert (world.slot.version, known(world)) == (version(2), version(1))
    assert not world.stager.predictors[version(1)].closed
    assert (world.events.of("baked"), len(world.events.of("unproven"))) == ([], 2)
    assert "stays the last known good" in (world.ledger.page(1)[0].message or "")
    ended(world.slot, 100 - requests, failed=100 - requests)
    await world.follow()
    assert world.slot.version == version(1)


async def test_p20_what_failed_first_is_proven_once_enough_has_gone_well() -> None:
    """However late."""
    world = await baking(2)
    ended(world.slot, 1, failed=1)
    world.time.now += 900
    await world.follow()
    assert known(world) == version(1)
    ended(world.slot, 9)
    await world.follow()
    assert (known(world), world.slot.bake) == (version(2), None)


async def test_p20_what_fails_as_the_one_before_is_proven_by_few_requests() -> None:
    """Both fail mostly: it does no worse."""
    world = await baking()
    ended(world.slot, 1000, failed=1000)
    await world.follow_to(version(2))
    ended(world.slot, 50, failed=40)
    world.time.now += 900
    await world.follow()
    assert known(world) == version(2)


async def test_p20_version_that_fails_late_gives_way_while_it_is_unproven() -> None:
    """The hundredth request comes after its time."""
    world = await baking(2)
    ended(world.slot, 50)
    world.time.now += 61
    await world.follow()
    ended(world.slot, 50, failed=50)
    await world.follow()
    assert world.slot.version == version(1)


async def test_p20_withdrawn_version_that_baked_makes_room_for_the_proven_one() -> None:
    """Nobody is answered by it, as P23 says, and nothing is judged; that is warm for the next."""
    world = await baking(2)
    await world.follower.withdrawing.withdraw("iris", "2")
    slot = world.slot
    assert (slot.version, slot.bake, slot.verdict) == (version(1), None, None)
    assert world.stager.predictors[version(2)].closed
    assert slot.failure is not None
    assert (slot.failure.code, slot.failure.version) == ("withdrawn", version(2))
    assert "version 1 serves until" in slot.failure.message
    await world.follow()
    assert (slot.version, known(world)) == (version(1), version(1))
    await world.follow_to(version(3))
    assert slot.bake is not None
    assert slot.bake.older is not None
    ended(slot, 100, failed=100)
    await world.follow()
    assert slot.version == version(1)


async def test_p20_withdrawn_version_that_baked_leaves_nothing_to_what_is_withdrawn_too() -> None:
    """Whichever was first."""
    for first, then in (("1", "2"), ("2", "1")):
        world = await baking(2)
        await world.follower.withdrawing.withdraw("iris", first)
        await world.follower.withdrawing.withdraw("iris", then)
        await world.follow()
        assert (world.slot.version, world.slot.bake) == (None, None)


async def test_p20_withdrawn_version_that_baked_is_stood_in_for_after_a_start() -> None:
    """By the same."""
    world = await baking(2)
    await world.follower.withdrawing.withdraw("iris", "2")
    again = World(bake=_RULE, history=world.history, tombstones=world.tombstones)
    await again.follow_to(version(2))
    await again.follow()
    assert again.slot.version == version(1)


async def test_p20_withdrawn_version_makes_room_for_what_was_still_coming_back() -> None:
    """It has served there: what bakes has not, though nothing else was loaded by then."""
    world = await baking(2)
    again = World(bake=_RULE, history=world.history, tombstones=world.tombstones)
    gate = again.stager.gates[version(1)] = asyncio.Event()
    await again.follow_to(version(2))
    await again.follower.tick()
    await again.stager.entered[version(1)].wait()
    withdrawing = asyncio.create_task(again.follower.withdrawing.withdraw("iris", "2"))
    await again.follower.tick()
    gate.set()
    await withdrawing
    for _ in range(2):
        await again.follow()
    assert (again.slot.version, known(again)) == (version(1), version(1))
    assert again.slot.failure is not None
    assert again.slot.failure.code == "withdrawn"


async def test_p20_arm_of_a_split_does_not_bake() -> None:
    """Whoever has given it its share judges it; what it is an arm of does bake."""
    world = await baking()
    world.registry.rollout[world.slot.ref] = RolloutTags(split="challenger=10")
    challenger = ModelRef("iris", "challenger")
    for number in (3, 4):
        world.registry.aliases[challenger] = version(number)
        await world.follow()
        await world.follow()
    arm = world.slots[str(challenger)]
    assert (arm.version, arm.bake) == (version(4), None)
    await world.follow_to(version(2))
    assert world.slot.bake is not None


async def test_p20_version_that_gave_way_keeps_no_share_as_an_arm() -> None:
    """Under no alias: an operator may have given it a share beside what it was to follow."""
    world = World(bake=_RULE)
    proven, judged, other = (world.registry.register("iris") for _ in range(3))
    await world.follow_to(proven)
    ended(world.slot, 1000)
    world.registry.rollout[world.slot.ref] = RolloutTags(split="v2=50")
    await world.follow()
    await world.follow_to(judged)
    ended(world.slot, 100, failed=100)
    await world.follow()
    assert (world.slot.version, world.slot.traffic.shares) == (proven, ())
    (_, arm) = world.slot.status.arms
    assert arm.failure == world.slot.failure
    await world.follow_to(other)
    assert world.slot.traffic.shares == (("v2", "2", 5000),)


async def test_p20_bake_of_zero_seconds_changes_nothing() -> None:
    """A version is the last known good from its swap on."""
    world = await baking(2, rule=BakeRule(seconds=0))
    assert (known(world), world.slot.bake) == (version(2), None)


@pytest.mark.parametrize(
    ("tag", "seconds"), [("300s,errors", 300), ("off", None), ("nonsense", 60), ("x" * 5000, 60)]
)
async def test_p20_tag_says_how_versions_bake(tag: str, seconds: float | None) -> None:
    """Nonsense changes nothing."""
    world = await baking()
    world.registry.rollout[world.slot.ref] = RolloutTags.of({"bake": tag})
    await world.follow_to(version(2))
    bake = world.slot.bake
    assert (None if bake is None else bake.rule.seconds) == seconds


class _Times:
    wanted = False

    def __init__(self) -> None:
        self.durations = {version(1): Durations(), version(2): Durations()}

    def of(self, asked: VersionId) -> Durations | None:
        return self.durations.get(asked)

    def took(self, number: int, seconds: float, calls: int = 200) -> None:
        for _ in range(calls):
            self.durations[version(number)].add(1, seconds)


@pytest.mark.parametrize(("seconds", "serves"), [(0.030, 1), (0.015, 2)])
async def test_p20_version_that_takes_twice_as_long_gives_way(seconds: float, serves: int) -> None:
    """Where the rule says so; its first five seconds are left out."""
    times = _Times()
    world = World(bake=replace(_RULE, slower=2.0), times=times)
    await world.follow_to(version(1))
    times.took(1, 0.010)
    ended(world.slot, 1000)
    await world.follow_to(version(2))
    times.took(2, 1.0, calls=1000)
    world.time.now += 5
    await world.follow()
    times.took(2, seconds)
    ended(world.slot, 200)
    await world.follow()
    assert times.wanted
    assert world.slot.version == version(serves)
    assert (world.slot.failure is not None) == (serves == 1)
