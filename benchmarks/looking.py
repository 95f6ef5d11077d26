"""What following many slots costs while nothing moves."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

from rich.console import Console
from rich.progress import track

from service.processes.child.scheduling import LOOKING
from tests.support.services import RunningService
from tests.support.waiting import wait_until

PROGRAM: Final = (str(Path(__file__).parent / "timed_service.py"),)
_LOOK_SECONDS: Final = 120.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Looking:
    """Shares of `seconds`: looking, of the time; front and registry child, of one core."""

    slots: int
    seconds: float
    looks: int
    look_ms: float
    time_share: float
    front_share: float
    child_share: float

    @property
    def core_share(self) -> float:
        """Of both processes together."""
        return self.front_share + self.child_share


def looking(service: RunningService, slots: int, seconds: int) -> Looking:
    """Watches a service of `PROGRAM` for that long, and on until a look has ended.

    Nobody should ask it for anything meanwhile.
    """
    front, child = service.process.pid, _registry_child(service)
    before, seen = (_cpu_seconds(front), _cpu_seconds(child)), len(service.events("looked"))
    started = time.perf_counter()
    for _ in track(range(seconds), f"{slots} slots at rest", console=Console(stderr=True)):
        time.sleep(1)
    # On a busy machine not one may have ended by then, and of none there is no mean.
    wait_until(lambda: len(service.events("looked")) > seen, _LOOK_SECONDS, "ended look")
    taken = time.perf_counter() - started
    after = _cpu_seconds(front), _cpu_seconds(child)
    looks = [float(line["seconds"]) for line in service.events("looked")[seen:]]
    shares = [(end - begin) / taken for begin, end in zip(before, after, strict=True)]
    return Looking(slots, taken, len(looks), 1000 * fmean(looks), sum(looks) / taken, *shares)


def _registry_child(service: RunningService) -> int:
    # Nothing else of Podium gives itself this place in the kernel's order of victims.
    (found,) = [
        pid
        for pid in service.descendants()
        if int(Path(f"/proc/{pid}/oom_score_adj").read_text()) == LOOKING
    ]
    return found


def _cpu_seconds(pid: int) -> float:
    """Of the process and all its threads, so far (proc_pid_stat(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
