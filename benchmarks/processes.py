"""What a process and all below it use, read from /proc."""

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PSS: Final = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
_TICKS: Final = os.sysconf("SC_CLK_TCK")
# Of /proc/PID/stat, counted from the field behind the name in brackets: man 5 proc.
_PARENT, _USER, _SYSTEM = 1, 11, 12


def tree(pid: int, proc: Path = _PROC) -> set[int]:
    """The process and every process below it."""
    parents = {}
    for stat in proc.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(_fields(stat)[_PARENT])
    found, level = {pid}, {pid}
    while level := {child for child, parent in parents.items() if parent in level} - found:
        found |= level
    return found


def cpu_seconds(pid: int, proc: Path = _PROC) -> float:
    """Processor time, of user and system, that the living processes of the tree have had."""
    seconds = 0.0
    for each in tree(pid, proc):
        with contextlib.suppress(OSError):
            fields = _fields(proc / str(each) / "stat")
            seconds += (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS
    return seconds


def own_cpu_seconds(pid: int) -> float:
    """The same of that process alone, with all its threads, to the nanosecond. Raises `OSError`."""
    # The clock of another process: include/linux/posix-timers_types.h, CPUCLOCK_SCHED.
    return time.clock_gettime((~pid << 3) | 2)


def pss_bytes(pid: int, proc: Path = _PROC) -> int:
    """Memory of the tree: each page divided by the number of processes that share it."""
    kilobytes = 0
    for each in tree(pid, proc):
        with contextlib.suppress(OSError):
            found = _PSS.search((proc / str(each) / "smaps_rollup").read_text())
            kilobytes += int(found[1]) if found else 0
    return kilobytes * 1024


def _fields(stat: Path) -> list[str]:
    return stat.read_text().rpartition(")")[2].split()
