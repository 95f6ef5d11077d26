"""The figures as a picture."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.figures import Benchmarks
from benchmarks.figures import Figure as Measured
from benchmarks.plan import EVERY_PEER, TITLES
from benchmarks.report import number

_CASE: Final = "iris-1"


def draw(found: Benchmarks, target: Path) -> None:
    """One row of iris: requests a second and p99, for each number of connections.

    Draws nothing where no peak was measured.
    """
    loads = [each for each in found.figures if each.case == _CASE and each.rate is None]
    counts = sorted({each.connections for each in loads})
    if not counts:
        return
    # Text stays text, and the same figures give the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "podium"}):
        figure = Figure(figsize=(9, 1 + 2 * len(counts)), layout="constrained")
        axes = figure.subplots(len(counts), 2, squeeze=False)
        for row, connections in zip(axes, counts, strict=True):
            at = [each for each in loads if each.connections == connections]
            at.sort(key=lambda each: EVERY_PEER.index(each.peer), reverse=True)
            rates, waits = ([each.per_second for each in at], [each.p99_ms for each in at])
            asked = "1 connection" if connections == 1 else f"{connections} connections"
            _bars(row[0], at, rates, f"{asked}: requests/s")
            _bars(row[1], at, waits, f"{asked}: p99, ms")
        figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else None)


def _bars(axes: Any, figures: Sequence[Measured], values: Sequence[float], title: str) -> None:
    names = [TITLES[each.peer] for each in figures]
    colours = ["tab:blue" if each.peer == "podium" else "tab:gray" for each in figures]
    labels = [number(value) for value in values]
    axes.bar_label(axes.barh(names, values, color=colours), labels=labels, padding=2)
    # A logarithm has no zero to begin at: all bars begin at a power of ten below the shortest.
    axes.set(
        xscale="log",
        xlim=(10 ** math.floor(math.log10(max(min(values), 0.01)) - 0.3), max(values) * 8),
    )
    axes.set_title(title)
    axes.xaxis.set_minor_formatter(NullFormatter())
