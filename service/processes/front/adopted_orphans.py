"""What is left to the front by whoever ends below it, and has to be reaped by it.

Where a zygote is killed, what it has forked becomes the front's, which adopts orphans; what was
dead by then cannot be told from others' any more. In a container whose process 1 is the front, a
probe or a shell that the platform runs may leave processes, too.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Final

from service.processes import lifetime

_SECONDS: Final = 1.0


class AdoptedOrphans:
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


def _is_dead(child: int) -> bool:
    # proc(5): the state stands behind the name, which may hold brackets and blanks.
    with contextlib.suppress(OSError):
        return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False
