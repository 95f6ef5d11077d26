"""Requests that were answered are predicted by a shadow, within bounds, and compared."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from service.comparer.front import ComparedBatch, ReplyPair
from service.comparer.wire import LONGEST_PAIR
from service.errors import ModelFailed, NoServable, Overloaded, ServiceError
from service.following.servable import Shadow
from service.predicting.hearing import HeardRequest
from service.predicting.request import Timeline
from service.protocols.protocol import by_media_type
from service.refs import ModelRef
from service.rollout.comparison import compare
from service.rollout.tally import Likeness, RowTally
from service.shadowing.shadow_line import MOST_WAITING
from service.shadowing.shadow_tally import Dropped, ShadowTally
from service.shadowing.shadowing import Shadowing, ShadowSample
from service.split_tag import WHOLE
from tests.support.given import JSON
from tests.support.serving import FakeContract, FakePredictor, FakeReader, make_binding
from tests.support.waiting import until

IRIS, CHALLENGER = ModelRef("iris", "champion"), ModelRef("iris", "challenger")
BODY = b'{"inputs":[1,2]}'
ROOM = 1 << 20
SECONDS = 240.0


@dataclass
class FakeComparer:
    """Compares at once, in this process, once its gate is open; `dead`: it cannot."""

    dead: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open."""
        self.gate.set()

    async def compare(self, pairs: Sequence[ReplyPair]) -> ComparedBatch | None:
        """As the real one."""
        self.batches.append(len(pairs))
        await self.gate.wait()
        if self.dead:
            return None
        whole, likeness = RowTally(), list[Likeness | None]()
        for served, heard, rows, _ in pairs:
            tally = compare(bytes(served), bytes(heard), rows)
            whole.add(tally)
            likeness.append(tally.worst)
        return ComparedBatch(whole, likeness)


@dataclass
class Kept:
    """Keeps every sample."""

    samples: list[ShadowSample] = field(default_factory=list)

    def keep(self, sample: ShadowSample) -> None:
        """All of them."""
        self.samples.append(sample)


class World:
    """A slot's version 1, and version 2 that hears of its requests."""

    def __init__(self, answer: str = "1", *, room: int = ROOM, reads_same: bool = True) -> None:
        self.served = make_binding(IRIS, "1")
        self.predictor = FakePredictor(answer)
        self.heard = make_binding(CHALLENGER, "2", self.predictor)
        self.shadow = Shadow(self.heard, self.served.servable, WHOLE, reads_same)
        self.comparer, self.kept = FakeComparer(), Kept()
        self.now: Shadow | None = self.shadow
        self.shadowing = Shadowing(
            lambda _: self.now, self.comparer, room, 60.0, self.kept, lambda: 7.0
        )

    @property
    def tally(self) -> ShadowTally:
        """What is counted."""
        return self.shadowing.lines[IRIS].tally

    @property
    def held(self) -> int:
        """What waits holds."""
        return self.shadowing.lines[IRIS].held

    def hear(
        self,
        answer: bytes | None = b"[1,1]",
        error: str | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        """A request of two rows was answered so."""
        model_input = FakeContract().parse(BODY, "application/json")
        timeline = Timeline(0.0)
        timeline.sent, timeline.answered = 1.0, 1.5
        heard = HeardRequest(
            *(IRIS, shadow or self.shadow, "id", model_input, JSON, BODY, len(BODY), timeline),
            by_media_type,
        )
        self.shadowing.hear(heard, answer, error)

    async def settled(self) -> None:
        """Returns when nothing is under way."""
        while self.shadowing.tasks:
            await asyncio.wait(self.shadowing.tasks)


async def test_equal_answers_are_counted_without_being_looked_into() -> None:
    """Which nearly all are: nobody is asked to compare them."""
    world = World("1")
    for _ in range(3):
        world.hear()
    await world.settled()

    tally = world.tally
    assert (tally.requests, tally.compared, tally.differed) == (3, 3, 0)
    assert (tally.rows.equal, tally.rows.rows) == (6, 6)
    assert (tally.served_seconds.count, tally.heard_seconds.count) == (3, 3)
    assert (world.comparer.batches, world.held) == ([], 0)


async def test_answers_that_differ_are_compared_together_and_kept() -> None:
    """One batch while the one before is compared."""
    world = World("2")
    world.comparer.gate.clear()
    for _ in range(10):
        world.hear()
    await until(lambda: len(world.predictor.inputs) == 10, SECONDS)
    assert world.held > 0
    world.comparer.gate.set()
    await world.settled()

    tally = world.tally
    assert (tally.compared, tally.differed, tally.rows.different) == (10, 10, 20)
    assert tally.rows.labels.pairs == [(1, 2, 20)]
    assert sum(world.comparer.batches) == 10
    assert len(world.comparer.batches) < 10
    assert [(each.served, each.shadow) for each in world.kept.samples] == [
        (b"[1,1]", b"[2,2]")
    ] * 10
    assert world.held == 0


@pytest.mark.parametrize(
    ("error", "failed", "dropped"),
    [
        (ModelFailed("It failed."), {"model_failed": 1}, {}),
        (NoServable("Nobody."), {}, {Dropped.NOT_NOW: 1}),
        (Overloaded("Too much."), {}, {Dropped.NOT_NOW: 1}),
    ],
)
async def test_errors_of_the_model_are_counted_and_what_it_had_no_turn_for_is_dropped(
    error: ServiceError, failed: dict[str, int], dropped: dict[Dropped, int]
) -> None:
    """A shadow that is not there has not failed."""
    world = World()
    world.predictor.error = error
    world.hear()
    await world.settled()
    assert (dict(world.tally.heard_failed), dict(world.tally.dropped)) == (failed, dropped)
    assert (world.tally.compared, world.held) == (0, 0)


async def test_errors_of_what_was_answered_are_told_apart_by_who_failed() -> None:
    """The version that answers, or both."""
    world = World()
    world.hear(None, "model_failed")
    await world.settled()
    world.predictor.error = ModelFailed("It failed.")
    world.hear(None, "model_failed")
    await world.settled()
    assert (dict(world.tally.served_failed), world.tally.both_failed) == ({"model_failed": 1}, 1)


async def test_shadow_does_not_wait_for_one_before_it_that_hangs() -> None:
    """What waits for that one is dropped as it is replaced, and its room is free."""
    world = World()
    world.predictor.gate.clear()
    for _ in range(2 * MOST_WAITING):
        world.hear()
    await world.predictor.entered.wait()
    before = world.tally
    other = make_binding(CHALLENGER, "3", FakePredictor("1"))
    world.now = Shadow(other, world.served.servable, WHOLE, reads_same=True)
    world.hear(shadow=world.now)
    await until(lambda: world.tally.compared == 1, SECONDS)
    assert not world.tally.dropped
    assert before.dropped[Dropped.LEFT] > 0
    world.hear()  # it was bound before the change
    world.predictor.gate.set()
    await world.settled()
    assert world.held == 0


async def test_shadow_that_hangs_keeps_a_bounded_number_of_requests() -> None:
    """The rest is dropped at once, and counted; nothing waits once it is gone."""
    world = World()
    world.predictor.gate.clear()
    world.hear()
    await world.predictor.entered.wait()
    for _ in range(2 * MOST_WAITING):
        world.hear()
    dropped = world.tally.dropped[Dropped.BEHIND]
    assert MOST_WAITING <= dropped <= MOST_WAITING + 1
    world.now = None
    world.heard.servable.release()
    world.predictor.gate.set()
    await world.settled()
    left = world.tally.dropped[Dropped.LEFT]
    assert world.tally.requests == 1 + 2 * MOST_WAITING == dropped + left + world.tally.compared
    assert world.tally.compared <= 16
    assert not world.heard.servable.held
    assert world.held == 0


async def test_requests_that_wait_hold_a_bounded_number_of_bytes() -> None:
    """One shadow at most half of what all may hold."""
    world = World(room=200)
    world.predictor.gate.clear()
    for _ in range(10):
        world.hear()
    assert world.held <= 100
    assert world.tally.dropped == {Dropped.BYTES: 10 - world.held // (len(BODY) + 5)}
    world.predictor.gate.set()
    await world.settled()
    world.hear()
    await world.settled()
    assert world.tally.dropped.total() + world.tally.compared == 11


async def test_answers_that_are_too_long_to_be_compared_are_not_predicted_again() -> None:
    """It would be for nothing."""
    world = World()
    world.hear(b"1" * (LONGEST_PAIR // 2 + 1))
    await world.settled()
    assert world.tally.dropped == {Dropped.TOO_LARGE: 1}
    assert not world.predictor.inputs


async def test_comparer_that_dies_costs_what_it_was_given() -> None:
    """Not a word about these answers is made up."""
    world = World("2")
    world.comparer.dead = True
    world.hear()
    await world.settled()
    assert (world.tally.compared, world.tally.rows.rows) == (0, 0)
    assert world.tally.dropped == {Dropped.NOT_COMPARED: 1}
    world.comparer.dead = False
    world.hear()
    await world.settled()
    assert (world.tally.compared, world.held) == (1, 0)


@pytest.mark.parametrize("reads_same", [True, False])
async def test_body_is_read_again_only_by_another_contract(reads_same: bool) -> None:  # noqa: FBT001 - the table's word
    """What both read alike is handed on as it was read."""
    world = World(reads_same=reads_same)
    reader = world.heard.servable.reader
    assert isinstance(reader, FakeReader)
    world.hear()
    await world.settled()
    assert reader.entered.is_set() is not reads_same
    assert world.tally.compared == 1


async def test_two_other_versions_are_counted_anew() -> None:
    """The counts of two that met before tell nothing of them."""
    world = World("2")
    world.hear()
    await world.settled()
    before = world.tally
    other = make_binding(CHALLENGER, "3", FakePredictor("1"))
    world.now = Shadow(other, world.served.servable, WHOLE, reads_same=True)
    world.hear(shadow=world.now)
    await world.settled()
    assert world.tally is not before
    assert (before.differed, world.tally.differed, world.tally.requests) == (1, 0, 1)
    versions = world.shadowing.lines[IRIS].versions
    assert versions is not None
    assert (versions.served.version, versions.heard.version) == ("1", "3")


async def test_part_of_the_requests_is_heard_by_chance() -> None:
    """A quarter of 20,000 is 5,000, within five standard deviations."""
    wanted = sum(Shadowing.wants(WHOLE // 4) for _ in range(20_000))
    assert abs(wanted - 5000) < 5 * 62
    assert all(Shadowing.wants(WHOLE) for _ in range(100))
    assert not any(Shadowing.wants(0) for _ in range(100))


async def test_tallies_of_several_fronts_add_up() -> None:
    """As if one had counted all of it."""
    world, other = World("2"), World("1")
    for each in (world, other):
        each.hear()
        await each.settled()
    world.tally.add(other.tally)
    assert (world.tally.requests, world.tally.compared, world.tally.differed) == (2, 2, 1)
    assert (world.tally.rows.equal, world.tally.rows.different) == (2, 2)
    assert world.tally.heard_seconds.count == 2
