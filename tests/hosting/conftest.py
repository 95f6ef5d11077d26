"""Pools of real hosts, made and ended for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest_asyncio

from service.hosting.pool import Pool
from service.hosting.specification import HOST_ROLE, HostedModel, PoolLimits, Surroundings
from service.zygote.front.handle import Zygote
from tests.hosting.rows import Counts, double_rows, started

MakePool = Callable[..., Awaitable[Pool]]


@pytest_asyncio.fixture(loop_scope="session")
async def make_pool(zygote: Zygote) -> AsyncIterator[MakePool]:
    """Makes pools of a saved model; ends them afterwards."""
    pools: list[Pool] = []

    async def make(  # noqa: PLR0913 - what a test may wish, all with defaults
        place: Path,
        *,
        limits: PoolLimits | None = None,
        counts: Counts | None = None,
        joinable: bool = True,
        retry: bool = True,
        example: bool = True,
        role: str = HOST_ROLE,
        surroundings: Surroundings | None = None,
        verify: Callable[[], None] = lambda: None,
        own_copies: bool = False,
    ) -> Pool:
        shown = double_rows(1.0, 2.0, 4.0) if example else None
        model = HostedModel(
            place,
            joinable,
            "as the test says",
            retry,
            shown,
            role=role,
            surroundings=surroundings or Surroundings(),
            own_copies=own_copies,
            verify=verify,
        )
        pool = await started(zygote, model, limits, counts)
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        await pool.close()
