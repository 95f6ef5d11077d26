"""What is withdrawn serves nobody, whoever has said so, until that is taken back (P23)."""

import asyncio
from dataclasses import replace

import pytest

from service.errors import PassingFault, UnknownModel, UnknownVersion
from service.following import tombstone_sync
from service.following.ledger import LedgerOutcome
from service.following.ports import Missing
from service.following.withdrawing import Withdrawal
from service.tombstones import Source, Tombstone, Tombstones, reason_of
from tests.following.fakes import FakeHistory, FakeTombstones, World, version
from tests.following.test_follower import BROKEN, DOWN
from tests.following.test_proving import SleepyStager


async def serving(*numbers: int, world: World | None = None) -> World:
    """A service that has served these versions of iris, the last one now."""
    world = world or World()
    world.registry.register("iris")
    for number in numbers:
        await world.follow_to(version(number))
    return world


async def withdrawn(world: World, number: int = 1) -> Withdrawal:
    """What an operator is told who withdraws that version of iris; all that follows is done."""
    told = await world.follower.withdrawing.withdraw("iris", str(number))
    await world.follower.settled()
    return told


def tag(world: World, number: int, value: str | None) -> None:
    """Sets the version's tag, or deletes it."""
    tags = {} if value is None else {"podium.withdrawn": value}
    world.registry.fetched_fields[version(number)] = {"tags": tags}


def restarted(world: World) -> World:
    """Another service with the same home, and the same registry."""
    again = World(history=world.history, tombstones=world.tombstones)
    vars(again.registry).update(vars(world.registry))
    return again


def lacking(world: World) -> tuple[str, str | None, str | None]:
    """The first slot's state, what it lacks, and the code of why."""
    status = world.slot.status
    lacks = None if status.withdrawn is None else status.withdrawn.version
    code = None if status.failure is None else status.failure.code
    return status.state, lacks, code


GONE = ("withdrawn", "1", "withdrawn")


async def test_p23_withdrawn_version_is_taken_from_its_slot_before_anything_else_is_done() -> None:
    """In the very turn in which its operator asks; its processes end, and its files go."""
    world = await serving(1)
    assert world.slot.binding is not None
    servable = world.slot.binding.servable
    servable.hold()  # a request in flight
    asked = asyncio.ensure_future(world.follower.withdrawing.withdraw("iris", "1"))
    await asyncio.sleep(0)
    assert (world.slot.version, servable.refusal is not None) == (None, True)
    told = await asked
    assert world.stager.predictors[version(1)].closed
    assert told == Withdrawal("iris", "1", (Source.OPERATOR,), (world.slot.ref,), True, True)
    assert lacking(world) == GONE
    servable.release()
    await world.follow()
    assert (world.tombstones.cleared, world.stager.staged) == (["1"], [version(1)])
    assert world.slots.status.readiness.withdrawn == ["iris@champion"]
    newest = world.ledger.page(1)[0]
    assert (newest.outcome, newest.before, newest.version) == (LedgerOutcome.WITHDRAWN, "1", "1")
    assert world.events.of("withdrawn") == [("iris@champion", version(1))]


async def test_p23_nothing_takes_its_place_until_the_alias_moves() -> None:
    """Not what served before it, warm or not; then the alias is followed as ever."""
    world = await serving(1, 2)
    await withdrawn(world, 2)
    await world.follow()
    assert lacking(world) == ("withdrawn", "2", "withdrawn")
    await world.follow_to(version(1))
    assert lacking(world) == ("serving", None, None)
    assert world.stager.staged == [version(1), version(2)]


async def test_p23_alias_that_moves_on_is_loading_and_no_more_withdrawn() -> None:
    """Clients are told to come again."""
    world = await serving(1)
    await withdrawn(world)
    world.stager.gates[version(2)] = asyncio.Event()
    world.move(version(2))
    await world.follower.tick()
    assert lacking(world) == ("loading", None, None)
    world.stager.gates[version(2)].set()
    await world.follower.settled()
    assert world.slot.version == version(2)


async def test_p23_version_before_is_not_warm_any_more() -> None:
    """The slot goes on with what it serves, and would load the other one anew if it might."""
    world = await serving(1, 2)
    await withdrawn(world, 1)
    assert (world.slot.previous, world.slot.version) == (None, version(2))
    assert world.stager.predictors[version(1)].closed
    world.move(version(1))
    await world.follow()
    assert (world.slot.version, lacking(world)) == (version(2), ("refused", "1", "withdrawn"))
    assert world.stager.staged == [version(1), version(2)]


async def test_p23_version_on_its_way_is_ended() -> None:
    """What serves goes on (P2), and says why it is not replaced."""
    world = await serving(1)
    world.stager.gates[version(2)] = asyncio.Event()
    world.move(version(2))
    await world.follower.tick()
    await world.stager.entered[version(2)].wait()
    await withdrawn(world, 2)
    assert world.stager.cancelled == [version(2)]
    await world.follow()
    assert (world.slot.version, lacking(world)) == (version(1), ("refused", "2", "withdrawn"))


@pytest.mark.parametrize("silent", [True, False], ids=["registry down", "registry up"])
async def test_p23_restart_answers_with_it_from_the_first_moment(silent: bool) -> None:  # noqa: FBT001 - the table's word
    """A tombstone is stronger than the last known good, with the registry and without (P5)."""
    before = await serving(1)
    await withdrawn(before)
    world = restarted(before)
    assert lacking(world) == GONE
    world.registry.down = DOWN if silent else None
    await world.follow()
    await world.follow()
    assert (lacking(world), world.stager.staged) == (GONE, [])


@pytest.mark.parametrize("missing", [Missing.ALIAS, Missing.MODEL])
async def test_p23_is_stronger_than_a_missing_alias(missing: Missing) -> None:
    """What served before it was deleted does not come back, running or started anew (P4)."""
    before = await serving(1)
    await before.follow_to(missing)
    await withdrawn(before)
    assert lacking(before) == GONE
    world = restarted(before)
    await world.follow()
    await world.follow()
    assert (lacking(world), world.stager.staged) == (GONE, [])
    assert world.slots.status.readiness.missing == []


async def test_p23_beside_a_refused_version_its_slot_answers_with_it() -> None:
    """What served for want of another; after a restart too."""
    before = await serving(1)
    before.stager.errors[version(2)] = BROKEN
    await before.follow_to(version(2))
    await withdrawn(before)
    assert lacking(before) == ("withdrawn", "1", "load_failed")
    world = restarted(before)
    world.stager.errors[version(2)] = BROKEN
    await world.follow()
    await world.follow()
    assert lacking(world) == ("withdrawn", "1", "load_failed")


async def test_p23_start_on_a_version_that_never_served_here_serves_the_last_known_good() -> None:
    """As beside any version that is refused (P2)."""
    before = await serving(1)
    tag(before, 2, "true")
    world = restarted(before)
    await world.follow_to(version(2))
    await world.follow()
    assert (world.slot.version, lacking(world)) == (version(1), ("refused", "2", "withdrawn"))
    empty = World()
    tag(empty, 2, "true")
    await empty.follow_to(version(2))
    assert lacking(empty) == ("withdrawn", "2", "withdrawn")


async def test_p23_every_slot_of_the_model_loses_the_version() -> None:
    """Each says so; other models' slots serve on."""
    world = World("iris@champion", "iris@blue", "wine@champion")
    for name in ("iris", "wine"):
        world.registry.register(name)
    for ref in range(3):
        world.move(version(1, name="wine" if ref == 2 else "iris"), ref)
    await world.follow()
    told = await withdrawn(world)
    assert [str(ref) for ref in told.slots] == ["iris@champion", "iris@blue"]
    assert [slot.status.state for slot in world.slots.values()] == [
        "withdrawn",
        "withdrawn",
        "serving",
    ]
    assert [ref for ref, _ in world.events.of("withdrawn")] == ["iris@champion", "iris@blue"]
    assert world.slots.ready


@pytest.mark.parametrize("value", ["true", "TRUE", "", "leaks names"])
async def test_p23_tag_withdraws_at_the_next_look_and_its_end_takes_that_back(value: str) -> None:
    """Whatever it says, but false; a reason is told."""
    world = await serving(1)
    tag(world, 1, value)
    await world.follow()
    assert lacking(world) == GONE
    failure = world.slot.failure
    assert failure is not None
    assert failure.detail == ("leaks names" if value == "leaks names" else "")
    assert "leaks names" not in failure.message
    tag(world, 1, None)
    await world.follow()
    assert (lacking(world), world.slot.version) == (("serving", None, None), version(1))
    assert world.tombstones.kept == {}


@pytest.mark.parametrize(("value", "reason"), [(None, None), (" False ", None), (" True", "")])
def test_p23_tag_that_says_false_withdraws_nothing(value: str | None, reason: str | None) -> None:
    """As none does."""
    assert reason_of(value) == reason


async def test_p23_tag_holds_while_the_registry_is_silent_and_once_it_was_deleted() -> None:
    """Nobody has taken it back."""
    world = await serving(1)
    tag(world, 1, "true")
    await world.follow()
    again = restarted(world)
    again.registry.down = DOWN
    await again.follow()
    assert lacking(again) == GONE
    again.registry.down = None
    again.registry.delete_version(version(1))
    await again.follow()
    assert lacking(again) == GONE


async def test_p23_who_has_withdrawn_it_has_to_take_it_back() -> None:
    """The command takes back what the command did, the registry what the tag did."""
    world = await serving(1)
    tag(world, 1, "true")
    await world.follow()
    assert (await withdrawn(world)).sources == (Source.OPERATOR, Source.TAG)
    told = await world.follower.withdrawing.restore("iris", "1")
    assert told.sources == (Source.TAG,)
    assert lacking(world) == GONE
    tag(world, 1, None)
    await world.follow()
    assert world.slot.version == version(1)
    await withdrawn(world)
    await world.follow()
    assert lacking(world) == GONE
    told = await world.follower.withdrawing.restore("iris", "1")
    assert (told.sources, told.kept) == ((), True)
    await world.follow()
    assert (lacking(world), restarted(world).tombstones.kept) == (("serving", None, None), {})


async def test_p23_services_of_one_home_withdraw_together() -> None:
    """Also where the other one's aliases are others."""
    tombstones = FakeTombstones()
    one = await serving(1, world=World(tombstones=tombstones))
    two = await serving(1, world=World("iris@blue", history=FakeHistory(), tombstones=tombstones))
    tombstones.held.add(version(1))
    assert not (await withdrawn(one)).cleared
    await two.follow()
    assert lacking(two) == GONE
    tombstones.held.clear()
    await one.follow()
    assert "1" in tombstones.cleared
    await one.follower.withdrawing.restore("iris", "1")
    await two.follow()
    assert two.slot.version == version(1)


async def test_p23_disk_that_fails_keeps_nobody_from_withdrawing() -> None:
    """It holds at once, the operator is told that no restart would know, and it is tried again."""
    world = await serving(1)
    world.tombstones.fails = True
    assert not (await withdrawn(world)).kept
    await world.follow()
    assert (lacking(world), world.tombstones.kept) == (GONE, {})
    world.tombstones.fails = False
    await world.follow()
    await world.follow()
    assert len(world.tombstones.kept) == 1


async def test_p23_model_made_anew_has_other_versions() -> None:
    """Their numbers begin anew."""
    world = await serving(1)
    await withdrawn(world)
    await world.follow_to(version(1, created=5))
    assert world.slot.version == version(1, created=5)


async def test_p23_version_that_nothing_is_known_of_is_withdrawn_by_its_number() -> None:
    """Before the registry has ever answered: whichever model has that name."""
    world = World()
    world.registry.down = DOWN
    await withdrawn(world)
    world.registry.down = None
    await world.follow_to(version(1))
    assert lacking(world) == GONE
    await world.follow_to(version(2))
    assert world.slot.version == version(2)


async def test_p23_model_that_is_not_followed_is_unknown() -> None:
    """A name that is written wrongly withdraws nothing, and says so."""
    world = await serving(1)
    with pytest.raises(UnknownModel):
        await world.follower.withdrawing.withdraw("irsi", "1")
    with pytest.raises(UnknownModel):
        await world.follower.withdrawing.restore("irsi", "1")


async def test_p23_version_that_was_never_loaded_is_withdrawn_as_any_other() -> None:
    """What was loaded before it does not take its place, after a restart neither."""
    stager = SleepyStager()
    world = await serving(1, world=World(stager=stager))
    stager.sleepers[version(1)][0].wake()
    await world.follow_to(version(2))
    await withdrawn(world, 2)
    await world.follow()
    assert lacking(world) == ("withdrawn", "2", "withdrawn")
    again = restarted(world)
    await again.follow()
    assert (lacking(again), again.stager.staged) == (("withdrawn", "2", "withdrawn"), [])


async def test_p23_request_that_alone_holds_a_version_is_ended_with_it() -> None:
    """No slot serves it any more, or keeps it warm."""
    world = World(keep_warm_seconds=0)
    await serving(1, world=world)
    assert world.slot.binding is not None
    servable = world.slot.binding.servable
    servable.hold()
    await world.follow_to(version(2))
    assert not world.stager.predictors[version(1)].closed
    await withdrawn(world, 1)
    assert (servable.refusal is not None, world.stager.predictors[version(1)].closed) == (
        True,
        True,
    )
    assert world.slot.version == version(2)
    servable.release()
    await world.follower.settled()


async def test_p23_version_of_whose_tag_nobody_tells_is_not_staged() -> None:
    """What serves goes on, and what was told of before is followed."""
    world = await serving(1)
    world.registry.tags_down = DOWN
    await world.follow_to(version(2))
    assert (world.slot.version, world.stager.staged) == (version(1), [version(1)])
    failure = world.slot.failure
    assert failure is not None
    assert failure.code == "tags_unanswered"
    await world.follow_to(Missing.ALIAS)
    await world.follow_to(version(1))
    assert lacking(world) == ("serving", None, None)
    world.registry.tags_down = None
    await world.follow_to(version(2))
    assert world.slot.version == version(2)


async def test_p23_version_that_is_known_to_be_withdrawn_is_so_whatever_the_registry_tells() -> (
    None
):
    """Its tag was never asked about."""
    world = World()
    world.registry.register("iris")
    await withdrawn(world)
    world.registry.tags_down = DOWN
    await world.follow_to(version(1))
    assert lacking(world) == GONE


async def test_p23_what_there_was_no_time_to_ask_about_is_asked_first_at_the_next_look() -> None:
    """So that each is followed in the end."""
    world = World("iris@champion", "iris@blue")
    for number in (1, 2):
        world.registry.register("iris")
        world.move(version(number), number - 1)
    world.registry.most_tags = 1
    await world.follow()
    assert world.stager.staged == [version(1)]
    await world.follow()
    assert world.stager.staged == [version(1), version(2)]


async def test_p23_stone_that_stands_is_not_laid_again_by_the_next_look() -> None:
    """Nor written anew, with however many others."""
    world = await serving(1)
    for number in range(2, 50):
        tag(world, number, "true")
        world.registry.tagged.add(version(number))
    await world.follow()
    assert len(world.tombstones.kept) == world.tombstones.writes == 48
    await world.follow()
    assert world.tombstones.writes == 48


async def test_p23_stone_that_stands_is_kept_anew_where_its_operator_asks_again() -> None:
    """Somebody may have removed its file; it keeps its time."""
    world = await serving(1)
    await withdrawn(world)
    (kept,) = world.tombstones.kept.values()
    world.tombstones.kept.clear()
    world.time.now += 5
    assert (await withdrawn(world)).kept
    assert list(world.tombstones.kept.values()) == [kept]


async def test_p23_one_purge_is_for_all_stones_and_a_new_one_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It does not wait for what somebody else still uses."""
    monkeypatch.setattr(tombstone_sync, "_PAUSES", (0.0, 0.0))
    before = await serving(1)
    for _ in range(3):
        before.registry.register("iris")
    for number in (1, 2, 3):
        before.tombstones.held.add(version(number))
        await withdrawn(before, number)
    world = restarted(before)
    world.tombstones.purges.clear()
    await world.follow()
    assert world.tombstones.purges[0] == ["1", "2", "3"]
    tried = len(world.tombstones.purges)
    assert (await withdrawn(world, 4)).cleared
    assert world.tombstones.purges[tried] == ["4"]


async def test_p23_stones_are_read_beside_the_loop_while_others_are_laid() -> None:
    """Whoever has begun to read goes on."""
    stones = Tombstones(Tombstone("iris", None, str(each), Source.TAG, 0) for each in range(3))
    reading = iter(stones.standing)
    alike = stones.named("iris", "1")
    stones.add([Tombstone("iris", 7, "1", Source.TAG, 0)])
    stones.remove(alike)
    assert (len(list(reading)), len(alike), len(stones.named("iris", "1"))) == (3, 1, 1)


async def test_p23_version_that_the_registry_does_not_have_is_not_withdrawn() -> None:
    """A number that is written wrongly; what serves now is said, and nothing is written."""
    world = await serving(1)
    with pytest.raises(UnknownVersion, match=r"no such version .* iris@champion serves version 1"):
        await withdrawn(world, 99)
    assert (world.tombstones.kept, world.slots.tombstones.standing) == ({}, ())


async def test_p23_version_that_cannot_be_asked_about_is_withdrawn_and_that_is_said() -> None:
    """The registry is silent: its operator's word holds."""
    world = await serving(1)
    world.registry.down = DOWN
    told = await withdrawn(world, 99)
    assert (told.checked, told.kept, told.sources) == (False, True, (Source.OPERATOR,))
    assert (await withdrawn(world, 99)).checked


async def test_p23_version_whose_deadline_passes_is_withdrawn_and_that_is_said() -> None:
    """The registry's client gives the question up, and the stone is laid in that very turn."""
    world = await serving(1)
    world.registry.exists_gate.clear()
    asked = asyncio.ensure_future(world.follower.withdrawing.withdraw("iris", "99"))
    await asyncio.sleep(0)
    assert not world.slots.tombstones.named("iris", "99")
    world.registry.down = PassingFault("look", "registry_timed_out", "It does not answer.")
    world.registry.exists_gate.set()
    assert not (await asked).checked
    assert len(world.slots.tombstones.named("iris", "99")) == 1


async def test_p23_version_that_serves_is_withdrawn_once_the_registry_has_it_no_more() -> None:
    """It is known here."""
    world = await serving(1)
    world.registry.delete_version(version(1))
    assert (await withdrawn(world)).checked
    assert lacking(world) == GONE


@pytest.mark.parametrize("known", ["history", "ledger", "cache"])
async def test_p23_version_that_was_deleted_is_withdrawn_where_anything_here_knows_it(
    known: str,
) -> None:
    """Whatever the registry says; what lies here of a model of that name before it goes too."""
    world = await serving(1)
    old = version(9, created=3)
    if known == "history":
        world.history.served.add((world.slot.ref, old))
    elif known == "ledger":
        newest = world.ledger.page(1)[0]
        world.ledger.note(replace(newest, outcome=LedgerOutcome.REFUSED, version="9"))
    else:
        world.tombstones.files.add(old)
    told = await withdrawn(world, 9)
    assert (told.checked, told.kept, told.cleared) == (True, True, True)
    assert (old in world.slots.tombstones) is (known != "ledger")
    assert (world.tombstones.files, world.slot.version) == (set(), version(1))


async def test_p23_last_failure_says_what_serves_in_place_of_what_is_withdrawn() -> None:
    """And that nothing does, once that is withdrawn too."""
    world = await serving(1)
    world.registry.register("iris")
    await withdrawn(world, 2)
    await world.follow_to(version(2))
    failure = world.slot.failure
    assert failure is not None
    assert "version 1 serves until the alias is moved" in failure.message
    await withdrawn(world, 1)
    failure = world.slot.failure
    assert failure is not None
    assert "nothing takes its place until the alias is moved" in failure.message


async def test_p23_ledger_says_why_an_operator_has_withdrawn_it_and_who() -> None:
    """As the command says it; the slot's failure has it for its operator."""
    world = await serving(1)
    await world.follower.withdrawing.withdraw("iris", "1", "unfair (by ada)")
    (entry,) = world.ledger.page(1)
    assert (entry.outcome, entry.reason) == ("withdrawn", "unfair (by ada)")
    assert world.slot.failure is not None
    assert world.slot.failure.detail == "unfair (by ada)"
