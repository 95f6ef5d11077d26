"""How the memory of a version's hosts grows while they are under load."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from service.validation.load.generator import LoadedVersion

# What leaks fills memory at up to some gigabytes a second.
LOOK_SECONDS: Final = 0.1
# It is beyond doubt then, and the machine needs its memory.
_BEYOND: Final = 2


@dataclass(slots=True)
class MemoryGrowth:
    """What the largest host of a version holds, looked at again and again.

    Attributes:
        most: how much more than at first is too much; None: anything is allowed.
        held: bytes, at each look.
    """

    version: LoadedVersion
    most: float | None
    held: list[int] = field(default_factory=list)

    @property
    def growth(self) -> int:
        """From the first look to the last; less than nothing where it shrank."""
        return self.held[-1] - self.held[0] if self.held else 0

    @property
    def beyond_doubt(self) -> bool:
        """Whether it has grown so much that more load would tell nothing more."""
        return self.most is not None and self.growth > _BEYOND * max(self.most, 1_000_000)

    async def look(self) -> None:
        """Notes what is held now."""
        self.held.append(await self.version.held_bytes())

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Looks on while it lasts, and once more at its end."""
        await self.look()
        looking = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await self.look()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()
