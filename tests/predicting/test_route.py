"""The way of one prediction, without a transport: what it is bound to, holds and gives back."""

import asyncio
import gc
import sys
import weakref
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from types import FrameType

import pytest

from service.contract.model_input import ValidInput
from service.errors import (
    InvalidInput,
    ModelFailed,
    NoServable,
    Overloaded,
    ServiceError,
    Withdrawn,
)
from service.following.ports import ReadsRequests
from service.following.servable import Binding
from service.following.slots import Slots
from service.predicting.request import Prediction, RequestBody
from service.predicting.route import COPIED_BYTES, PredictionRoute
from service.refs import ModelRef
from service.rollout.rollout_plan import NO_PLAN
from service.split_tag import ArmShare, Split
from tests.support.given import JSON, GivenRequest, Told, given_context
from tests.support.serving import FakeContract, FakePredictor, FakeReader, failing, make_binding

IRIS = ModelRef("iris", "champion")
BODY = b'{"inputs":[1]}'
# Of a request of one row, with fakes for door, reader and predictor.
BASELINE_CALLS = 28


@dataclass(frozen=True)
class Bound:
    """A form of replies that adds nothing."""

    binding: Binding


def parse(
    reader: ReadsRequests, headers: Mapping[bytes, bytes], body: RequestBody, deadline: float
) -> Awaitable[ValidInput]:
    """By the media type."""
    return reader.read(body, headers[b"content-type"].decode(), deadline)


@dataclass
class Caller:
    """Somebody who may leave."""

    gone: bool = False
    waiting: bool = False
    listened: int = 0

    def listen(self) -> None:
        """Counts."""
        self.listened += 1


@dataclass
class World:
    """One slot, a route to it, and what was told."""

    slots: Slots = field(default_factory=lambda: Slots([IRIS]))
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        """The slot serves version 1."""
        self.slot = self.slots.default
        self.context = given_context(self.told)
        self.slot.serve(make_binding(IRIS, "1"))
        self.route = PredictionRoute(self.slot, "predict", parse, Bound, self.context)

    def request(self, caller: Caller | None = None) -> GivenRequest[Bound]:
        """A valid one."""
        return GivenRequest(self.context, BODY, caller=caller)

    async def predict(
        self, caller: Caller | None = None
    ) -> Prediction[Bound] | ServiceError | None:
        """What a valid one comes to, recorded as a transport would."""
        request = self.request(caller)
        result = await self.route.predict(request)
        self.route.record(request, result, 200)
        assert self.context.bodies.total == 0
        return result

    def swap(self, predictor: FakePredictor, version: str = "2") -> None:
        """As the follower does it: the slot's hold on what it served is given back."""
        old = self.slot.binding
        self.slot.serve(make_binding(IRIS, version, predictor))
        if old is not None:
            old.servable.release()


async def test_p7_no_turn_of_the_loop_is_between_bind_and_hold() -> None:
    """A swap in the very next turn after a request was bound finds its servable held."""
    world = World()
    binding = world.slot.binding
    assert binding is not None
    reader = binding.servable.reader
    assert isinstance(reader, FakeReader)
    reader.gate = asyncio.Event()
    held = []

    def swap() -> None:
        world.swap(FakePredictor("2"))
        held.append(binding.servable.held)
        reader.gate.set()

    def bound(to: Binding) -> Bound:
        asyncio.get_running_loop().call_soon(swap)
        return Bound(to)

    world.route = PredictionRoute(world.slot, "predict", parse, bound, world.context)
    result = await world.predict()

    assert held == [True]
    assert isinstance(result, Prediction)
    assert (result.form.binding, result.predictions) == (binding, b"[1]")
    assert str(world.slot.version) != str(binding.servable.version)
    assert not binding.servable.held


@pytest.mark.parametrize(
    "predictor", [FakePredictor("1"), failing(ModelFailed("It failed.")), failing(ValueError())]
)
async def test_p8_hold_is_given_back_whatever_comes_of_the_request(
    predictor: FakePredictor,
) -> None:
    """A version that is swapped out meanwhile is held until then, and not a moment longer."""
    world = World()
    gate = predictor.gate = asyncio.Event()
    binding = make_binding(IRIS, "1", predictor)
    world.slot.serve(binding)
    waiting = asyncio.create_task(world.predict())
    await predictor.entered.wait()
    world.swap(FakePredictor("2"))
    held = binding.servable.held
    gate.set()
    await waiting

    assert (held, binding.servable.held) == (True, False)
    assert world.told.records[0].version == "1"


async def test_p23_withdrawn_version_says_nothing_more_whatever_it_was_refused_for() -> None:
    """Neither its answer nor its error."""
    for predictor in (FakePredictor("1"), failing(ModelFailed("It failed."))):
        world = World()
        binding = make_binding(IRIS, "1", predictor)
        world.slot.serve(binding)
        binding.servable.refusal = Withdrawn()
        assert isinstance(await world.predict(), Withdrawn)


async def test_slot_without_a_version_says_when_to_come_again() -> None:
    """No version is told of."""
    world = World()
    world.slot.serve(None)
    result = await world.predict()

    assert isinstance(result, NoServable)
    assert result.retry_after >= 1
    assert (world.told.records[0].version, world.told.records[0].error) == (None, "no_servable")


async def test_record_names_who_answered_or_refused() -> None:
    """With the error's stable code."""
    world = World()
    await world.predict()
    world.slot.serve(make_binding(IRIS, "2", failing(InvalidInput(()))))
    await world.predict()
    told = [(each.version, each.rows, each.error) for each in world.told.records]

    assert told == [("1", 1, None), ("2", 1, "invalid_input")]
    assert {(each.slot, each.route) for each in world.told.records} == {(str(IRIS), "predict")}


async def test_caller_that_has_left_costs_no_prediction() -> None:
    """Nobody is bound to an answer."""
    world, predictor = World(), FakePredictor("1")
    world.slot.serve(make_binding(IRIS, "1", predictor))
    caller = Caller(gone=True)
    result = await world.predict(caller)

    assert (result, predictor.inputs, caller.listened) == (None, [], 0)
    assert (world.told.records[0].version, world.told.records[0].error) == (None, "client_gone")


async def test_caller_may_leave_while_nothing_but_the_answer_is_waited_for() -> None:
    """And not afterwards, when the reply is sent."""
    world, predictor, caller = World(), FakePredictor("1", gate=asyncio.Event()), Caller()
    world.slot.serve(make_binding(IRIS, "1", predictor))
    waiting = asyncio.create_task(world.predict(caller))
    await predictor.entered.wait()
    during = caller.waiting
    predictor.gate.set()
    await waiting

    assert (during, caller.waiting, caller.listened) == (True, False, 1)


@pytest.mark.parametrize(("gone", "kind"), [(False, NoServable), (True, type(None))])
async def test_cancelled_request_is_refused_unless_its_caller_has_left(
    gone: bool,  # noqa: FBT001 - the table's word
    kind: type,
) -> None:
    """Whoever could not be drained gets an answer."""
    world, predictor, caller = World(), FakePredictor("1", gate=asyncio.Event()), Caller()
    world.slot.serve(make_binding(IRIS, "1", predictor))
    waiting = asyncio.create_task(world.predict(caller))
    await predictor.entered.wait()
    caller.gone = gone
    waiting.cancel()

    assert type(await waiting) is kind


async def test_long_predictions_are_held_until_the_door_has_sent_them() -> None:
    """Beyond what all together may hold they are refused."""
    world = World()
    world.slot.serve(make_binding(IRIS, "1", FakePredictor("1" * COPIED_BYTES)))
    first = await world.predict()
    assert isinstance(first, Prediction)
    assert first.held is not None
    assert world.context.replies.total == len(first.predictions)
    world.context.replies.limit = len(first.predictions)
    refused = await world.predict()
    first.held.release()

    assert isinstance(refused, Overloaded)
    assert world.context.replies.total == 0


async def test_timeline_is_filled_where_somebody_asks_for_it() -> None:
    """In the order in which it came so far; what a refused request never came to is None."""
    world = World()
    world.context = given_context(world.told, timed=True)
    world.route = PredictionRoute(world.slot, "predict", parse, Bound, world.context)
    await world.predict()
    world.slot.serve(make_binding(IRIS, "2", contract=FakeContract(InvalidInput(()))))
    await world.predict()
    whole, refused = (record.timeline for record in world.told.records)

    assert whole is not None
    assert refused is not None
    times = [whole.received, whole.read, whole.queued, whole.sent, whole.answered]
    reached = [each for each in (*times, whole.written) if each is not None]
    assert len(reached) == 6
    assert reached == sorted(reached)
    assert (refused.read, refused.queued, refused.sent, refused.answered) == (None,) * 4
    assert refused.written is not None


async def test_nobody_who_listens_costs_no_timeline() -> None:
    """Neither of the request nor on its way to a host."""
    world = World()
    await world.predict()
    assert world.told.records[0].timeline is None


def arm(world: World, version: str, share: int) -> Binding:
    """The slot shares so many of its requests with that version from now on."""
    ref = ModelRef(IRIS.name, f"v{version}")
    slots = world.slots
    slots.add_arms([ref])
    slots[str(ref)].serve(make_binding(ref, version))
    world.slot.plan = replace(NO_PLAN, split=Split((ArmShare(f"v{version}", share),)))
    world.slot.compose()
    binding = slots[str(ref)].binding
    assert binding is not None
    return binding


async def answered_as(world: World, caller: bytes) -> Bound:
    """Who answers that caller."""
    headers = {**JSON, b"podium-sticky": caller}
    request: GivenRequest[Bound] = GivenRequest(world.context, BODY, headers)
    result = await world.route.predict(request)
    world.route.record(request, result, 200)
    assert request.form is not None
    return request.form


async def test_p18_caller_keeps_its_arm_and_the_reply_names_it() -> None:
    """Whichever it is; the form of its replies is made once for each."""
    world = World()
    binding = arm(world, "2", 5000)
    callers = [b"%d" % number for number in range(40)]
    first = [await answered_as(world, each) for each in callers]
    again = [await answered_as(world, each) for each in callers]
    assert all(a is b for a, b in zip(first, again, strict=True))
    assert {str(each.binding.ref) for each in first} == {"iris@champion", "iris@v2"}
    assert len({id(each) for each in first}) == 2
    assert binding in {each.binding for each in first}


async def test_p18_record_names_the_arm_that_answered() -> None:
    """Metrics and logs go by it."""
    world = World()
    arm(world, "2", 10_000)
    await answered_as(world, b"anybody")
    (record,) = world.told.records
    assert (record.slot, record.version) == ("iris@v2", "2")


async def test_form_of_an_arm_is_not_kept_once_nobody_gets_it() -> None:
    """Nor what it was made of."""
    world = World()
    arm(world, "2", 10_000)
    form = weakref.ref(await answered_as(world, b"anybody"))
    world.slot.plan = NO_PLAN
    world.slot.compose()
    assert (await answered_as(world, b"anybody")).binding.ref == IRIS
    gc.collect()
    assert form() is None


async def calls_of_a_request(world: World) -> int:
    """How many functions of Python one request calls, from its intake to its record."""
    await world.predict()  # what is made once for a binding is
    request, called = world.request(), 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal called
        called += event == "call"

    sys.setprofile(count)
    try:
        result = await world.route.predict(request)
        world.route.record(request, result, 200)
    finally:
        sys.setprofile(None)
    return called


async def test_p18_request_of_a_slot_that_shares_nothing_pays_nothing_for_arms() -> None:
    """As many calls as before anything was shared, and after; more while it is."""
    world = World()
    before = await calls_of_a_request(world)
    arm(world, "2", 0)
    meanwhile = await calls_of_a_request(world)
    world.slot.plan = NO_PLAN
    world.slot.compose()
    after = await calls_of_a_request(world)
    assert (before, after) == (BASELINE_CALLS, BASELINE_CALLS)
    assert meanwhile > before
