"""Shadows: what a tag names hears of a slot's requests, and has no part in its answers."""

import asyncio
from dataclasses import replace

import pytest

from service.environments.environment import BuiltEnvironment
from service.errors import PassingFault, VersionFault
from service.following.ledger import LedgerOutcome
from service.following.ports import FetchedVersion, Staged
from service.following.servable import may_hear
from service.following.shadow_status import ShadowState
from service.refs import ModelRef, VersionId
from service.rollout_tags import NO_TAGS, RolloutTags
from tests.following.fakes import CREATED, FakeStager, World, version
from tests.support.serving import FakeContract, FakePredictor, staged_with

CHALLENGER = ModelRef("iris", "challenger")


class Unstoppable(FakeStager):
    """One version's load ends otherwise than as cancelled when it is: it fails, or is there."""

    def __init__(self, one: VersionId, *, fails: bool) -> None:
        super().__init__()
        self.one, self.fails = one, fails
        self.gates[one] = asyncio.Event()
        self.late: list[FakePredictor] = []

    async def stage(self, fetched: FetchedVersion, environment: BuiltEnvironment | None) -> Staged:
        try:
            return await super().stage(fetched, environment)
        except asyncio.CancelledError:
            if self.fails:
                raise VersionFault("load", "load_failed", "Its clean-up fails.") from None
            self.late.append(FakePredictor())
            return staged_with(FakeContract(), self.late[-1])


async def shadowed(
    tag: str | None = "challenger", on: int = 2, stager: FakeStager | None = None
) -> World:
    """Version 1 serves, and what the tag names hears; the challenger is on that version."""
    world = World(stager=stager)
    for number in (1, 2, 3):
        assert world.registry.register("iris").version == str(number)
    world.move(of(world, 1))
    world.registry.aliases[CHALLENGER] = of(world, on)
    await say(world, tag)
    return world


def of(world: World, number: int) -> VersionId:
    """That version of the model."""
    return world.registry.models["iris"][number - 1]


async def say(world: World, tag: str | None) -> None:
    """The tag says so, and two looks have passed: the first one finds what the tag names."""
    world.registry.rollout[world.slot.ref] = RolloutTags(shadow=tag) if tag else NO_TAGS
    await world.follow()
    await world.follow()


def heard_by(world: World) -> tuple[str, int] | None:
    """Which version hears of requests that are bound now, and of how many of 10,000."""
    shadow = world.slot.traffic.shadow
    if shadow is None:
        return None
    assert shadow.against is world.slot.traffic.arms[0].binding.servable
    return shadow.binding.servable.version.version, shadow.share


def state(world: World) -> ShadowState:
    """What the shadow is at."""
    return world.slot.shadow.state


async def test_p19_what_the_tag_names_hears_of_requests_and_answers_none() -> None:
    """In hosts of its own: another servable, even of a version that serves elsewhere."""
    world = await shadowed("challenger=25%")
    assert heard_by(world) == ("2", 2500)
    assert (state(world), world.slot.version) == (ShadowState.LISTENING, of(world, 1))
    assert [str(slot.ref) for slot in world.slots.values()] == ["iris@champion"]
    await say(world, "v3")
    assert heard_by(world) == ("3", 10_000)
    assert len(world.slot.traffic.arms) == 1


async def test_shadow_follows_its_alias_and_ends_with_its_tag() -> None:
    """Its processes, too; each change is an epoch, and in the ledger."""
    world = await shadowed()
    before = world.slot.traffic
    world.registry.aliases[CHALLENGER] = of(world, 3)
    await world.follow()
    assert heard_by(world) == ("3", 10_000)
    assert (world.slot.traffic.epoch, world.slot.traffic.since) == (before.epoch + 1, before.since)
    assert before.shadow is not None
    assert not before.shadow.binding.servable.held
    last = world.slot.traffic.shadow
    await say(world, None)
    assert (heard_by(world), state(world)) == (None, ShadowState.OFF)
    assert last is not None
    assert not last.binding.servable.held
    outcomes = [each.outcome for each in world.ledger.page(20)]
    assert outcomes.count(LedgerOutcome.SHADOWED) == 2
    assert outcomes[0] is LedgerOutcome.UNSHADOWED


async def test_shadow_hears_on_in_the_turn_in_which_its_slot_swaps() -> None:
    """Beside what answers then; where that is its own version nothing is left to compare."""
    world = await shadowed()
    world.move(of(world, 3))
    await world.follow()
    assert (heard_by(world), world.slot.version) == (("2", 10_000), of(world, 3))
    world.move(of(world, 2))
    await world.follow()
    await world.follow()
    assert (heard_by(world), state(world)) == (None, ShadowState.SAME)


async def test_shadow_that_cannot_be_loaded_concerns_no_answer() -> None:
    """It says why; an operator has it tried again."""
    world = await shadowed(None)
    world.stager.errors[of(world, 2)] = VersionFault("load", "load_failed", "It does not load.")
    await say(world, "challenger")
    assert (heard_by(world), state(world)) == (None, ShadowState.FAILED)
    failure = world.slot.shadow.failure
    assert failure is not None
    assert failure.code == "load_failed"
    assert (world.slot.failure, world.slot.version) == (None, of(world, 1))
    staged = len(world.stager.staged)
    await world.follow()
    assert len(world.stager.staged) == staged
    del world.stager.errors[of(world, 2)]
    world.follower.reload(world.slot.ref)
    await world.follow()
    assert heard_by(world) == ("2", 10_000)


@pytest.mark.parametrize("tag", ["challenger=101%", "champion", "<b>", "x" * 5000, "nobody"])
async def test_tag_that_names_nothing_changes_nothing(tag: str) -> None:
    """What hears, or does not, is as it was; what is wrong is told."""
    world = await shadowed("challenger=50%")
    before = world.slot.traffic
    await say(world, tag)
    if tag == "nobody":
        assert (heard_by(world), state(world)) == (None, ShadowState.FAILED)
        failure = world.slot.shadow.failure
        assert failure is not None
        assert (failure.code, failure.at) == ("alias_missing", 1000.0)
        world.time.now += 5
        await world.follow()
        assert world.slot.shadow.failure is failure
        assert world.slot.status.wrong_tags == {"shadow": "nobody: the model has no such alias."}
        tag_name = "podium.shadow.champion"
        told = [each for each in world.events.of("tag_wrong") if each[1] == tag_name]
        assert len(told) == 1
    else:
        assert world.slot.traffic is before
        assert "shadow" in world.slot.status.wrong_tags


@pytest.mark.parametrize("fails", [True, False])
async def test_load_that_nobody_wants_any_more_says_nothing_of_the_next_one(*, fails: bool) -> None:
    """Though its clean-up fails, or it comes to its end all the same; that is ended."""
    stager = Unstoppable(version(2, created=CREATED + 1), fails=fails)
    world = await shadowed(None, stager=stager)
    world.registry.rollout[world.slot.ref] = RolloutTags(shadow="challenger")
    await world.follower.tick()
    await world.follower.tick()
    await stager.entered[of(world, 2)].wait()
    world.registry.aliases[CHALLENGER] = of(world, 3)
    await world.follow()
    await world.follow()
    assert heard_by(world) == ("3", 10_000)
    assert world.slot.shadow.failure is None
    assert all(each.closed for each in stager.late)


async def test_p5_look_without_an_answer_changes_nothing_of_a_shadow() -> None:
    """It hears on."""
    world = await shadowed()
    before = world.slot.traffic
    world.registry.down = PassingFault("look", "registry_unreachable", "silent")
    await world.follow()
    assert world.slot.traffic is before
    assert heard_by(world) == ("2", 10_000)


@pytest.mark.parametrize("tag", ["podium.blocked", "podium.withdrawn"])
async def test_blocked_or_withdrawn_version_hears_of_nothing(tag: str) -> None:
    """Its processes end, and what it has is not loaded again."""
    world = await shadowed()
    world.registry.fetched_fields[of(world, 2)] = {"tags": {tag: "unfair"}}
    world.registry.tagged.add(of(world, 2))
    await world.follow()
    await world.follow()
    assert world.stager.predictors[of(world, 2)].closed
    assert (heard_by(world), state(world)) == (None, ShadowState.FAILED)
    assert world.slot.version == of(world, 1)


@pytest.mark.parametrize(
    ("served", "heard", "may"),
    [
        ({}, {}, True),
        ({"podium.retry": " False"}, {}, False),
        ({}, {"podium.retry": "false"}, False),
        ({"podium.retry": "false"}, {"podium.retry": "false", "podium.shadow": "true"}, True),
        ({"podium.retry": "false", "podium.shadow": "true"}, {}, False),
        ({"podium.retry": "yes"}, {}, True),
    ],
)
def test_requests_are_predicted_twice_only_where_that_is_allowed(
    *, served: dict[str, str], heard: dict[str, str], may: bool
) -> None:
    """Only the shadow's own tag says that it may all the same."""
    assert may_hear(served, heard) is may


async def test_version_whose_requests_are_not_predicted_twice_has_no_shadow() -> None:
    """Nothing is loaded for it; nor where the slot comes to serve such a version."""
    world = await shadowed(None)
    world.registry.fetched_fields[of(world, 2)] = {"tags": {"podium.retry": "false"}}
    await say(world, "challenger")
    assert (heard_by(world), state(world)) == (None, ShadowState.NOT_ALLOWED)
    world.registry.aliases[CHALLENGER] = of(world, 3)
    await world.follow()
    await world.follow()
    assert heard_by(world) == ("3", 10_000)
    binding = world.slot.binding
    assert binding is not None
    servable = binding.servable
    servable.fetched = replace(servable.fetched, tags={"podium.retry": "false"})
    world.slot.serve(binding)
    assert (heard_by(world), state(world)) == (None, ShadowState.NOT_ALLOWED)


async def test_shadow_is_allowed_once_its_slot_serves_what_allows_it() -> None:
    """It was the other version's tag: nobody has to ask for it again."""
    world = await shadowed(None)
    world.registry.fetched_fields[of(world, 3)] = {"tags": {"podium.retry": "false"}}
    await world.follow_to(of(world, 3))
    await say(world, "challenger")
    assert (heard_by(world), state(world)) == (None, ShadowState.NOT_ALLOWED)
    staged = len(world.stager.staged)
    await world.follow()
    assert len(world.stager.staged) == staged
    await world.follow_to(of(world, 1))
    await world.follow()
    assert (heard_by(world), state(world)) == (("2", 10_000), ShadowState.LISTENING)
    assert world.slot.shadow.failure is None


async def test_shadow_that_hears_says_so_while_the_next_one_is_not_allowed() -> None:
    """And why that one does not come."""
    world = await shadowed()
    world.registry.fetched_fields[of(world, 3)] = {"tags": {"podium.retry": "false"}}
    world.registry.aliases[CHALLENGER] = of(world, 3)
    await world.follow()
    assert (heard_by(world), state(world)) == (("2", 10_000), ShadowState.LISTENING)
    failure = world.slot.shadow.failure
    assert failure is not None
    assert (failure.code, failure.version) == ("shadow_not_allowed", of(world, 3))


async def test_shadow_whose_processes_end_again_and_again_does_not_say_that_it_listens() -> None:
    """Until one of them has answered."""
    world = await shadowed()
    predictor = world.stager.predictors[of(world, 2)]
    predictor.status = replace(predictor.status, crashing=True)
    assert state(world) is ShadowState.CRASHING
    predictor.status = replace(predictor.status, crashing=False)
    assert state(world) is ShadowState.LISTENING
