"""The model tag `podium.bake.ALIAS`: for how long a version bakes there, and what it is judged by.

Its value is parts between commas: `300s` (also `5m`) for how long; `errors`, that it is judged by
what fails; `slower=2x`, that it is by how long its hosts take, too. What is judged by is as the
settings have it where it names neither of these. `off` is as good as `0s`.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from service.rollout_tags import LONGEST_VALUE
from service.split_tag import BadRolloutTag

_TIME: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([sm])")
_SLOWER: Final = re.compile(r"slower\s*=\s*([0-9]{1,4}(?:\.[0-9]{1,3})?)\s*x?")
_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60}
_MOST_SECONDS: Final = 7 * 24 * 3600.0
_LEAST_SLOWER: Final = 1.2


@dataclass(frozen=True, slots=True)
class BakeRule:
    """How versions bake.

    Attributes:
        seconds: from the swap on; 0: they do not.
        most_seconds: as long as fewer than 100 requests have come.
        errors: whether they are judged by what fails.
        slower: and by taking so many times as long; None: not.
    """

    seconds: float = 0.0
    most_seconds: float = 900.0
    errors: bool = True
    slower: float | None = None

    @property
    def sentence(self) -> str:
        """For people."""
        if not self.seconds:
            return "versions do not bake"
        judged = ["what fails"] if self.errors else []
        judged += [] if self.slower is None else [f"taking {self.slower:g} times as long"]
        return f"versions bake for {self.seconds:g} s, judged by {' and '.join(judged)}"


NEVER: Final = BakeRule()


@dataclass(frozen=True, slots=True)
class BakeWish:
    """What a tag says of it; None: that is as the settings have it.

    Attributes:
        errors, slower: as in the rule; both are said where either is.
    """

    seconds: float | None = None
    errors: bool | None = None
    slower: float | None = None

    @classmethod
    def of(cls, value: str) -> Self:
        """By the tag's value. Raises `BadRolloutTag`."""
        if len(value) > LONGEST_VALUE:
            raise BadRolloutTag(f"It is longer than {LONGEST_VALUE} characters.")
        parts = [part.strip().lower() for part in value.split(",") if part.strip()]
        if parts == ["off"]:
            return cls(seconds=0.0)
        seconds = [found for found in map(_seconds, parts) if found is not None]
        factors = [found for found in map(_factor, parts) if found is not None]
        errors = parts.count("errors")
        if not parts or len(seconds) + len(factors) + errors < len(parts):
            raise BadRolloutTag("It does not say how to bake: write 300s,errors,slower=2x, or off.")
        if max(len(seconds), len(factors), errors) > 1:
            raise BadRolloutTag("A part stands in it twice.")
        judged = bool(errors) if errors or factors else None
        return cls(seconds[0] if seconds else None, judged, factors[0] if factors else None)

    def rule(self, default: BakeRule) -> BakeRule:
        """The rule, where it says nothing by the default."""
        seconds = default.seconds if self.seconds is None else self.seconds
        rule = replace(default, seconds=seconds, most_seconds=max(default.most_seconds, seconds))
        if self.errors is None:
            return rule
        return replace(rule, errors=self.errors, slower=self.slower)


NO_WISH: Final = BakeWish()


def _seconds(part: str) -> float | None:
    found = _TIME.fullmatch(part)
    if found is None:
        return None
    seconds = float(found[1]) * _SECONDS[found[2]]
    if not math.isfinite(seconds) or seconds > _MOST_SECONDS:
        raise BadRolloutTag("Nobody waits for longer than 7 days.")
    return seconds


def _factor(part: str) -> float | None:
    found = _SLOWER.fullmatch(part)
    if found is None:
        return None
    if float(found[1]) < _LEAST_SLOWER:
        raise BadRolloutTag(f"slower= is at least {_LEAST_SLOWER:g}x.")
    return float(found[1])
