"""Whether one version is slower than another by more than a bound: pure, from turns alone.

Each round compares the two once: A B B A, so that what drifts evenly, a machine that warms up or
has more and more to do, cancels out. Its ratio is that of the turns' median times; so neither a
single slow request nor the shape of the times matters.

A round is on one side of the bound or on the other, and rounds are taken as independent: that is
Wald's sequential test of a coin. The walk goes a step up for a round above the bound, else a step
down, and decides `STEPS` steps from its start. If a round is on the wrong side with probability q,
the walk ends at the wrong end with probability 1 / (1 + ((1 - q) / q) ** STEPS): 0.05 percent at
q = 1/4, two in a million at 1/8. The same version twice is on the wrong side of 1.5 in far fewer
rounds than that, and one that is three times slower, too. Exactly on the bound either verdict is as
good, and comes after STEPS ** 2 rounds on average.
(A. Wald, Sequential Tests of Statistical Hypotheses, 1945.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Literal

STEPS: Final = 7
_NORMAL_95: Final = 1.96

Speed = Literal["within", "slower", "open"]


@dataclass(frozen=True, slots=True)
class RatioInterval:
    """The ratio, and between what it lies with a confidence of 95 percent."""

    middle: float
    low: float
    high: float


@dataclass(slots=True)
class RatioWalk:
    """Ratios of one kind of request, until they are decided about.

    Attributes:
        bound: how many times slower it may be.
        ratios: of all rounds so far, those after the decision too.
        speed: `open` until it is decided.
    """

    bound: float
    ratios: list[float] = field(default_factory=list)
    speed: Speed = "open"
    _place: int = 0

    def add(self, ratio: float) -> None:
        """One more round, which took the version so many times what the other one took."""
        self.ratios.append(ratio)
        if self.speed != "open":
            return
        self._place += 1 if ratio > self.bound else -1
        if abs(self._place) >= STEPS:
            self.speed = "slower" if self._place > 0 else "within"

    @property
    def interval(self) -> RatioInterval:
        """Of the median, by the order of the ratios alone: no form of their noise is assumed."""
        return interval(self.ratios)


def ratio_of(first: float, second: float, third: float, fourth: float) -> float:
    """Of one round's turns in the order A B B A: how many times what A took B has taken."""
    return math.sqrt((second * third) / (first * fourth))


def interval(ratios: Sequence[float]) -> RatioInterval:
    """The median, and the order statistics around it; of fewer than six all of them."""
    ordered = sorted(ratios)
    count = len(ordered)
    reach = _NORMAL_95 * math.sqrt(count) / 2
    low = max(0, math.floor(count / 2 - reach))
    high = min(count - 1, math.ceil(count / 2 + reach))
    return RatioInterval(median(ordered), ordered[low], ordered[high])
