"""How long a version's hosts take, by the number of rows, counted so that fronts add up.

Seconds are counted in buckets of an eighth of an octave, rows by powers of two: a median is known
to a twelfth, and no call of a few rows is compared with one of thousands.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LEAST_CALLS: Final = 200
"""So many of each version are compared, of one class of row counts."""
_PER_OCTAVE: Final = 8
_SHORTEST: Final = 1e-6
# Beyond, the older half weighs less and less: what took long a week ago is no measure.
_MOST_CALLS: Final = 4096


@dataclass(frozen=True, slots=True)
class SlowerClass:
    """Calls of so many rows take so much longer; medians in seconds."""

    least_rows: int
    new_seconds: float
    old_seconds: float


class Durations:
    """Of the calls of one version."""

    def __init__(self) -> None:
        self._classes: dict[int, Counter[int]] = {}

    def add(self, rows: int, seconds: float) -> None:
        """One call."""
        octave = rows.bit_length()
        counted = self._classes.get(octave)
        if counted is None:
            counted = self._classes[octave] = Counter()
        counted[int(_PER_OCTAVE * math.log2(max(seconds, _SHORTEST) / _SHORTEST))] += 1
        if counted.total() >= _MOST_CALLS:
            self._classes[octave] = Counter({k: n // 2 for k, n in counted.items() if n > 1})

    def __add__(self, other: "Durations") -> "Durations":
        """Both together."""
        found = Durations()
        for octave in self._classes.keys() | other._classes.keys():
            none = Counter[int]()
            mine, theirs = self._classes.get(octave, none), other._classes.get(octave, none)
            found._classes[octave] = mine + theirs
        return found

    def clear(self) -> None:
        """As if nothing had been called."""
        self._classes.clear()

    def medians(self) -> Iterator[tuple[int, int, float]]:
        """Of each class with enough calls: its fewest rows, its calls, their median in seconds."""
        for octave, counted in sorted(self._classes.items()):
            calls = counted.total()
            if calls >= LEAST_CALLS:
                yield 1 << max(0, octave - 1), calls, _median(counted, calls)


def slower(new: Durations, old: Durations, factor: float) -> SlowerClass | None:
    """The worst class, where calls take `factor` times as long in classes of half of all calls."""
    before = {rows: seconds for rows, _, seconds in old.medians()}
    compared = [(rows, calls, s) for rows, calls, s in new.medians() if rows in before]
    found = [each for each in compared if each[2] >= factor * before[each[0]]]
    if not found or 2 * sum(each[1] for each in found) < sum(each[1] for each in compared):
        return None
    rows, _, seconds = max(found, key=lambda each: each[2] / before[each[0]])
    return SlowerClass(rows, seconds, before[rows])


def _median(counted: Counter[int], calls: int) -> float:
    seen = 0
    for bucket in sorted(counted):
        seen += counted[bucket]
        if 2 * seen >= calls:
            return float(_SHORTEST * 2 ** ((bucket + 0.5) / _PER_OCTAVE))
    raise ValueError("a median of nothing")
