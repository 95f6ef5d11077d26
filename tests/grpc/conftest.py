"""One server per test, closed at its end."""

from collections.abc import AsyncIterator

import pytest

from tests.grpc.app import Rpc, serving


@pytest.fixture
async def rpc() -> AsyncIterator[Rpc]:
    """Two slots on fakes: iris with version 1, and another that serves nothing yet."""
    async with serving() as made:
        yield made
