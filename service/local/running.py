"""`up.json` in Podium's home, and the kernel's table of processes that it is compared with.

The file says where a running `up` can be reached, and what it has started: other commands read it
to find MLflow; the next `up` reads it to recognise what a killed one left. It names processes by
number and start time (proc(5), field 22 of `/proc/PID/stat`), by which a process is told from a
later one of the same number, so that a file without its processes counts for nothing. Zombies count
as gone: they hold no port, no file and no memory. The file holds no secrets.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

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


_FILE = "up.json"


@dataclass(frozen=True, slots=True)
class RunningUp:
    """One `up`: its addresses, itself, and its children by name.

    `admin_url` is where its service answers what is for the operator; empty: where it does all.
    """

    tracking_uri: str
    service_url: str
    up: Mark
    children: Mapping[str, Mark]
    admin_url: str = ""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises `ValueError`, `KeyError` or `TypeError` for a text that `to_json` did not make."""
        fields = json.loads(text)
        marks = {name: Mark(**mark) for name, mark in fields["children"].items()}
        up = Mark(**fields["up"])
        tracking_uri, service_url = str(fields["tracking_uri"]), str(fields["service_url"])
        return cls(tracking_uri, service_url, up, marks, str(fields.get("admin_url", "")))

    def to_json(self) -> str:
        """For people and programs."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @property
    def leftovers(self) -> Mapping[str, Mark]:
        """Children that still run although they should not: names and processes."""
        return {name: mark for name, mark in self.children.items() if group_alive(mark)}


def write_record(home: Path, running: RunningUp) -> None:
    """Puts the file into place whole; the readers see the old one or this one."""
    home.mkdir(parents=True, exist_ok=True)
    draft = home / f"{_FILE}.{running.up.pid}"
    draft.write_text(running.to_json())
    draft.replace(home / _FILE)


def remove_record(home: Path) -> None:
    """A clean end leaves no file."""
    with contextlib.suppress(OSError):
        (home / _FILE).unlink()


def read_record(home: Path) -> RunningUp | None:
    """What the file says, whether or not it is still so; None without a file that can be read."""
    try:
        return RunningUp.from_json((home / _FILE).read_text())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def read_running(home: Path) -> RunningUp | None:
    """The `up` of that home that runs now; None if there is none, whatever a file may say."""
    record = read_record(home)
    return record if record is not None and alive(record.up) else None
