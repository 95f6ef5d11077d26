"""A zygote for a test."""

from collections.abc import AsyncIterator

import pytest

from service.processes.zygote import Zygote
from tests.processes.orders import ENVIRONMENT, MODULE, ROLE


@pytest.fixture
async def zygote() -> AsyncIterator[Zygote]:
    """A zygote without heavy libraries."""
    made = Zygote([ROLE], ENVIRONMENT, MODULE)
    yield made
    await made.close()
