"""What tests of looking share."""

import asyncio

import pytest

from service.errors import PassingFault
from service.refs import ModelRef, VersionId
from service.registry.front.client import MlflowRegistry
from tests.registry.scripted_server import CREATED, registered_model

SECONDS = 240
REF = ModelRef("iris", "champion")
CHAMPION = VersionId("iris", CREATED, "1")
GOOD = registered_model("iris", champion="1")


async def refusal(registry: MlflowRegistry, bound: float = SECONDS) -> PassingFault:
    """What a look raises, within so many seconds."""
    async with asyncio.timeout(bound):
        with pytest.raises(PassingFault) as failure:
            await registry.resolve([REF])
    assert failure.value.stage == "look"
    return failure.value
