"""On what the figures were measured; no figure means anything without it."""

import os
import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

_LIBRARIES: Final = ("mlflow", "scikit-learn", "numpy", "fastapi", "uvicorn", "uvloop", "httptools")


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores that may be used, memory, what runs there, and how busy it was with others before."""

    day: str
    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    libraries: dict[str, str]
    load_before: float

    def __str__(self) -> str:
        """One paragraph."""
        libraries = ", ".join(f"{name} {number}" for name, number in self.libraries.items())
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gib:.0f} GiB of memory, "
            f"{self.system}, Python {self.python}, {libraries}; measured on {self.day}, "
            f"load average before it {self.load_before:.1f}."
        )


def this_machine() -> Machine:
    """The one that this runs on."""
    return Machine(
        day=datetime.now(UTC).date().isoformat(),
        processor=_said("/proc/cpuinfo", r"^model name\s*:\s*(.+)$") or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=int(_said("/proc/meminfo", r"^MemTotal:\s+(\d+) kB") or 0) / 1024**2,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        libraries={name: version(name) for name in _LIBRARIES},
        load_before=os.getloadavg()[0],
    )


def _said(path: str, pattern: str) -> str | None:
    found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return found[1].strip() if found else None
