"""Whether a version does worse than the one that was proven before it: counts in, a word out.

Two counts of requests are compared by Fisher's exact test, one-sided, and looked at only after 100,
200, 400 ... 6,400 requests: with so few looks, and so small a chance for each, a version that is as
good as the one before is taken for a worse one in fewer than 5 of 1,000 bakes, whatever both fail
at (`tests/rollout/test_verdict.py` simulates it).
"""

import enum
import math
from dataclasses import dataclass
from typing import Final

LOOKS: Final = (100, 200, 400, 800, 1600, 3200, 6400)
"""After how many requests a version is looked at."""
CHANCE: Final = 0.0005
"""Most that the chance of such a difference may be, were both versions equally good."""
LEAST_DIFFERENCE: Final = 0.01
"""In shares of requests: what is less is not worth a way back, however certain it is."""
# Of the tail that is left out, beside the part that is summed.
_NEGLIGIBLE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Sample:
    """So many requests, of which so many have failed."""

    requests: int = 0
    failures: int = 0

    @property
    def rate(self) -> float:
        """The share that has failed; 0 of none."""
        return self.failures / self.requests if self.requests else 0.0

    @property
    def percent(self) -> str:
        """The same for people."""
        return f"{100 * self.rate:.3g}%"


class BakeStep(enum.Enum):
    """What is to be done for a version that bakes."""

    GO_ON = "look again later"
    UNPROVEN = "its time is over, and too few requests have come to say anything"
    PASS = "its time is over, and nothing stands against it"  # noqa: S105 - not a password
    PASS_UNPROVEN = "it was waited for as long as anybody waits"  # noqa: S105 - not one either


@dataclass(frozen=True, slots=True)
class BakeTime:
    """How long a version bakes, in seconds: at least, and while too few requests come."""

    seconds: float
    most_seconds: float


def chance_of(new: Sample, old: Sample) -> float:
    """How likely so many failures of `new` are, or more, were both equally good.

    By Fisher's exact test, one-sided; 1 where it fails no more often than `old`.
    """
    if new.failures * old.requests <= old.failures * new.requests:
        return 1.0
    drawn, failed = new.requests, new.failures + old.failures
    whole = drawn + old.requests
    term = math.exp(
        _log_choose(failed, new.failures)
        + _log_choose(whole - failed, drawn - new.failures)
        - _log_choose(whole, drawn)
    )
    total = 0.0
    # From here on each term is smaller than the one before: it fails more often than both together.
    for failures in range(new.failures, min(failed, drawn) + 1):
        total += term
        if term <= total * _NEGLIGIBLE:
            break
        more = (failed - failures) * (drawn - failures)
        term *= more / ((failures + 1) * (whole - failed - drawn + failures + 1))
    return min(1.0, total)


def is_worse(new: Sample, old: Sample) -> bool:
    """Whether `new` fails more often than `old`, by more than chance and by what is worth it."""
    if not old.requests or new.rate - old.rate < LEAST_DIFFERENCE:
        return False
    return chance_of(new, old) < CHANCE


def next_look(requests: int) -> int | None:
    """The number of requests at which a version that has had so many is looked at; None: never."""
    return next((look for look in LOOKS if look > requests), None)


def step_of(requests: int, seconds: float, time: BakeTime, *, due: bool = False) -> BakeStep:
    """What follows after so many requests and seconds of a bake that nothing speaks against yet.

    `due`: a look that was due could not be taken. It is waited for as requests are.
    """
    if seconds < time.seconds or (due and seconds < time.most_seconds):
        return BakeStep.GO_ON
    if requests >= LOOKS[0] and not due:
        return BakeStep.PASS
    return BakeStep.UNPROVEN if seconds < time.most_seconds else BakeStep.PASS_UNPROVEN


def mostly_fails(sample: Sample) -> bool:
    """Whether so much fails, of however few, that nobody needs to know how another one does."""
    return 2 * sample.failures > sample.requests


def _log_choose(whole: int, part: int) -> float:
    return math.lgamma(whole + 1) - math.lgamma(part + 1) - math.lgamma(whole - part + 1)
