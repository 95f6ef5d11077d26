"""What is left to process 1 of a container by whoever ends there, and has to be reaped by it.

A probe or a shell that the platform runs in the container may leave processes; they are nobody's
that this service has started.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Final

from service.processes import lifetime

_FIRST: Final = 1
_SECONDS: Final = 1.0


class Strays:
    """Reaps children that are dead at two looks in a row.

    What the service itself has started is reaped by whoever has started it, as soon as it ends.
    """

    def __init__(self) -> None:
        self._dead: frozenset[int] = frozenset()

    async def run(self) -> None:
        """Looks every second, until it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_SECONDS)

    def look(self) -> None:
        """Reaps those that were dead at the last look, too."""
        dead = frozenset(child for child in lifetime.children() if _is_dead(child))
        for child in dead & self._dead:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)
        self._dead = dead - self._dead


def strays_of_first() -> tuple[Strays, ...]:
    """One for process 1; none where another process is the one that reaps."""
    return (Strays(),) if os.getpid() == _FIRST else ()


def _is_dead(child: int) -> bool:
    # proc(5): the state stands behind the name, which may hold brackets and blanks.
    with contextlib.suppress(OSError):
        return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False
