"""Quantiles of positive numbers in bounded memory, which can be added up; none is off by over 1%.

Numbers are counted in buckets that each are a constant factor wide, as DDSketch has it (Masson,
Rim and Lee, 2019): whatever the numbers are, a quantile is the middle of its bucket.
"""

import math
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Self

_ACCURACY: Final = 0.01
_LOG_FACTOR: Final = math.log((1 + _ACCURACY) / (1 - _ACCURACY))
_MIDDLE: Final = 1 - _ACCURACY
# What lies outside is counted with what is at the edge: 2,764 buckets at the most.
SMALLEST: Final = 1e-12
LARGEST: Final = 1e12
_LOWEST: Final = math.ceil(math.log(SMALLEST) / _LOG_FACTOR)
_HIGHEST: Final = math.ceil(math.log(LARGEST) / _LOG_FACTOR)


class Quantiles:
    """How positive numbers are spread; two of them add up to that of all of their numbers.

    Attributes:
        buckets: how many numbers there are in each.
        count: of all numbers.
        largest: of them; 0 where there is none.
    """

    __slots__ = ("buckets", "count", "largest")

    def __init__(self) -> None:
        self.buckets: Counter[int] = Counter()
        self.count = 0
        self.largest = 0.0

    def note(self, number: float) -> None:
        """Counts one, which is not negative and not NaN; what is infinite as the largest float."""
        number = min(number, sys.float_info.max)  # so that it can be written as JSON
        self.buckets[_bucket(number)] += 1
        self.count += 1
        self.largest = max(self.largest, number)

    def at(self, part: float) -> float | None:
        """The number below which that part of all lies, within 1%; None where there is none."""
        if not self.count:
            return None
        left = part * (self.count - 1)
        for bucket in sorted(self.buckets):
            left -= self.buckets[bucket]
            if left < 0:
                return min(self.largest, math.exp(bucket * _LOG_FACTOR) * _MIDDLE)
        return self.largest

    def add(self, other: "Quantiles") -> None:
        """Counts all that the other has counted."""
        self.buckets.update(other.buckets)
        self.count += other.count
        self.largest = max(self.largest, other.largest)

    def dump(self) -> dict[str, Any]:
        """As JSON has it; `load` reads it."""
        return {"buckets": sorted(self.buckets.items()), "largest": self.largest}

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> Self:
        """What `dump` has written."""
        made = cls()
        made.buckets = Counter({int(bucket): int(count) for bucket, count in dumped["buckets"]})
        made.count = made.buckets.total()
        made.largest = float(dumped["largest"])
        return made

    def __len__(self) -> int:
        """How many buckets there are."""
        return len(self.buckets)


def _bucket(number: float) -> int:
    if number <= SMALLEST:
        return _LOWEST
    if number >= LARGEST:
        return _HIGHEST
    return math.ceil(math.log(number) / _LOG_FACTOR)
