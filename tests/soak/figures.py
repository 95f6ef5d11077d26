"""What a soak has seen: counts, figures over time, and the plot of them."""

import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from tests.support.services import descendants_of

# As many faults and failures are told in detail.
_TOLD: Final = 8
_PSS: Final = re.compile(r"^Pss_Anon:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Held:
    """What a process and all below it hold: bytes of their own memory, and open files."""

    memory_bytes: int
    files: int
    processes: int


def held(pid: int) -> Held:
    """Of this moment; a process that is just going holds nothing."""
    pids = [pid, *descendants_of(pid)]
    return Held(sum(map(_memory, pids)), sum(map(_files, pids)), len(pids))


def _memory(pid: int) -> int:
    with contextlib.suppress(OSError):
        found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0


def _files(pid: int) -> int:
    with contextlib.suppress(OSError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return 0


@dataclass(slots=True)
class Record:
    """Everything that is counted or drawn; times are seconds since the beginning."""

    started: float = field(default_factory=time.monotonic)
    answers: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    drawn: list[tuple[float, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    latencies: list[tuple[float, float]] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    swaps: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.started

    def fault(self, name: str) -> None:
        """It is done now."""
        self.faults[name] += 1
        self.drawn.append((self.now, name))

    def last_faults(self) -> str:
        """What was done last, and when."""
        return "; ".join(f"{at:.1f} s: {name}" for at, name in self.drawn[-_TOLD:])

    @property
    def clean(self) -> bool:
        """No wrong answer, no failure of those who did nothing wrong, nothing unexpected."""
        return not (self.wrong or self.failed or self.unexpected)

    def lines(self) -> Iterable[str]:
        """The counts, for people."""
        yield f"{len(self.swaps)} swaps in {self.now:.0f} s{self._load}"
        yield f"{self.answers.total()} answers: {_counted(self.answers)}"
        yield f"{self.faults.total()} faults: {_counted(self.faults)}"
        yield f"{len(self.wrong)} wrong answers, {len(self.failed)} failures of good requests"
        for lines in (self.wrong, self.failed, self.unexpected):
            yield from (f"  {line}" for line in lines[:_TOLD])

    @property
    def _load(self) -> str:
        # Its own share too: a soak alone makes some four.
        if not self.loads:
            return ""
        return f", at a load of {min(self.loads):.0f} to {max(self.loads):.0f} of the machine"


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


def draw(record: Record, target: Path) -> None:
    """Latency of good requests and memory of the whole service, over time."""
    figure = Figure(figsize=(10, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    _dots(above, [(at, seconds * 1000) for at, seconds in record.latencies])
    above.set(yscale="log", ylabel="milliseconds", title="Latency of good requests")
    times, sizes = _columns([(at, size / 1e6) for at, size in record.memory])
    below.plot(times, sizes)
    below.set(xlabel="seconds", ylabel="megabytes", ylim=(0, None), title="Memory of all processes")
    for axes in (above, below):
        for at in record.swaps:
            axes.axvline(at, color="grey", linewidth=0.2)
    figure.savefig(target)


def _dots(axes: object, points: Sequence[tuple[float, float]]) -> None:
    times, values = _columns(points)
    axes.plot(times, values, ".", markersize=1)  # type: ignore[attr-defined]  # matplotlib's axes have no type here


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [at for at, _ in points], [value for _, value in points]
