"""What Podium must reach with each flavour, and whether it did.

Where requests are joined, ten times as many as `mlflow models serve` answers; nowhere less than 0.9
of them; what is below 1.2 is named. Two equal servers differ too: what is closer to 1 than twice
the spread of Podium beside itself is not told from 1.
"""

from enum import StrEnum
from typing import Final

from benchmarks.flavours.figures import FlavourFigure
from benchmarks.report import number

JOINED: Final = 10.0
LEAST: Final = 0.9
NAMED: Final = 1.2
# A bound is so many times the spread away from 1, or further.
_SPREADS: Final = 2


class Verdict(StrEnum):
    """Of one flavour; undecided is what the machine was too busy to tell."""

    KEPT = "kept"
    UNDECIDED = "undecided"
    MISSED = "missed"


def verdict(found: FlavourFigure, spread: float) -> Verdict:
    """By the median of the rounds; a request that failed is a miss."""
    ratio = found.ratios.median
    least = JOINED if found.joined else LEAST
    if found.podium.failed or (ratio < least and (found.joined or ratio < _surely_less(spread))):
        return Verdict.MISSED
    return Verdict.KEPT if ratio >= least else Verdict.UNDECIDED


def _surely_less(spread: float) -> float:
    return min(LEAST, 1 - _SPREADS * spread)


def is_named(found: FlavourFigure, spread: float) -> bool:
    """Whether it is not clearly faster."""
    return found.ratios.median < max(NAMED, 1 + _SPREADS * spread)


def is_wide(spread: float) -> bool:
    """Whether the spread leaves something undecided."""
    return _surely_less(spread) < LEAST


def why(found: FlavourFigure) -> str:
    """One sentence for a flavour that is named."""
    shared = "requests share calls" if found.joined else "each request is a call of its own"
    return (
        f"{found.title}, {number(found.ratios.median)} times: {shared} ({found.reason}); "
        f"the model by itself takes {number(found.alone_us)} µs of processor time for a row, "
        f"Podium {number(found.podium.cpu_us)} µs for a request, "
        f"mlflow models serve {number(found.mlflow.cpu_us)} µs."
    )
