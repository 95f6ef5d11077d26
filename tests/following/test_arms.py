"""Arms: what tags name shares a slot's requests, while it can answer and as long as they do."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from service.bake_tag import BakeRule
from service.errors import PassingFault, VersionFault
from service.following.gates.gate import Candidacy, GateFinding, Gates
from service.following.ledger import LedgerOutcome
from service.following.ports import Missing, Unanswered
from service.refs import ModelRef, VersionId
from service.rollout_tags import NO_TAGS, RolloutTags
from tests.following.fakes import World, version
from tests.following.test_withdrawing import restarted, serving
from tests.support.waiting import until

SECONDS = 60.0

TAGS = RolloutTags(split="challenger=10")


async def test_slot_knows_what_its_tags_say_until_they_say_otherwise() -> None:
    """Within one look each."""
    world = await serving(1)
    world.registry.rollout[world.slot.ref] = TAGS
    await world.follow()
    assert world.slot.rollout == TAGS
    del world.registry.rollout[world.slot.ref]
    await world.follow()
    assert world.slot.rollout == NO_TAGS


@pytest.mark.parametrize("of_all", [True, False])
async def test_p5_look_without_an_answer_changes_nothing_of_it(*, of_all: bool) -> None:
    """Whether nothing answers, or nothing about this model."""
    world = await serving(1)
    world.registry.rollout[world.slot.ref] = TAGS
    await world.follow()
    del world.registry.rollout[world.slot.ref]
    if of_all:
        world.registry.down = PassingFault("look", "registry_unreachable", "silent")
    else:
        world.move(Unanswered("registry_forbidden", "no", "no"))
    await world.follow()
    assert world.slot.rollout == TAGS


async def test_p5_what_tags_said_is_known_after_a_start_without_a_registry() -> None:
    """As what was served is."""
    world = await serving(1)
    world.registry.rollout[world.slot.ref] = TAGS
    await world.follow_to(version(1))
    again = restarted(world)
    again.registry.down = PassingFault("look", "registry_unreachable", "silent")
    await again.follow()
    assert again.slot.rollout == TAGS


async def sharing(tags: RolloutTags, *, aliases: Mapping[str, int] | None = None) -> World:
    """Version 1 serves, by these tags; other aliases are on these versions."""
    world = World()
    for number in (1, 2, 3):
        assert world.registry.register("iris").version == str(number)
    world.move(world.registry.models["iris"][0])
    for alias, number in (aliases or {}).items():
        world.registry.aliases[ModelRef("iris", alias)] = of(world, number)
    world.registry.rollout[world.slot.ref] = tags
    await world.follow()
    return world


def of(world: World, number: int) -> VersionId:
    """That version of the model."""
    return world.registry.models["iris"][number - 1]


def shares(world: World) -> tuple[tuple[str, str, int], ...]:
    """Who answers beside the slot's own: alias, version, weight."""
    return world.slot.traffic.shares


async def test_p18_arms_are_followed_and_have_their_shares_within_one_look() -> None:
    """An alias and a version, loaded like any slot; no route leads there, and nobody waits."""
    world = await sharing(RolloutTags(split="challenger=10,v3=5"), aliases={"challenger": 2})
    assert shares(world) == (("challenger", "2", 1000), ("v3", "3", 500))
    assert [arm.weight for arm in world.slot.traffic.arms] == [8500, 1000, 500]
    assert [str(slot.ref) for slot in world.slots.arms] == ["iris@challenger", "iris@v3"]
    assert [str(slot.ref) for slot in world.slots.routed] == ["iris@champion"]
    assert world.slots.ready
    assert world.slots.status.readiness.unserved == []


async def test_p18_arm_that_moves_answers_with_what_it_is_on_in_the_same_turn() -> None:
    """Nobody is bound to what it has left."""
    world = await sharing(RolloutTags(split="challenger=10"), aliases={"challenger": 2})
    world.registry.aliases[ModelRef("iris", "challenger")] = of(world, 3)
    before = world.slot.traffic
    await world.follow()
    assert shares(world) == (("challenger", "3", 1000),)
    assert (world.slot.traffic.epoch, world.slot.traffic.since) == (before.epoch + 1, before.since)


async def test_p21_each_change_of_weights_is_an_epoch_and_in_the_ledger() -> None:
    """A look that changes nothing is none."""
    world = await sharing(RolloutTags(split="challenger=10"), aliases={"challenger": 2})
    for split in ("challenger=30", "challenger=30", None):
        world.registry.rollout[world.slot.ref] = RolloutTags(split=split)
        await world.follow()
    noted = [each for each in world.ledger.page(20) if each.outcome is LedgerOutcome.SHARED]
    assert [each.shares for each in reversed(noted)] == [
        {"champion": 90.0, "challenger": 10.0},
        {"champion": 70.0, "challenger": 30.0},
        {"champion": 100.0},
    ]
    assert {each.version for each in noted} == {"1"}
    assert world.slot.traffic.epoch == 4
    assert world.slot.traffic.buckets is None


async def test_arm_that_no_tag_names_any_more_is_ended() -> None:
    """With its processes."""
    world = await sharing(RolloutTags(split="challenger=10"), aliases={"challenger": 2})
    world.registry.rollout.clear()
    await world.follow()
    assert world.slots.arms == []
    assert world.stager.predictors[of(world, 2)].closed
    assert world.events.of("arm_went") == [("iris@challenger",)]


async def test_nobody_is_bound_to_an_arm_that_has_gone_whatever_fails_beside() -> None:
    """It is taken out of its slot's traffic before it is closed."""
    world = await sharing(RolloutTags(split="challenger=10"), aliases={"challenger": 2})

    def fails(_: ModelRef) -> None:
        raise ZeroDivisionError

    world.history.forget = fails  # type: ignore[method-assign, assignment]
    world.registry.rollout.clear()
    with pytest.raises(ZeroDivisionError):
        await world.follower.tick()
    assert shares(world) == ()
    assert all(each.binding.servable.held for each in world.slot.traffic.arms)


async def test_arm_of_no_share_is_loaded_and_answers_nobody() -> None:
    """It is ready for the share that it may be given, which it has in the same look then."""
    world = await sharing(RolloutTags(split="v2=0"))
    assert of(world, 2) in world.stager.staged
    buckets = world.slot.traffic.buckets
    assert buckets is not None
    assert (buckets.left[1], buckets.right[1]) == (0, 10_000)
    (_, arm) = world.slot.status.arms
    assert (arm.ready, arm.weight) == (True, 0)
    world.registry.rollout[world.slot.ref] = RolloutTags(split="v2=10")
    await world.follower.tick()
    assert shares(world) == (("v2", "2", 1000),)


async def test_p2_arm_that_cannot_be_loaded_gives_its_share_back() -> None:
    """It is told, and the slot answers alone."""
    world = await sharing(RolloutTags(split="challenger=10"))
    assert shares(world) == ()
    world.stager.errors[of(world, 2)] = VersionFault("load", "load_failed", "It fails.")
    world.registry.aliases[ModelRef("iris", "challenger")] = of(world, 2)
    await world.follow()
    told = world.slot.status.arms
    assert [(each.weight, each.wished) for each in told] == [(10_000, 9000), (0, 1000)]
    failure = told[1].failure
    assert failure is not None
    assert failure.code == "load_failed"
    assert shares(world) == ()


async def test_p2_arm_whose_processes_are_gone_gives_its_share_back_until_they_are_there() -> None:
    """In that turn: no look is waited for."""
    world = await sharing(RolloutTags(split="challenger=10"), aliases={"challenger": 2})
    for ready in (False, True):
        world.stager.predictors[of(world, 2)].turn(ready=ready)
        assert bool(shares(world)) is ready


async def test_arm_whose_alias_is_gone_gives_its_share_back_at_the_next_look() -> None:
    """What is promised of configured slots is not of arms; and it comes back with its alias."""
    world = await sharing(RolloutTags(split="challenger=10"), aliases={"challenger": 2})
    del world.registry.aliases[ModelRef("iris", "challenger")]
    await world.follow()
    assert shares(world) == ()
    assert world.slot.status.wrong_tags == {"split": "challenger: the model has no such alias."}
    world.registry.aliases[ModelRef("iris", "challenger")] = of(world, 2)
    await world.follow()
    assert (shares(world), world.slot.status.wrong_tags) == ((("challenger", "2", 1000),), {})
    assert world.stager.staged.count(of(world, 2)) == 1


async def test_p4_configured_slot_whose_alias_is_gone_serves_on_and_is_no_arm_meanwhile() -> None:
    """Its own callers have what they had."""
    world = World("iris@champion", "iris@challenger")
    first, second = world.registry.register("iris"), world.registry.register("iris")
    world.move(first)
    world.move(second, 1)
    world.registry.rollout[world.slot.ref] = RolloutTags(split="challenger=10")
    await world.follow()
    assert shares(world) == (("challenger", "2", 1000),)
    world.move(Missing.ALIAS, 1)
    await world.follow()
    assert shares(world) == ()
    assert world.slots["iris@challenger"].version == second


async def test_p23_withdrawn_version_is_no_arm_from_the_next_request_on() -> None:
    """In the turn in which it is withdrawn."""
    world = await sharing(RolloutTags(split="challenger=10"), aliases={"challenger": 2})
    withdrawing = asyncio.ensure_future(world.follower.withdrawing.withdraw("iris", "2"))
    await asyncio.sleep(0)
    assert shares(world) == ()
    await withdrawing


async def test_blocked_version_is_no_arm() -> None:
    """What serves is proven, and needs nothing in its place."""
    world = await sharing(RolloutTags(split="v2=10"))
    assert shares(world) == (("v2", "2", 1000),)
    world.registry.fetched_fields[of(world, 2)] = {"tags": {"podium.blocked": "unfair"}}
    world.registry.tagged.add(of(world, 2))
    await world.follow()
    assert shares(world) == ()


async def test_slot_that_serves_nothing_shares_nothing() -> None:
    """Most of its requests would have no answer."""
    world = World()
    first, second = world.registry.register("iris"), world.registry.register("iris")
    world.stager.errors[first] = VersionFault("load", "load_failed", "It fails.")
    world.move(first)
    world.registry.aliases[ModelRef("iris", "challenger")] = second
    world.registry.rollout[world.slot.ref] = RolloutTags(split="challenger=50")
    await world.follow()
    assert not world.slot.traffic.arms
    world.move(second)
    await world.follow()
    assert [arm.weight for arm in world.slot.traffic.arms] == [5000, 5000]


async def test_p18_arm_that_comes_to_the_other_end_has_the_callers_of_that_end() -> None:
    """As at every other instance: its share alone does not say whose it is."""
    world = await sharing(RolloutTags(split="v2=10,v3=10"))
    world.stager.predictors[of(world, 2)].turn(ready=False)
    alone = RolloutTags(split="v3=10")
    world.registry.rollout[world.slot.ref] = alone
    await world.follow()
    ends = [each.slot.traffic.buckets for each in (world, await sharing(alone))]
    assert [(each.left[1], each.right[1]) for each in ends if each] == [(1000, 10_000)] * 2


async def test_cycle_of_aliases_is_no_cycle_of_traffic() -> None:
    """An arm answers with what it serves itself, whatever it shares."""
    world = World("iris@champion", "iris@challenger")
    first, second = world.registry.register("iris"), world.registry.register("iris")
    world.move(first)
    world.move(second, 1)
    world.registry.rollout[world.refs[0]] = RolloutTags(split="challenger=10")
    world.registry.rollout[world.refs[1]] = RolloutTags(split="champion=20")
    await world.follow()
    assert shares(world) == (("challenger", "2", 1000),)
    assert world.slots["iris@challenger"].traffic.shares == (("champion", "1", 2000),)
    assert world.slots.arms == []


async def test_arm_of_an_arm_is_not_followed() -> None:
    """A tag of what nobody has configured steers nothing."""
    world = await sharing(RolloutTags(split="challenger=10"), aliases={"challenger": 2, "other": 3})
    world.registry.rollout[ModelRef("iris", "challenger")] = RolloutTags(split="other=50")
    await world.follow()
    assert [str(slot.ref) for slot in world.slots.arms] == ["iris@challenger"]


ODD = {
    "long": "challenger=20" + "," * 5000,
    "markup": "<script>alert(1)</script>=20",
    "101%": "challenger=101%",
    "itself": "champion=20",
    "no offset": "challenger=20,until=2026-12-01T08:00:00",
    "three": "a=1,b=1,c=1",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
async def test_odd_tag_changes_nothing_and_is_told_once(odd: str) -> None:
    """In the slot's status and the log; what it said before is in force, after a restart too."""
    world = await sharing(RolloutTags(split="challenger=10"), aliases={"challenger": 2})
    before = world.slot.traffic
    world.registry.rollout[world.slot.ref] = RolloutTags(split=odd)
    for _ in range(3):
        await world.follow()
    assert world.slot.traffic is before
    assert list(world.slot.status.wrong_tags) == ["split"]
    assert len(world.events.of("tag_wrong")) == 1
    again = restarted(world)
    again.registry.rollout = dict(world.registry.rollout)
    again.registry.models = world.registry.models
    again.registry.aliases = dict(world.registry.aliases)
    await again.follow()
    assert again.slot.traffic.shares == before.shares


async def test_name_that_is_not_there_changes_nothing_and_is_told() -> None:
    """Nor does a version that was never registered."""
    for arm, said in (("nobody", "no such alias"), ("v99", "no version 99")):
        world = await sharing(RolloutTags(split=f"{arm}=50"))
        assert [each.weight for each in world.slot.traffic.arms] == [10_000]
        assert world.slot.status.wrong_tags == {"split": f"{arm}: the model has {said}."}
        assert len(world.events.of("tag_wrong")) == 1


async def test_tag_that_cannot_be_read_is_told_beside_an_arm_that_is_gone() -> None:
    """That arm is of the tag before it, which is in force."""
    world = await sharing(RolloutTags(split="nobody=50"))
    world.registry.rollout[world.slot.ref] = RolloutTags(split="nobody")
    await world.follow()
    assert world.slot.status.wrong_tags == {
        "split": "'nobody' is not ARM=PERCENT, as challenger=10. "
        "nobody: the model has no such alias."
    }


async def test_split_ends_by_itself_also_where_the_registry_is_silent() -> None:
    """Whoever was to renew it may be gone."""
    time = "until=2100-01-01T00:00:00Z"
    world = await sharing(RolloutTags(split=f"challenger=10,{time}"), aliases={"challenger": 2})
    assert shares(world)
    world.registry.down = PassingFault("look", "registry_unreachable", "silent")
    world.time.now = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
    await world.follow()
    assert (shares(world), world.slots.arms) == ((), [])


async def test_p18_split_ends_in_time_however_seldom_the_registry_is_looked_at() -> None:
    """Whoever was to renew it may be gone, and the next look an hour away."""
    end = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
    world = World(poll_seconds=3600)
    world.move(world.registry.register("iris"))
    world.registry.aliases[ModelRef("iris", "challenger")] = world.registry.register("iris")
    tags = RolloutTags(split="challenger=10,until=2100-01-01T00:00:00Z")
    world.registry.rollout[world.slot.ref] = tags
    world.time.now = end - 0.01
    running = asyncio.ensure_future(world.follower.run())
    await until(lambda: bool(shares(world)), SECONDS)
    world.time.now = end
    await until(lambda: not shares(world), SECONDS)
    assert world.slots.arms == []
    assert len(world.events.of("looked")) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await world.follower.close()


async def test_split_that_was_over_when_it_was_written_changes_nothing_and_is_told() -> None:
    """It brings no arm."""
    tags = RolloutTags(split="challenger=10,until=1970-01-01T00:00:00Z")
    world = await sharing(tags, aliases={"challenger": 2})
    assert (shares(world), world.slots.arms) == ((), [])
    assert list(world.slot.status.wrong_tags) == ["split"]


async def test_p5_arms_answer_after_a_start_without_a_registry() -> None:
    """By what they served before, as their slot does."""
    world = await sharing(RolloutTags(split="challenger=10"), aliases={"challenger": 2})
    again = restarted(world)
    again.registry.down = PassingFault("look", "registry_unreachable", "silent")
    for _ in range(2):
        await again.follow()
    assert again.slot.traffic.shares == (("challenger", "2", 1000),)


async def test_service_without_arms_takes_none_and_says_so() -> None:
    """Whatever tags say."""
    world = World(takes_arms=False)
    world.move(world.registry.register("iris"))
    world.registry.aliases[ModelRef("iris", "challenger")] = world.registry.register("iris")
    world.registry.rollout[world.slot.ref] = RolloutTags(split="challenger=10")
    await world.follow()
    assert (shares(world), world.slots.arms) == ((), [])
    assert "PODIUM_ARMS" in world.slot.status.wrong_tags["split"]


async def test_arm_that_a_pattern_finds_has_a_route_from_then_on() -> None:
    """And keeps it when no tag names it any more."""
    world = World(patterns=["iris@*"])
    came: list[str] = []
    world.slots.watch(lambda slot: came.append(str(slot.ref)), lambda _: None)
    first = world.registry.register("iris")
    world.registry.aliases[ModelRef("iris", "champion")] = first
    world.registry.rollout[ModelRef("iris", "champion")] = RolloutTags(split="challenger=10")
    for _ in range(2):
        await world.follow()
    assert [str(slot.ref) for slot in world.slots.arms] == ["iris@challenger"]
    world.registry.aliases[ModelRef("iris", "challenger")] = first
    await world.follow()
    assert (came, world.slots.arms) == (["iris@champion", "iris@challenger"], [])
    world.registry.rollout.clear()
    await world.follow()
    assert len(world.slots) == 2


async def test_version_that_is_an_arm_is_found_by_no_pattern() -> None:
    """It has no route, takes no room from aliases, and ends with the tag."""
    world = World(patterns=["iris@*"])
    for _ in range(2):
        world.registry.register("iris")
    champion = ModelRef("iris", "champion")
    world.registry.aliases[champion] = of(world, 1)
    world.registry.rollout[champion] = RolloutTags(split="v2=10")
    for _ in range(3):
        await world.follow()
    assert [str(slot.ref) for slot in world.slots.arms] == ["iris@v2"]
    assert [str(slot.ref) for slot in world.slots.routed] == ["iris@champion"]
    world.registry.rollout.clear()
    await world.follow()
    assert list(world.slots) == ["iris@champion"]


async def test_unknown_tags_are_told_once() -> None:
    """By model."""
    world = await sharing(NO_TAGS)
    world.registry.unknown_tags = {"iris": ("podium.spilt.champion",)}
    for _ in range(2):
        await world.follow()
    assert world.events.of("tags_unknown") == [("iris", ("podium.spilt.champion",))]


async def test_p12_arm_that_would_break_its_slots_clients_is_refused() -> None:
    """They are who gets it; what it is compared with is what serves them."""
    compared: list[VersionId | None] = []

    class Comparing:
        """A gate of slots that notes what each version is compared with."""

        def check(self, candidacy: Candidacy) -> Sequence[GateFinding]:
            serving = candidacy.serving
            compared.append(None if serving is None else serving.version)
            return ()

    world = World(gates=Gates(of_slot=[Comparing()]))
    first, second = world.registry.register("iris"), world.registry.register("iris")
    world.move(first)
    await world.follow()
    compared.clear()
    world.registry.aliases[ModelRef("iris", "challenger")] = second
    world.registry.rollout[world.slot.ref] = RolloutTags(split="challenger=10")
    await world.follow()
    assert set(compared) == {first}


async def test_p20_arm_that_moves_bakes_nothing() -> None:
    """Its last version is good at once: what it would give way to is beside it already."""
    world = World(bake=BakeRule(seconds=60, most_seconds=900))
    for _ in range(3):
        world.registry.register("iris")
    world.move(of(world, 1))
    challenger = ModelRef("iris", "challenger")
    world.registry.aliases[challenger] = of(world, 2)
    world.registry.rollout[world.slot.ref] = RolloutTags(split="challenger=10")
    await world.follow()
    world.registry.aliases[challenger] = of(world, 3)
    await world.follow()
    assert world.slots[str(challenger)].bake is None
    good = world.history.baseline(challenger)
    assert good is not None
    assert good.version == of(world, 3)


async def test_tags_that_are_seen_late_are_told_once() -> None:
    """MLflow tells nobody of tags of models: only looks do."""
    for seconds, times in ((5.0, 0), (6.0, 1)):
        world = await sharing(RolloutTags(split="challenger=10"))
        world.slots.poll_seconds = seconds
        for _ in range(2):
            await world.follow()
        assert len(world.events.of("tags_late")) == times


async def test_stop_of_the_service_is_no_change_of_traffic() -> None:
    """Though arms are let go before what they are arms of."""
    world = World("iris@challenger", "iris@champion")
    first, second = world.registry.register("iris"), world.registry.register("iris")
    world.move(second)
    world.move(first, 1)
    world.registry.rollout[world.refs[1]] = RolloutTags(split="challenger=10")
    await world.follow()
    before = world.ledger.page(20)
    assert LedgerOutcome.SHARED in {each.outcome for each in before}
    await world.follower.close()
    assert world.ledger.page(20) == before
