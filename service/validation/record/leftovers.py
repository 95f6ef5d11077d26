"""Which process a run belongs to, so that what a kill has left RUNNING is seen as that.

A process is known by the machine's boot, its table of processes, its number and its start: what is
elsewhere, on another machine or in another container, is never taken for dead.
"""

import os
from pathlib import Path
from typing import Final

from service.local.running import Mark, alive, mark

OWNER_TAG: Final = "podium.process"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_TABLE: Final = Path("/proc/self/ns/pid")


def owner() -> str:
    """This process, for ever; empty where the kernel does not say."""
    found = mark(os.getpid())
    place = _place()
    return "" if found is None or not place else f"{place}:{found.pid}:{found.started}"


def has_ended(owned_by: str) -> bool:
    """Whether that process was one of this table, and runs no more."""
    place, _, rest = owned_by.rpartition(":")
    place, _, pid = place.rpartition(":")
    if not place or place != _place() or not (pid.isdecimal() and rest.isdecimal()):
        return False
    return not alive(Mark(int(pid), int(rest)))


def _place() -> str:
    try:
        return f"{_BOOT.read_text().strip()}:{_TABLE.stat().st_ino}"
    except OSError:
        return ""
