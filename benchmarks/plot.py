"""The figures as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.figures import Benchmarks
from benchmarks.figures import Figure as Measured
from benchmarks.plan import EVERY_PEER
from benchmarks.report import TITLES

_CASE: Final = "iris-1"


def draw(found: Benchmarks, target: Path) -> None:
    """One row of iris: requests a second and p99, for each number of connections."""
    loads = [each for each in found.figures if each.case == _CASE and each.rate is None]
    counts = sorted({each.connections for each in loads})
    # Text stays text, and the same figures give the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "podium"}):
        figure = Figure(figsize=(9, 1 + 2 * max(1, len(counts))), layout="constrained")
        axes = figure.subplots(max(1, len(counts)), 2, squeeze=False)
        for row, connections in zip(axes, counts, strict=len(counts) > 0):
            at = [each for each in loads if each.connections == connections]
            at.sort(key=lambda each: EVERY_PEER.index(each.peer), reverse=True)
            rates, waits = ([each.per_second for each in at], [each.p99_ms for each in at])
            _bars(row[0], at, rates, f"{connections} connections: requests/s")
            _bars(row[1], at, waits, f"{connections} connections: p99, ms")
        figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else None)


def _bars(axes: Any, figures: Sequence[Measured], values: Sequence[float], title: str) -> None:
    names = [TITLES[each.peer] for each in figures]
    colours = ["tab:blue" if each.peer == "podium" else "tab:gray" for each in figures]
    axes.bar_label(axes.barh(names, values, color=colours), fmt="{:,.3g}", padding=2)
    axes.set(xscale="log", title=title)
    axes.margins(x=0.2)
