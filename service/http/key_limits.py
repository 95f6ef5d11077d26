"""What a key may ask: which models, and how often.

A key without limits may ask everything. Keys of one name that are limited to the same rate share
it: an application that changes its key does not get twice as much meanwhile.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from service.errors import ClientError, Forbidden, RateExceeded

_MOST_ADMITTED: Final = 10_000


class Rate(NamedTuple):
    """So many requests a second, and so many at once after a pause."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Scoped:
    """Which models may be asked: `fnmatch`'s patterns of `NAME` or of `NAME@ALIAS`; none: all."""

    patterns: tuple[str, ...] = ()

    def admits(self, slot: str) -> bool:
        """Whether the slot may be asked, by its `name@alias`; a `NAME` stands for every alias."""
        name = slot.rpartition("@")[0]
        return not self.patterns or any(
            fnmatchcase(slot if "@" in pattern else name, pattern) for pattern in self.patterns
        )


EVERYTHING: Final = Scoped()


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What one key may ask, and how often; `rate` None: as often as it likes."""

    models: Scoped = EVERYTHING
    rate: Rate | None = None


UNLIMITED: Final = KeyLimits()
LimitsByKey = Mapping[bytes, KeyLimits]
"""Those of each key that has any, by the SHA-256 sum of the key."""


class _Bucket:
    """Tokens that come back with time; each request takes one."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._at = now

    def wait(self, now: float) -> float:
        """Takes a token and returns 0; or the seconds until there is one."""
        gained = (now - self._at) * self._rate.per_second
        self._tokens, self._at = min(self._tokens + gained, float(self._rate.burst)), now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate.per_second
        self._tokens -= 1
        return 0.0


class KeyLimiter:
    """Lets requests of limited keys pass, or says why not."""

    def __init__(
        self, limits: LimitsByKey, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._buckets: dict[tuple[str, Rate], _Bucket] = {}
        self._admitted: dict[tuple[Scoped, str], bool] = {}

    @property
    def idle(self) -> bool:
        """Whether no key is limited."""
        return not self._limits

    def replace(self, limits: LimitsByKey, names: Mapping[bytes, str]) -> None:
        """These hold from now on; what was used of rates that stay the same is remembered."""
        self._limits, self._admitted = limits, {}
        kept = {(names.get(key), each.rate) for key, each in limits.items()}
        self._buckets = {key: each for key, each in self._buckets.items() if key in kept}

    def scope(self, key: bytes) -> Scoped:
        """What the key of that sum may ask."""
        return self._limits.get(key, UNLIMITED).models

    def refusal(self, key: bytes, name: str, slot: str) -> ClientError | None:
        """Why a request of the key of that sum and name is refused; None if it may pass."""
        limits = self._limits.get(key)
        if limits is None:
            return None
        if not self._is_admitted(limits.models, slot):
            return Forbidden("This key may not ask this model.")
        wait = 0.0 if limits.rate is None else self._wait(name, limits.rate)
        return RateExceeded(max(1, math.ceil(wait))) if wait else None

    def _is_admitted(self, models: Scoped, slot: str) -> bool:
        # Slots are the service's own, and patterns are compared once for each.
        known = self._admitted.get((models, slot))
        if known is None:
            if len(self._admitted) >= _MOST_ADMITTED:
                self._admitted.clear()  # slots of patterns come and go
            known = self._admitted[models, slot] = models.admits(slot)
        return known

    def _wait(self, name: str, rate: Rate) -> float:
        now = self._monotonic()
        bucket = self._buckets.get((name, rate))
        if bucket is None:
            bucket = self._buckets[name, rate] = _Bucket(rate, now)
        return bucket.wait(now)
