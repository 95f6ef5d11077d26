"""`up.json` in Podium's home: where a running `up` can be reached, and what it has started.

Other commands read it to find MLflow; the next `up` reads it to recognise what a killed one left.
It names processes by number and start time, so that a file without its processes counts for
nothing. It holds no secrets.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from service.local.table import Mark, alive, group_alive

_FILE = "up.json"


@dataclass(frozen=True, slots=True)
class RunningUp:
    """One `up`: its addresses, itself, and its children by name."""

    tracking_uri: str
    service_url: str
    up: Mark
    children: Mapping[str, Mark]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises `ValueError`, `KeyError` or `TypeError` for a text that `to_json` did not make."""
        fields = json.loads(text)
        marks = {name: Mark(**mark) for name, mark in fields["children"].items()}
        up = Mark(**fields["up"])
        return cls(str(fields["tracking_uri"]), str(fields["service_url"]), up, marks)

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
