"""What was found, as one document: medians of the rounds, ratios, and on what machine."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.loads import Seen
from benchmarks.machine import Machine


@dataclass(frozen=True, slots=True)
class Measured:
    """One round: what the load generator saw, and what the server's processes used meanwhile."""

    seen: Seen
    cpu_seconds: float
    pss_bytes: int


@dataclass(frozen=True, slots=True)
class Figure:
    """Medians of the rounds of one load on one peer.

    `cpu_us` are microseconds of processor time for one request; `pss_bytes` the memory of all the
    peer's processes right after the load; `rate` the constant rate asked for, none for the peak;
    `failed` and `missed` are sums.
    """

    peer: str
    case: str
    rows: int
    columns: int
    connections: int
    rate: int | None
    rounds: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    pss_bytes: int
    failed: int
    missed: int


@dataclass(frozen=True, slots=True)
class Start:
    """Medians: seconds from the command to ready with the model cached, and memory at rest."""

    peer: str
    rounds: int
    seconds: float
    pss_bytes: int


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """One run; `skipped` says what could not be measured, and why."""

    plan: str
    machine: Machine
    figures: tuple[Figure, ...]
    starts: tuple[Start, ...]
    skipped: tuple[str, ...]

    def figure(self, peer: str, case: str, connections: int, *, constant: bool) -> Figure | None:
        """That one, if it was measured."""
        wanted = (peer, case, connections, constant)
        return next((each for each in self.figures if _key(each) == wanted), None)

    def start(self, peer: str) -> Start | None:
        """That peer's, if it was measured."""
        return next((each for each in self.starts if each.peer == peer), None)


def _key(figure: Figure) -> tuple[str, str, int, bool]:
    return figure.peer, figure.case, figure.connections, figure.rate is not None


@dataclass(frozen=True, slots=True)
class Medians:
    """Of the rounds of one load on one peer."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    pss_bytes: int
    failed: int
    missed: int


def medians(rounds: Sequence[Measured]) -> Medians:
    """Each figure's own median; a round without an answer costs infinitely much."""
    return Medians(
        per_second=statistics.median(each.seen.per_second for each in rounds),
        p50_ms=statistics.median(each.seen.p50_ms for each in rounds),
        p99_ms=statistics.median(each.seen.p99_ms for each in rounds),
        cpu_us=statistics.median(
            each.cpu_seconds / max(each.seen.requests, 1) * 1e6 for each in rounds
        ),
        pss_bytes=int(statistics.median(each.pss_bytes for each in rounds)),
        failed=sum(each.seen.failed for each in rounds),
        missed=sum(each.seen.missed for each in rounds),
    )


_DOCUMENT = TypeAdapter(Benchmarks)


def write_figures(found: Benchmarks, target: Path) -> None:
    """As JSON, for `read_figures`."""
    target.write_bytes(_DOCUMENT.dump_json(found, indent=2) + b"\n")


def read_figures(source: Path) -> Benchmarks:
    """What `write_figures` wrote; raises ValueError for anything else."""
    return _DOCUMENT.validate_json(source.read_bytes())
