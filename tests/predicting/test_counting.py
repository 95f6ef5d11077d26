"""What is counted of requests for a bake, and what the proven version is asked of them (P20)."""

import asyncio
import math
from dataclasses import dataclass, field, replace

import pytest

from service.errors import (
    InvalidInput,
    ModelFailed,
    NoServable,
    NotLoaded,
    Overloaded,
    PredictionTimedOut,
)
from service.following.second_opinions import MOST_A_SECOND, SecondOpinions
from service.following.servable import Servable
from service.predicting.route import PredictionRoute
from service.rollout.outcomes import Tally
from tests.predicting.test_route import BODY, IRIS, Bound, World, parse
from tests.support.given import GivenRequest, given_context
from tests.support.serving import FakeContract, FakePredictor, FakeReader, failing, make_binding

_REFUSES = InvalidInput((), "It does not fit.")


@dataclass
class Doubting(World):
    """A slot whose version bakes, and the proven one beside it."""

    older: FakePredictor = field(default_factory=lambda: FakePredictor("0"))
    now: float = 1000.0

    def bake(
        self, predictor: FakePredictor, *, predicts: bool = True, reads: bool = False
    ) -> SecondOpinions:
        """That predictor's version bakes at the slot from now on."""
        self.swap(predictor)
        binding = self.slot.binding
        assert binding is not None
        self.proven: Servable = make_binding(IRIS, "0", self.older).servable
        opinions = SecondOpinions(
            self.proven,
            binding.outcomes,
            lambda: self.now,
            lambda: None,
            predicts=predicts,
            reads=reads,
        )
        binding.outcomes.doubts = opinions
        self.route = PredictionRoute(self.slot, "predict", parse, Bound, self.context)
        return opinions

    @property
    def tally(self) -> Tally:
        """What is counted by now."""
        assert self.slot.binding is not None
        return self.slot.binding.outcomes.tally


async def told(opinions: SecondOpinions) -> None:
    """Returns when the proven version has said everything."""
    await asyncio.gather(*opinions.tasks)


async def test_p20_answers_are_counted() -> None:
    """One each, and nothing is asked."""
    world = Doubting()
    opinions = world.bake(FakePredictor("2"))
    for _ in range(3):
        await world.predict()
    assert (world.tally, opinions.tasks) == (Tally(requests=3), ())


@pytest.mark.parametrize(
    ("error", "tally"),
    [
        (ModelFailed("It failed."), Tally(requests=1, failed=1)),
        (PredictionTimedOut("It hung."), Tally(requests=1, failed=1)),
        (NoServable("It died."), Tally(requests=1, failed=1)),
        (NotLoaded("It is loaded on demand."), Tally()),
        (Overloaded("Too many."), Tally()),
        (ValueError("a defect"), Tally()),
    ],
)
async def test_p20_failures_are_the_versions_and_overload_is_not(
    error: Exception, tally: Tally
) -> None:
    """Nor is a defect of Podium's."""
    world = Doubting()
    world.bake(failing(error), predicts=False)
    await world.predict()
    assert world.tally == tally


class _Hurried(GivenRequest[Bound]):
    """Its client allows this many seconds."""

    def __init__(self, world: World, own: float) -> None:
        super().__init__(world.context, BODY)
        self._own = own

    def seconds(self, most: float) -> float:
        """The lesser."""
        return min(most, self._own)


@pytest.mark.parametrize(
    ("own", "service", "tally"),
    [
        (0.0, math.inf, Tally()),
        # Its own time is not over: the model has taken longer than any call may.
        (3600.0, math.inf, Tally(requests=1, failed=1)),
        # And where it is, that is what the service allows everybody.
        (math.inf, 0.0, Tally(requests=1, failed=1)),
        (0.0, 0.0, Tally(requests=1, failed=1)),
    ],
)
async def test_p20_clients_own_short_time_is_no_failure_of_the_version(
    own: float, service: float, tally: Tally
) -> None:
    """Nor is the proven version asked: a client that comes within a bake sends nothing back."""
    world = Doubting()
    world.context = given_context(world.told, seconds=service)
    opinions = world.bake(failing(PredictionTimedOut("It took longer.")))
    result = await world.route.predict(_Hurried(world, own))
    assert isinstance(result, PredictionTimedOut)
    await told(opinions)
    counted = replace(world.tally, tried=0)
    assert (counted, world.older.inputs == []) == (tally, tally == Tally())


async def test_p20_failure_that_the_proven_version_answers_counts() -> None:
    """It is asked after the client has its error, and the answer is thrown away."""
    world = Doubting()
    opinions = world.bake(failing(ModelFailed("It failed.")))
    assert isinstance(await world.predict(), ModelFailed)
    await told(opinions)
    assert world.tally == Tally(requests=1, failed=1, tried=1)
    assert (world.tally.sample.requests, world.tally.sample.failures) == (1, 1)
    assert len(world.older.inputs) == 1


@pytest.mark.parametrize("error", [ModelFailed("It failed."), PredictionTimedOut("It hung.")])
async def test_p20_failure_of_both_versions_is_spared(error: Exception) -> None:
    """What no version can answer speaks against none."""
    world = Doubting(older=failing(error))
    opinions = world.bake(failing(ModelFailed("It failed.")))
    await world.predict()
    await told(opinions)
    assert world.tally == Tally(requests=1, failed=1, tried=1, spared=1)
    assert (world.tally.sample.requests, world.tally.sample.failures) == (0, 0)


async def test_p20_proven_version_that_is_busy_says_nothing() -> None:
    """Nobody knows whose fault it is then."""
    world = Doubting(older=failing(Overloaded("Too many.")))
    opinions = world.bake(failing(ModelFailed("It failed.")))
    await world.predict()
    await told(opinions)
    assert world.tally == Tally(requests=1, failed=1)
    assert opinions.too_soon


async def test_p20_dead_processes_are_asked_about_nowhere() -> None:
    """Requests that find none are what follows, not what has ended them."""
    world = Doubting()
    opinions = world.bake(failing(NoServable("It died.")))
    await world.predict()
    assert (opinions.tasks, opinions.too_soon) == ((), False)


async def test_p20_at_most_twenty_a_second_are_asked_about() -> None:
    """The share that was spared among them is that of all."""
    world = Doubting(older=failing(ModelFailed("It failed.")))
    opinions = world.bake(failing(ModelFailed("It failed.")))
    for _ in range(MOST_A_SECOND + 10):
        await world.predict()
        await told(opinions)
    assert world.tally.tried == MOST_A_SECOND
    assert world.tally.sample.requests == 0
    world.now += 1
    await world.predict()
    await told(opinions)
    assert world.tally.tried == MOST_A_SECOND + 1


async def test_p20_version_is_not_judged_before_anybody_knows_whose_fault_it_is() -> None:
    """While the proven version is at it."""
    world = Doubting()
    world.older.gate = asyncio.Event()
    opinions = world.bake(failing(ModelFailed("It failed.")))
    await world.predict()
    await world.older.entered.wait()
    assert opinions.too_soon
    world.older.gate.set()
    await told(opinions)
    assert not opinions.too_soon


async def test_p20_nobody_is_asked_once_the_bake_is_over() -> None:
    """And the proven version is held by nobody for it."""
    world = Doubting()
    world.older.gate = asyncio.Event()
    opinions = world.bake(failing(ModelFailed("It failed.")))
    await world.predict()
    await world.older.entered.wait()
    opinions.close()
    await asyncio.gather(*opinions.tasks, return_exceptions=True)
    await world.predict()
    world.proven.release()
    assert (world.proven.held, len(world.older.inputs)) == (False, 1)


@pytest.mark.parametrize(("older", "failures"), [(None, 1), (_REFUSES, 0)])
async def test_p20_refusal_counts_where_the_proven_contract_takes_the_request(
    older: Exception | None, failures: int
) -> None:
    """It is read by that contract, and predicted by nobody."""
    world = Doubting()
    opinions = world.bake(FakePredictor("2"), predicts=False, reads=True)
    assert world.slot.binding is not None
    reader = world.slot.binding.servable.reader
    assert isinstance(reader, FakeReader)
    reader.contract = FakeContract(_REFUSES)
    assert isinstance(world.proven.reader, FakeReader)
    world.proven.reader.contract = FakeContract(older)
    assert isinstance(await world.predict(), InvalidInput)
    await told(opinions)
    assert (world.tally.refused, world.tally.asked, world.tally.taken) == (1, 1, failures)
    sample = world.tally.sample
    assert (sample.requests, sample.failures) == (failures, failures)
    assert world.older.inputs == []


async def test_p20_refusal_is_the_clients_where_contracts_are_the_same() -> None:
    """Or where what breaks clients was let pass: nobody is asked."""
    world = Doubting()
    world.bake(FakePredictor("2"))
    assert world.slot.binding is not None
    reader = world.slot.binding.servable.reader
    assert isinstance(reader, FakeReader)
    reader.contract = FakeContract(_REFUSES)
    await world.predict()
    assert world.tally == Tally(refused=1)
    assert world.tally.sample.failures == 0
