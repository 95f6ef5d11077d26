"""One application per test, closed at its end."""

from collections.abc import AsyncIterator

import pytest

from tests.http.app import App


@pytest.fixture
async def app() -> AsyncIterator[App]:
    """Two slots on fakes: iris with version 1, and another that serves nothing yet."""
    made = App()
    async with made.client:
        yield made
    made.logs.close()
