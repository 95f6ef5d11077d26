"""A zygote for a test."""

from collections.abc import AsyncIterator

import pytest

from service.zygote.front.handle import Zygote
from tests.processes.orders import COMMAND


@pytest.fixture
async def zygote() -> AsyncIterator[Zygote]:
    """A zygote without heavy libraries."""
    made = Zygote(COMMAND)
    yield made
    await made.close()
