"""The flavours' ratios as a picture."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.flavours.bounds import JOINED, LEAST
from benchmarks.flavours.figures import FlavourBenchmarks
from benchmarks.report import number

_JOINED: Final = "tab:blue"
_ALONE: Final = "tab:gray"
# Shorter bars begin there: a logarithm has no zero.
_FROM: Final = 0.5


def draw_flavours(found: FlavourBenchmarks, target: Path) -> None:
    """Podium's requests a second by MLflow's, a bar a flavour; nothing where none was measured."""
    if not found.flavours:
        return
    # Text stays text, and the same figures give the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "podium"}):
        figure = Figure(figsize=(9, 1.5 + 0.4 * len(found.flavours)), layout="constrained")
        _bars(figure.subplots(), found)
        figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else None)


def _bars(axes: mpl.axes.Axes, found: FlavourBenchmarks) -> None:
    flavours = found.flavours[::-1]
    values = [each.ratios.median for each in flavours]
    colours = [_JOINED if each.joined else _ALONE for each in flavours]
    bars = axes.barh([each.title for each in flavours], values, color=colours)
    axes.bar_label(bars, labels=[f"{number(value)} times" for value in values], padding=2)
    for bound in (LEAST, JOINED):
        axes.axvline(bound, color="black", linestyle=":", linewidth=1)
    axes.set(xscale="log", xlim=(min(_FROM, *values), max(*values, JOINED) * 4))
    axes.set_title(
        f"Requests/s of Podium by those of mlflow models serve, {found.connections} connections; "
        "blue: requests are joined",
        fontsize="medium",
    )
