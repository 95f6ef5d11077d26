"""Several that start together, of which all are wanted or none."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

_Started = TypeVar("_Started")


async def side_by_side(
    starts: Iterable[Coroutine[Any, Any, _Started]],
    end: Callable[[_Started], Awaitable[None]],
) -> list[_Started]:
    """What all of them have started, in their order.

    Raises what the first that fails raises; the others are cancelled then, as when this is, and
    what has been started is ended before this returns.
    """
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        await asyncio.shield(asyncio.create_task(_undone(tasks, end)))
        raise


async def _undone(
    tasks: Iterable[asyncio.Task[_Started]], end: Callable[[_Started], Awaitable[None]]
) -> None:
    for task in tasks:
        task.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(end(each) for each in found if not isinstance(each, BaseException)))
