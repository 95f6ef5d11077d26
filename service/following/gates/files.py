"""How gates read files of an artifact: beside the loop, and for so long."""

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from service.errors import PassingFault
from service.processes.front.beside import Beside

_P = ParamSpec("_P")
_T = TypeVar("_T")
# They are read in milliseconds, or the disk hangs.
_SECONDS: Final = 20.0


async def from_disk(
    beside: Beside, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """What the work returns or raises; `PassingFault` where the disk has not answered by then."""
    try:
        async with asyncio.timeout(_SECONDS):
            return await beside.run(work, *args, **kwargs)
    except TimeoutError:
        message = "The disk of PODIUM_HOME does not answer; it is tried again."
        raise PassingFault("gate", "disk", message, f"after {_SECONDS:g} s") from None
