"""What is counted of comparisons: of bounded size, and to be added up over batches and fronts."""

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeAlias

from service.rollout.quantiles import Quantiles

Label: TypeAlias = str | int | bool | None
MOST_LABELS: Final = 100
"""Pairs of labels that are told apart; the rest are counted together."""


class LabelTable:
    """Which labels became which, and how often.

    Attributes:
        others: pairs that were met once the table was full.
    """

    __slots__ = ("_pairs", "others")

    def __init__(self) -> None:
        # By type too: to a dictionary True is 1.
        self._pairs: Counter[tuple[str, Label, str, Label]] = Counter()
        self.others = 0

    def note(self, served: Label, heard: Label, count: int = 1) -> None:
        """The one became the other so many times more."""
        pair = (type(served).__name__, served, type(heard).__name__, heard)
        if pair in self._pairs or len(self._pairs) < MOST_LABELS:
            self._pairs[pair] += count
        else:
            self.others += count

    def add(self, other: "LabelTable") -> None:
        """All that the other has counted; the most frequent first, should there be no room."""
        for served, heard, count in other.pairs:
            self.note(served, heard, count)
        self.others += other.others

    @property
    def pairs(self) -> list[tuple[Label, Label, int]]:
        """Label, what it became, and how often; the most frequent first."""
        return [(pair[1], pair[3], count) for pair, count in self._pairs.most_common()]

    def dump(self) -> dict[str, Any]:
        """As JSON has it; `load` reads it."""
        return {"pairs": self.pairs, "others": self.others}

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> Self:
        """What `dump` has written."""
        made = cls()
        for served, heard, count in dumped["pairs"]:
            made.note(served, heard, count)
        made.others = int(dumped["others"])
        return made


class Likeness(enum.IntEnum):
    """How alike two answers are; the larger, the less."""

    EQUAL = 0
    CLOSE = 1
    DIFFERENT = 2


@dataclass(eq=False, slots=True)
class RowTally:
    """Rows by how alike their two answers were.

    Attributes:
        equal: the same to a client.
        close: numbers that differ by next to nothing.
        different: all others.
        differences: absolute ones, of the numbers that were not equal.
        labels: of what was different.
    """

    equal: int = 0
    close: int = 0
    different: int = 0
    differences: Quantiles = field(default_factory=Quantiles)
    labels: LabelTable = field(default_factory=LabelTable)

    @property
    def rows(self) -> int:
        """All that were compared."""
        return self.equal + self.close + self.different

    @property
    def worst(self) -> Likeness:
        """Of any row."""
        if self.different:
            return Likeness.DIFFERENT
        return Likeness.CLOSE if self.close else Likeness.EQUAL

    def add(self, other: "RowTally") -> None:
        """All that the other has counted."""
        self.equal += other.equal
        self.close += other.close
        self.different += other.different
        self.differences.add(other.differences)
        self.labels.add(other.labels)

    def dump(self) -> dict[str, Any]:
        """As JSON has it; `load` reads it."""
        return {
            "equal": self.equal,
            "close": self.close,
            "different": self.different,
            "differences": self.differences.dump(),
            "labels": self.labels.dump(),
        }

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> Self:
        """What `dump` has written."""
        return cls(
            int(dumped["equal"]),
            int(dumped["close"]),
            int(dumped["different"]),
            Quantiles.load(dumped["differences"]),
            LabelTable.load(dumped["labels"]),
        )
