"""The kernel's table of processes: who still lives, and is it the same one as before.

A process is told from a later one with the same number by its start time (proc(5), field 22 of
`/proc/PID/stat`). Zombies count as gone: they hold no port, no file and no memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Mark:
    """One process for ever: its number, and its start in clock ticks after boot."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class _ProcessRow:
    pid: int
    group: int
    started: int


def _row(pid: int) -> _ProcessRow | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets, which may itself hold spaces and brackets.
    fields = text.rpartition(")")[2].split()
    state, group, started = fields[0], int(fields[2]), int(fields[19])
    return None if state in "ZX" else _ProcessRow(pid, group, started)


def _rows() -> Iterator[_ProcessRow]:
    for entry in _PROC.iterdir():
        row = _row(int(entry.name)) if entry.name.isdecimal() else None
        if row is not None:
            yield row


def mark(pid: int) -> Mark | None:
    """The process of that number as it is now; None if there is none."""
    row = _row(pid)
    return None if row is None else Mark(pid, row.started)


def alive(known: Mark) -> bool:
    """Whether that very process still runs."""
    return mark(known.pid) == known


def members(group: int) -> tuple[int, ...]:
    """The living processes of a group, in the order of their start."""
    found = sorted((row.started, row.pid) for row in _rows() if row.group == group)
    return tuple(pid for _, pid in found)


def group_alive(leader: Mark) -> bool:
    """Whether that process, or a member of the group that it led, still runs.

    A number stays reserved while a group bears it, so members of a group without a leader are the
    leader's own, unless they are older than it.
    """
    now = mark(leader.pid)
    if now is not None:
        return now == leader
    rows = (row for row in _rows() if row.group == leader.pid)
    return any(row.started >= leader.started for row in rows)
