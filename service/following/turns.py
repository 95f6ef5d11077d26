"""Turns: how many versions are loaded at a time, and that a build of an environment needs none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Self

from service.following.journey import Journey


class Turn:
    """One version's turn among others, taken and given back by its own task. None: none is needed.

    What it waits for it is noted in its journey; `monotonic` is in seconds.
    """

    def __init__(
        self,
        turns: asyncio.Semaphore | None,
        journey: Journey,
        monotonic: Callable[[], float],
    ) -> None:
        self._turns = turns
        self._journey = journey
        self._monotonic = monotonic
        self._has_one = False

    async def __aenter__(self) -> Self:
        """Returns once it has its turn."""
        if self._turns is not None:
            with self._journey.timed("wait", self._monotonic):
                await self._turns.acquire()
            self._has_one = True
        return self

    async def __aexit__(self, *_: object) -> None:
        """Gives it back."""
        if self._turns is not None and self._has_one:
            self._has_one = False
            self._turns.release()

    @contextlib.asynccontextmanager
    async def elsewhere(self) -> AsyncIterator[None]:
        """Others have the turn meanwhile. What fails there needs none any more."""
        await self.__aexit__()
        yield
        await self.__aenter__()
