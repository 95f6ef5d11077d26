"""A run of the bench that never was, for what is made of one."""

from dataclasses import replace

from benchmarks.figures import Benchmarks, Figure, Start
from benchmarks.machine import Machine

MACHINE = Machine("2026-11-25", "A processor", 2, 24.0, "Linux 6", "3.11", {"mlflow": "3"}, 0.1)
FIGURE = Figure(
    peer="podium",
    case="iris-1",
    rows=1,
    columns=4,
    connections=64,
    rate=None,
    rounds=3,
    per_second=8000.0,
    p50_ms=7.5,
    p99_ms=50.0,
    cpu_us=170.0,
    pss_bytes=300_000_000,
    failed=0,
    missed=0,
)


def benchmarks(*figures: Figure, starts: tuple[Start, ...] = ()) -> Benchmarks:
    """One run with these figures."""
    return Benchmarks("full", MACHINE, figures, starts, ("MLServer: it could not be installed",))


def peer(key: str, **changes: float) -> Figure:
    """The figure of that peer at the same load, but for what is said."""
    return replace(FIGURE, peer=key, **changes)  # type: ignore[arg-type]  # names are those of fields
