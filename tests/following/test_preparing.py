"""Versions that are made ready before an alias moves to them, with everything in a test's hand."""

import asyncio
from typing import Any

import pytest

from service.errors import NotPrepared, PassingFault, VersionFault
from service.following.gates.gate import Candidacy, GateClosed, GateFinding, Gates
from service.following.ledger import LedgerOutcome
from service.following.preparation import Preparation
from tests.following.fakes import World, version
from tests.following.test_proving import SleepyStager
from tests.support.serving import fetched_version

KEEP = 100.0


async def serving(world: World | None = None, versions: int = 4) -> World:
    """One that serves version 1 of a model that has several."""
    world = world or World()
    made = [world.registry.register("iris") for _ in range(versions)]
    for number in range(len(world.refs)):
        world.move(made[0], number)
    await world.follow()
    return world


def ask(world: World, number: int = 2, keep: float = KEEP, *, dry_run: bool = False) -> Preparation:
    """As an operator does."""
    return world.follower.preparing.ask(world.slot, str(number), keep, dry_run=dry_run)


async def asked(world: World, number: int = 2, **more: Any) -> Preparation:
    """What has come of it."""
    ask(world, number, **more)
    await world.follower.settled()
    return told(world, number, dry_run=more.get("dry_run", False))


def told(world: World, number: int | None = None, *, dry_run: bool = False) -> Preparation:
    """How it stands."""
    named = None if number is None else str(number)
    return world.follower.preparing.told(world.slot, named, dry_run=dry_run)


async def asked_over(world: World) -> None:
    """The first slot wants another version, which is made ready beside."""
    ask(world, 3)
    third = world.registry.models["iris"][2]
    await world.stager.entered[third].wait()


def made(world: World, number: int) -> int:
    """How often the version was loaded."""
    return [each.version for each in world.stager.staged].count(str(number))


async def test_p6_prepared_version_is_swapped_in_without_a_second_load() -> None:
    """Until the alias moves it serves nobody; looks in between do not end it."""
    world = await serving()
    ready = await asked(world)
    assert (ready.state, world.slot.version) == ("ready", world.registry.models["iris"][0])
    assert set(ready.stages) == {"look", "fetch", "gates", "load"}
    await world.follow()
    assert world.slot.status.prepared == world.registry.models["iris"][1]
    assert not world.stager.predictors[world.registry.models["iris"][1]].closed
    world.move(world.registry.models["iris"][1])
    await world.follower.tick()
    assert world.slot.version == world.registry.models["iris"][1]
    await world.follow()
    assert (made(world, 2), told(world).state) == (1, "ready")


async def test_p6_alias_that_moves_to_what_is_being_prepared_waits_for_the_one_load() -> None:
    """And whoever asks for it again follows the same work."""
    world = await serving()
    second = world.registry.models["iris"][1]
    gate = world.stager.gates[second] = asyncio.Event()
    ask(world)
    await world.stager.entered[second].wait()
    assert (ask(world).state, ask(world).stage) == ("preparing", "load")
    world.move(second)
    await world.follower.tick()
    gate.set()
    await world.follower.settled()
    assert (world.slot.version, made(world, 2), told(world).state) == (second, 1, "ready")


async def test_p2_version_that_cannot_be_loaded_is_refused_and_what_serves_goes_on() -> None:
    """With its reason; the alias may be moved there all the same, which is another wish."""
    world = await serving()
    first, second = world.registry.models["iris"][:2]
    broken = VersionFault("load", "load_failed", "It cannot be loaded.", "ValueError: a secret")
    world.stager.errors[second] = broken
    refused = await asked(world)
    failure = refused.refusals[0].failure
    assert (refused.state, refused.refusals[0].passing) == ("refused", False)
    assert (failure.code, failure.message, failure.detail) == (
        "load_failed",
        "It cannot be loaded.",
        "ValueError: a secret",
    )
    assert (world.slot.version, world.slot.failure, world.slot.status.state) == (
        first,
        None,
        "serving",
    )
    entry = world.ledger.page(1)[0]
    assert (entry.outcome, entry.version, entry.code) == (
        LedgerOutcome.NOT_PREPARED,
        "2",
        "load_failed",
    )
    assert world.events.of("not_prepared") == [("iris@champion", "2", "load_failed")]


async def test_version_that_is_not_in_the_registry_is_refused_and_silence_may_pass() -> None:
    """Nothing is fetched for either."""
    world = await serving()
    refused = await asked(world, 9)
    assert (refused.refusals[0].failure.code, refused.refusals[0].passing) == (
        "unknown_version",
        False,
    )
    world.registry.down = PassingFault("look", "registry_unreachable", "It does not answer.")
    assert (await asked(world, 3)).refusals[0].passing
    assert [each.version for each in world.registry.fetched] == ["1"]


class Breaking:
    """A gate of the slot that version 2 does not pass, and is compared for."""

    def check(self, candidacy: Candidacy) -> tuple[GateFinding, ...]:
        """Says what it is compared with."""
        assert candidacy.serving is not None
        found = GateFinding("compatible", "against", candidacy.serving.version.version)
        if candidacy.fetched.version.version == "2":
            raise GateClosed("compatible", "breaks", "It breaks clients.", (found,))
        return (found,)


class Unvalidated:
    """A gate of the version that is closed to all but the first."""

    async def check(self, fetched: Any) -> tuple[GateFinding, ...]:
        """Version 1 serves."""
        if fetched.version.version != "1":
            raise GateClosed("validation", "not_validated", "Nobody has validated it.")
        return ()


async def test_p12_version_is_judged_by_the_gates_of_its_slot_before_it_is_loaded() -> None:
    """Against what that serves; with findings."""
    world = World()
    await serving(world)
    world.follower._coming._gates = Gates(of_slot=(Breaking(),))
    world.follower.preparing._gates = world.follower._coming._gates
    refused = await asked(world)
    assert (refused.refusals[0].failure.code, refused.refusals[0].gate) == ("breaks", "compatible")
    assert [each.sentence for each in refused.findings] == ["1"]
    ready = await asked(world, 3)
    assert (ready.state, made(world, 2), made(world, 3)) == ("ready", 0, 1)


async def test_dry_run_asks_every_gate_and_loads_nothing() -> None:
    """One that is closed hides no other; what is prepared meanwhile stays so."""
    world = await serving()
    gates = Gates(of_version=(Unvalidated(),), of_slot=(Breaking(),))
    assert (await asked(world, 3)).state == "ready"
    world.follower.preparing._dry_runs._gates = gates
    refused = await asked(world, dry_run=True)
    assert [each.failure.code for each in refused.refusals] == ["not_validated", "breaks"]
    assert (made(world, 2), told(world).version, told(world).state) == (0, "3", "ready")
    world.follower.preparing._dry_runs._gates = Gates()
    assert (await asked(world, dry_run=True)).state == "passed"
    assert world.events.of("not_prepared") == []


async def test_p6_newest_wish_ends_the_one_before() -> None:
    """Also while that is loaded; whoever asked for it learns so."""
    world = await serving()
    second, third = world.registry.models["iris"][1:3]
    world.stager.gates[second] = asyncio.Event()
    ask(world)
    await world.stager.entered[second].wait()
    assert (await asked(world, 3)).state == "ready"
    assert world.stager.cancelled == [second]
    before = told(world, 2)
    assert (before.state, before.why) == ("ended", "version 3 was asked for")
    assert world.slot.prepared == third


async def test_p8_what_nobody_wants_when_its_time_is_up_is_ended() -> None:
    """Asking again keeps it for longer."""
    world = await serving()
    second = world.registry.models["iris"][1]
    await asked(world)
    world.time.now += KEEP - 1
    await asked(world)
    world.time.now += KEEP - 1
    await world.follow()
    assert (told(world).state, made(world, 2)) == ("ready", 1)
    world.time.now += 2
    await world.follow()
    assert (told(world).state, told(world).why) == ("ended", "its time is up")
    assert world.stager.predictors[second].closed
    assert world.slot.status.prepared is None


async def test_most_prepared_versions_bound_what_is_loaded_for_them() -> None:
    """What is there is not taken from whoever asked for it; what serves by now does not count."""
    world = World("iris@champion", "iris@blue", max_prepared=1)
    await serving(world)
    assert (await asked(world)).state == "ready"
    blue = world.slots["iris@blue"]
    full = world.follower.preparing.ask(blue, "3", KEEP, dry_run=False)
    assert (full.refusals[0].failure.code, full.refusals[0].passing) == ("prepared_enough", True)
    assert "iris@champion version 2" in full.refusals[0].failure.message
    world.move(world.registry.models["iris"][1])
    await world.follow()
    assert world.follower.preparing.ask(blue, "3", KEEP, dry_run=False).state == "preparing"
    await world.follower.settled()


async def test_dry_runs_that_wait_for_their_turn_are_bounded() -> None:
    """One more may be asked for once one has ended; whoever asks for the same waits with it."""
    world = await serving(versions=20)
    states = [ask(world, number, dry_run=True).state for number in range(1, 18)]
    assert states == ["preparing"] * 16 + ["refused"]
    enough = told(world, 17, dry_run=True).refusals[0]
    assert (enough.failure.code, enough.passing) == ("dry_runs_enough", True)
    assert ask(world, 16, dry_run=True).state == "preparing"
    await world.follower.settled()
    assert (await asked(world, 17, dry_run=True)).state == "passed"


async def test_service_that_keeps_no_version_ready_says_so_and_judges_all_the_same() -> None:
    """A dry run keeps nothing."""
    world = await serving(World(max_prepared=0))
    refused = await asked(world)
    assert (refused.refusals[0].failure.code, refused.refusals[0].passing) == (
        "preparing_off",
        False,
    )
    assert (await asked(world, dry_run=True)).state == "passed"


async def test_version_that_another_slot_goes_on_with_is_over_for_the_one_that_refused_it() -> None:
    """What is told of it stands still."""
    world = await serving(World("iris@champion", "iris@blue"))
    second = world.registry.models["iris"][1]
    gate = world.stager.gates[second] = asyncio.Event()
    ask(world)
    world.follower.preparing.ask(world.slots["iris@blue"], "2", KEEP, dry_run=False)
    await world.stager.entered[second].wait()
    await asked_over(world)
    before = told(world, 2)
    world.time.now += 5
    assert (told(world, 2), before.state, before.stage) == (before, "ended", None)
    gate.set()
    await world.follower.settled()
    blue = world.follower.preparing.told(world.slots["iris@blue"])
    assert (blue.state, made(world, 2)) == ("ready", 1)


async def test_p23_what_is_withdrawn_is_not_kept_ready() -> None:
    """By command, and by its tag at the next look; nor made ready."""
    world = await serving()
    second, third = world.registry.models["iris"][1:3]
    await asked(world)
    await world.follower.withdrawing.withdraw("iris", "2")
    assert (told(world).refusals[0].failure.code, world.slot.prepared) == ("withdrawn", None)
    assert world.stager.predictors[second].closed
    assert (await asked(world)).state == "refused"
    await asked(world, 3)
    world.registry.fetched_fields[third] = {"tags": {"podium.withdrawn": "true"}}
    await world.follow()
    assert told(world).refusals[0].failure.code == "withdrawn"
    world.registry.fetched_fields[version(4, "iris", third.created)] = {
        "tags": {"podium.withdrawn": "leaks"}
    }
    assert ((await asked(world, 4)).state, made(world, 4)) == ("refused", 0)


async def test_prepared_version_that_has_served_is_let_go_of_like_any_other() -> None:
    """Once the alias has moved on it is warm for as long as every version is."""
    world = World(keep_warm_seconds=5.0)
    await serving(world)
    first, second = world.registry.models["iris"][:2]
    await asked(world)
    for to in (second, first):
        world.move(to)
        await world.follow()
    assert told(world).state == "ended"
    world.time.now += 6
    await world.follow()
    assert world.stager.predictors[second].closed


async def test_p11_prepared_version_whose_processes_are_gone_is_not_said_to_be_ready() -> None:
    """It is made anew when somebody asks."""
    world = await serving()
    second = world.registry.models["iris"][1]
    await asked(world)
    world.stager.predictors[second].ready = False
    await world.follow()
    assert (told(world).state, told(world).why) == ("ended", "its processes have ended")
    assert ((await asked(world)).state, made(world, 2)) == ("ready", 2)


async def test_version_that_is_loaded_on_demand_is_loaded_to_be_ready() -> None:
    """That it can be is what was asked."""
    stager = SleepyStager()
    world = await serving(World(stager=stager))
    second = world.registry.models["iris"][1]
    assert (await asked(world)).state == "ready"
    assert [each.proven for each in stager.sleepers[second]] == [True]


async def test_nothing_is_told_of_what_nobody_has_asked_for() -> None:
    """Nor of a dry run, where a version was to be made ready."""
    world = await serving()
    with pytest.raises(NotPrepared):
        told(world)
    await asked(world)
    with pytest.raises(NotPrepared):
        told(world, 2, dry_run=True)
    assert fetched_version(version(1)).tags == {}


async def test_close_ends_what_is_prepared() -> None:
    """And what is being."""
    world = await serving(World("iris@champion", "iris@blue"))
    second, third = world.registry.models["iris"][1:3]
    await asked(world)
    world.stager.gates[third] = asyncio.Event()
    world.follower.preparing.ask(world.slots["iris@blue"], "3", KEEP, dry_run=False)
    await world.stager.entered[third].wait()
    await world.follower.close()
    assert world.stager.predictors[second].closed
    assert world.stager.cancelled == [third]


async def test_p24_ledger_says_why_a_version_was_made_ready_or_could_not_be_and_who_asked() -> None:
    """As the command says it, beside why it was refused."""
    world = await serving(1)
    for number in (2, 9):
        world.follower.preparing.ask(
            world.slot, str(number), KEEP, dry_run=False, reason=f"release {number} (by ada)"
        )
        await world.follower.settled()
    refused, prepared = world.ledger.page(2)
    assert (prepared.outcome, prepared.reason) == ("prepared", "release 2 (by ada)")
    assert (refused.outcome, refused.reason) == ("not_prepared", "release 9 (by ada)")
    assert refused.code == "unknown_version"
