"""Who builds environments, and who has their zygotes, made when a version first needs them.

Most services run all of their versions in Podium's own environment: these import, read and keep
nothing of all that.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from service.environments.build_settings import EnvironmentSettings
from service.environments.environment import (
    BuildProgress,
    BuiltEnvironment,
    EnvironmentWish,
    ForeseenBuild,
)
from service.processes.front.beside import Beside

if TYPE_CHECKING:
    from service.environments.environment_store import KeptPlaces
    from service.environments.environments import Environments
    from service.environments.zygotes import EnvironmentZygotes, HeldZygote

MakesZygotes = Callable[[], "EnvironmentZygotes"]
"""Blocks: it reads files of Podium's."""


class LateEnvironments:
    """`service.environments.environment.BuildsEnvironments`, made of these when it is first asked.

    `zygotes` makes those of what it has built.
    """

    def __init__(self, settings: EnvironmentSettings) -> None:
        self._settings = settings
        self._beside = Beside("environments-made")
        self._turn = asyncio.Lock()
        self._environments: Environments | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def environment(
        self, wish: EnvironmentWish, tell: Callable[[BuildProgress], None] = lambda _: None
    ) -> BuiltEnvironment:
        """As that has it."""
        return await (await self._made()).environment(wish, tell)

    async def kept(self, key: str) -> BuiltEnvironment | None:
        """As that has it."""
        return await (await self._made()).kept(key)

    async def foresee(self, wish: EnvironmentWish) -> ForeseenBuild:
        """As that has it."""
        return await (await self._made()).foresee(wish)

    async def verify(self, built: BuiltEnvironment) -> None:
        """As `Environments.verify`."""
        await (await self._made()).verify(built)

    def keep(self, key: str) -> "KeptPlaces":
        """A lease on what lies here under that key. From a thread: blocks as the disk does.

        Raises OSError.
        """
        from service.environments.environment_store import EnvironmentStore

        return EnvironmentStore(self._settings.folder).keep(key, self._freed)

    async def make_room(self) -> None:
        """As `Environments.make_room`, where anything lies in its folder at all."""
        if await self._beside.run(self._holds_anything):
            (await self._made()).make_room()

    def _holds_anything(self) -> bool:
        try:
            return any(self._settings.folder.iterdir())
        except OSError:  # no service has built anything here
            return False

    def _freed(self) -> None:
        made, loop = self._environments, self._loop
        if made is not None and loop is not None:
            # At the end of the service the loop may be gone.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(made.make_room)

    async def close(self) -> None:
        """As `Environments.close`, where there is one."""
        if self._environments is not None:
            await self._environments.close()

    async def _made(self) -> "Environments":
        async with self._turn:
            if self._environments is None:
                self._loop = asyncio.get_running_loop()
                self._environments = await self._beside.run(_environments, self._settings)
            return self._environments


class LateZygotes:
    """`service.staging.HoldsZygotes`, made so when one is first held."""

    def __init__(self, make: MakesZygotes) -> None:
        self._make = make
        self._beside = Beside("zygotes-made")
        self._turn = asyncio.Lock()
        self._zygotes: EnvironmentZygotes | None = None

    async def of(self, built: BuiltEnvironment, role: str) -> "HeldZygote":
        """As `EnvironmentZygotes.of`."""
        async with self._turn:
            if self._zygotes is None:
                self._zygotes = await self._beside.run(self._make)
        return await self._zygotes.of(built, role)

    async def close(self) -> None:
        """As `EnvironmentZygotes.close`, where there are any."""
        if self._zygotes is not None:
            await self._zygotes.close()


def _environments(settings: EnvironmentSettings) -> "Environments":
    from service.environments.environments import Environments

    return Environments(settings)
