"""A defect that meets one slot costs no other anything (P15), and following goes on (P12)."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from service.background import NAMED, Work
from service.following.gates.gate import Candidacy, GateFinding, Gates
from service.following.gates.tags import TAGS_UNMET, TagsGate
from service.following.ports import Missing
from service.refs import ModelRef, VersionId
from tests.following.fakes import Events, FakeHistory, World, version
from tests.following.test_follower import BROKEN

BAD, GOOD = "bad@champion", "good@champion"


class Defect(Exception):
    """What nobody expects."""


def two_slots(**more: Any) -> World:
    """The first of which is to meet a defect; both aliases are set."""
    world = World(BAD, GOOD, **more)
    for place, name in enumerate(("bad", "good")):
        world.move(version(1, name), place)
    return world


def served(world: World) -> list[VersionId | None]:
    """By each slot."""
    return [slot.version for slot in world.slots.values()]


def raising(*_: Any, **__: Any) -> Any:
    """Whatever it is asked."""
    raise Defect


def with_step_that_raises(world: World) -> None:
    """The look has nothing to say of the first slot, which no look should."""
    resolve = world.registry.resolve

    async def partly(refs: Any) -> Any:
        answer = await resolve(refs)
        found = dict(answer.found)
        del found[world.refs[0]]
        return replace(answer, found=found)

    world.registry.resolve = partly  # type: ignore[method-assign]


async def test_p15_slot_whose_step_raises_keeps_no_other_from_being_followed() -> None:
    """It is told with its name, and its status says so until a look goes well."""
    world = two_slots()
    resolve = world.registry.resolve
    with_step_that_raises(world)
    await world.follow()
    assert served(world) == [None, version(1, "good")]
    ((ref, error),) = world.events.of("slot_failed")
    assert (ref, type(error)) == (BAD, KeyError)
    assert world.slot.failure is not None
    assert world.slot.failure.code == "internal"
    world.registry.resolve = resolve  # type: ignore[method-assign]
    await world.follow()
    assert served(world) == [version(1, "bad"), version(1, "good")]
    assert world.slot.failure is None


async def test_p15_slot_whose_retirement_raises_keeps_no_other_warm() -> None:
    """What others kept warm ends in its time."""
    world = two_slots(keep_warm_seconds=10)
    await world.follow()
    for place, name in enumerate(("bad", "good")):
        world.move(version(2, name), place)
    await world.follow()
    assert world.slot.previous is not None
    world.slot.previous = replace(world.slot.previous, until="never")  # type: ignore[arg-type]
    world.time.now += 10
    await world.follow()
    assert [ref for ref, _ in world.events.of("slot_failed")] == [BAD]
    assert world.stager.predictors[version(1, "good")].closed


async def test_p15_gate_that_raises_over_one_slot_closes_it_for_that_one_alone() -> None:
    """Two slots of one version; the one is refused it, and tries again with growing pauses."""

    class Gate(Gates):
        def check_slot(self, candidacy: Candidacy) -> tuple[GateFinding, ...]:
            if candidacy.ref.alias == "a":
                raise Defect
            return super().check_slot(candidacy)

    world = World("iris@a", "iris@b", gates=Gate())
    for place in (0, 1):
        world.move(version(1), place)
    await world.follow()
    await world.follow()
    assert served(world) == [None, version(1)]
    assert set(world.events.of("refused")) == {("iris@a", version(1), "internal")}
    assert [entry.code for entry in world.ledger.page(10) if str(entry.ref) == "iris@a"] == [
        "internal"
    ]


async def test_p13_preparation_that_raises_once_a_version_is_loaded_holds_it_back() -> None:
    """It is refused, and brought anew after growing pauses, not with each look."""

    class Gate(Gates):
        def are_prepared(self, candidacy: Candidacy) -> bool:
            return version(2) not in world.stager.predictors or is_mended.is_set()

        async def prepare(self, candidacy: Candidacy) -> None:
            raise Defect

    world, is_mended = World(gates=Gate()), asyncio.Event()
    await world.follow_to(version(1))
    for _ in range(3):
        await world.follow_to(version(2))
    assert world.registry.fetched == [version(1), version(2)]
    assert world.slot.failure is not None
    assert (world.slot.failure.code, world.slot.pursuit.attempts) == ("internal", 1)
    assert world.slot.version == version(1)
    is_mended.set()
    world.time.now += 60
    await world.follow()
    assert world.slot.version == version(2)


@pytest.mark.parametrize("event", ["swapped", "staging", "missing", "refused", "retired", "looked"])
async def test_p15_observer_that_raises_holds_up_nobody(event: str) -> None:
    """Not even who it is told of."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: told.append(said))
    events = Events()
    setattr(events, event, raising)
    world = two_slots(observer=events, keep_warm_seconds=0)
    await world.follow()
    world.stager.errors[version(3, "bad")] = BROKEN
    for moved in (version(2, "bad"), version(3, "bad"), Missing.ALIAS):
        world.move(moved, 0)
        await world.follow()
    world.move(version(2, "good"), 1)
    await world.follow()
    assert served(world) == [version(2, "bad"), version(2, "good")]
    assert world.stager.predictors[version(1, "bad")].closed
    assert told
    assert {said[NAMED] for said in told} == {Work.FOLLOWING}


async def test_p15_history_that_raises_over_one_slot_leaves_the_others_theirs() -> None:
    """A swap is a swap, whoever cannot remember it."""

    @dataclass
    class Forgetful(FakeHistory):
        def note(self, ref: ModelRef, known: Any) -> None:
            if str(ref) == BAD:
                raise Defect
            super().note(ref, known)

    world = two_slots(history=Forgetful())
    await world.follow()
    assert served(world) == [version(1, "bad"), version(1, "good")]
    assert [ref for ref, _ in world.events.of("slot_failed")] == [BAD]
    assert world.stager.staged == [version(1, "bad"), version(1, "good")]


async def test_p15_tags_that_cannot_be_judged_for_one_slot_are_for_the_others() -> None:
    """And the aliases that the look has found are followed."""

    @dataclass(frozen=True)
    class Tags(Gates):
        bad: list[bool] = field(default_factory=list)

        def hangs_on_tags(self, fault: str | None) -> bool:
            return fault == TAGS_UNMET

        def tags_met(self, version: VersionId, tags: Any) -> bool:
            if not self.bad:
                self.bad.append(True)
                raise Defect
            return True

    world = two_slots(gates=Tags())
    unmet = type(BROKEN)("gates", TAGS_UNMET, "A tag is missing.")
    for name in ("bad", "good"):
        world.stager.errors[version(1, name)] = unmet
    await world.follow()
    world.stager.errors.clear()
    await world.follow()
    assert served(world) == [None, version(1, "good")]
    await world.follow()
    assert served(world) == [version(1, "bad"), version(1, "good")]


@pytest.mark.parametrize("what", ["tags", "resolve", "prepare"])
async def test_p12_look_that_raises_is_a_look_that_failed(what: str) -> None:
    """It is told, shown, and an empty slot has its last known good meanwhile."""
    world = two_slots(gates=Gates(of_tags=(TagsGate({}),)))
    world.stager.errors[version(1, "bad")] = type(BROKEN)("gates", TAGS_UNMET, "A tag is missing.")
    await world.follow()
    setattr(world.registry, what, raising)
    world.move(version(2, "good"), 1)
    await world.follow()
    assert [type(error) for (error,) in world.events.of("tick_failed")] == [Defect]
    assert world.slots.look.failure is not None
    assert world.slots.look.failure.code == "internal"
    followed = version(2, "good") if what == "tags" else version(1, "good")
    assert served(world) == [None, followed]
