"""P19: what a shadow is given of a request, and what a request without one pays: nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from service.contract.model_input import EncodedInput
from service.errors import InvalidInput, ModelFailed, ServiceError
from service.following.servable import Listener
from service.predicting.hearing import HeardRequest
from service.predicting.request import Prediction
from service.predicting.route import PredictionRoute
from service.processes.frames import Body
from service.refs import ModelRef
from service.split_tag import WHOLE
from tests.predicting.test_route import (
    BASELINE_CALLS,
    BODY,
    IRIS,
    Bound,
    World,
    arm,
    calls_of_a_request,
    parse,
)
from tests.support.serving import FakePredictor, failing, make_binding


@dataclass
class Hearing:
    """Remembers what it hears, and when: how many requests had been recorded by then."""

    world: World
    keeps_bodies: bool = False
    takes: bool = True
    heard: list[tuple[HeardRequest, Body | None, str | None, int]] = field(default_factory=list)

    def wants(self, share: int) -> bool:
        """As it is told to."""
        assert share == WHOLE
        return self.takes

    def hear(self, heard: HeardRequest, answer: Body | None, error: str | None) -> None:
        """Kept."""
        self.heard.append((heard, answer, error, len(self.world.told.records)))

    @property
    def answers(self) -> Sequence[tuple[Body | None, str | None]]:
        """What was answered."""
        return [(answer, error) for _, answer, error, _ in self.heard]


def shadowed(*, takes: bool = True, keeps_bodies: bool = False) -> tuple[World, Hearing]:
    """A slot whose requests version 9 hears of."""
    world = World()
    hearing = Hearing(world, keeps_bodies, takes)
    world.context = replace(world.context, hears=hearing)
    world.route = PredictionRoute(world.slot, "predict", parse, Bound, world.context)
    listener = make_binding(ModelRef("iris", "challenger"), "9")
    world.slot.hear(Listener(listener, WHOLE))
    return world, hearing


async def test_p19_shadow_hears_of_a_request_once_its_reply_has_left() -> None:
    """What was read, what was answered, how long it took; not its body, which both read alike."""
    world, hearing = shadowed()
    result = await world.predict()
    assert isinstance(result, Prediction)
    ((heard, answer, error, recorded),) = hearing.heard
    assert (answer, error, recorded) == (b"[1]", None, 1)
    assert (heard.ref, heard.request_id, heard.body) == (IRIS, "given", b"")
    assert (heard.model_input.rows, heard.size) == (1, len(BODY))
    assert heard.timeline.sent is not None
    assert heard.timeline.answered is not None
    assert world.told.records[0].version == "1"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModelFailed("It failed."), [(None, "model_failed")]),
        (InvalidInput(()), []),
        (ServiceError("No."), []),
    ],
)
async def test_failures_of_the_model_are_heard_of_and_other_errors_are_not(
    error: ServiceError, told: list[tuple[None, str]]
) -> None:
    """Where nothing was predicted there is nothing to compare."""
    world, hearing = shadowed()
    world.swap(failing(error))
    await world.predict()
    assert hearing.answers == told


async def test_request_that_is_not_wanted_or_that_an_arm_answers_is_not_heard_of() -> None:
    """Compared are two versions, and no third one."""
    world, hearing = shadowed(takes=False)
    await world.predict()
    world, hearing = shadowed()
    arm(world, "2", 10_000)
    await world.predict()
    assert hearing.heard == []


async def test_body_is_kept_where_it_is_to_be_read_again_or_kept_for_people() -> None:
    """By a shadow with another contract; in samples."""
    world, hearing = shadowed(keeps_bodies=True)
    await world.predict()
    assert hearing.heard[0][0].body == BODY
    world, hearing = shadowed()
    listener = world.slot.listener
    assert listener is not None
    fetched = listener.binding.servable.fetched
    listener.binding.servable.fetched = replace(fetched, signature={"inputs": "[1]"})
    world.slot.hear(listener)
    await world.predict()
    assert hearing.heard[0][0].body == BODY


async def test_body_that_is_kept_for_a_shadow_is_held_as_long_as_its_request() -> None:
    """Beside what the version is sent: what is held in memory is bounded, this as well."""
    world, _ = shadowed(keeps_bodies=True)
    predictor = FakePredictor(gate=asyncio.Event())
    world.swap(predictor)

    async def encoded(*_: object) -> EncodedInput:
        return EncodedInput(1, b"", b"x" * 50)

    world.route = PredictionRoute(world.slot, "predict", encoded, Bound, world.context)
    predicting = asyncio.ensure_future(world.predict())
    await predictor.entered.wait()
    assert world.context.bodies.total == 50 + len(BODY)
    predictor.gate.set()
    await predicting


async def test_p19_request_of_a_slot_without_a_shadow_calls_nothing_more() -> None:
    """As many functions of Python as before there was one, and after."""
    world, _ = shadowed()
    heard = await calls_of_a_request(world)
    world.slot.hear(None)
    assert await calls_of_a_request(world) == BASELINE_CALLS < heard
    assert await calls_of_a_request(World()) == BASELINE_CALLS
