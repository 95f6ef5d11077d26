"""What the requests of one version at one slot have come to, counted so that fronts add up.

Failures are the version's (`FAILURES`); that it is overloaded, or that a client goes or errs, is
not. What failed is tried on the version that was proven before, too, and where it fails again it is
spared: neither a failure nor a request of the version's. So is the same share of the failures that
were not tried. A refusal counts where what was proven takes the request.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from time import monotonic
from typing import Any, Final, Protocol, Self

from service.rollout.verdict import Sample

FAILURES: Final = frozenset({"model_failed", "prediction_timed_out", "no_servable"})
"""The codes of errors that are the version's."""
REFUSALS: Final = frozenset({"invalid_input", "unsupported_media_type"})
"""The codes of errors that are the client's, unless what was proven takes the request."""
DOUBTFUL: Final = FAILURES | REFUSALS
"""What the proven version may be asked about."""
RECENT: Final = 1000
"""So many of the last requests of the proven version are compared with."""
_BLOCK: Final = 100


@dataclass(frozen=True, slots=True)
class Tally:
    """Whole numbers of what came of requests; those of several fronts are added.

    Attributes:
        requests: that were answered, or failed.
        failed: of these, and
        tried: of the failed ones, those that the proven version was asked about;
        spared: of the tried ones, those that fail there as well.
        refused: requests that the version did not take, beside `requests`;
        asked: of these, those that the proven version was shown;
        taken: of the shown ones, those that it takes.
    """

    requests: int = 0
    failed: int = 0
    tried: int = 0
    spared: int = 0
    refused: int = 0
    asked: int = 0
    taken: int = 0

    def __add__(self, other: Self) -> "Tally":
        """Both together."""
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Self) -> "Tally":
        """What has come since the other."""
        return Tally(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def sample(self) -> Sample:
        """What speaks for and against the version."""
        spared = _share(self.failed, self.spared, self.tried)
        broken = _share(self.refused, self.taken, self.asked)
        return Sample(self.requests - spared + broken, self.failed - spared + broken)


NOTHING: Final = Tally()
"""Before the first request."""


@dataclass(frozen=True, slots=True)
class Block:
    """Requests in a row, and when the last of them ended, in monotonic seconds of the machine."""

    at: float
    sample: Sample


def recent(blocks: Iterable[Block]) -> Sample:
    """The newest blocks together, of whichever front, until they hold `RECENT` requests."""
    requests = failures = 0
    for block in sorted(blocks, key=lambda each: each.at, reverse=True):
        if requests >= RECENT:
            break
        requests += block.sample.requests
        failures += block.sample.failures
    return Sample(requests, failures)


class Doubts(Protocol):
    """Whoever asks the proven version about what a version has failed at."""

    def doubt(self, doubt: Any, /) -> None:
        """A request came to an error: returns at once, and raises nothing."""
        ...


class Outcomes:
    """The counts of one front, on its event loop; one for each stay of a version at a slot.

    Whoever answers a request adds one to `requests`, and calls `fill` where these are `full` then:
    a request without an error costs no call.

    Attributes:
        requests: that were answered, or failed.
        full: as many as there are to be before `fill` is called.
        reached: called at each hundredth request, while somebody looks; neither blocks nor raises.
        doubts: told of each error that may be the version's, while somebody wants to know.
    """

    __slots__ = (
        *("_blocks", "_failed", "_since", "_tries", "doubts", "full", "reached", "requests"),
    )

    def __init__(self) -> None:
        self.requests = 0
        self.full = _BLOCK
        self.reached: Callable[[], None] | None = None
        self.doubts: Doubts | None = None
        self._failed = 0
        self._since = 0
        self._tries = Tally()
        self._blocks: deque[Block] = deque(maxlen=RECENT // _BLOCK)

    def resume(self, sample: Sample) -> None:
        """So many requests had come before, in another process: they are the oldest of these."""
        if sample.requests:
            self._blocks.appendleft(Block(-math.inf, sample))

    def fill(self) -> None:
        """A hundred requests are counted."""
        failures, self._since = self._failed - self._since, self._failed
        self._blocks.append(Block(monotonic(), Sample(_BLOCK, failures)))
        self.full += _BLOCK
        if self.reached is not None:
            self.reached()

    def failed(self, code: str) -> None:
        """One more request came to an error of that code."""
        if code in FAILURES:
            self._failed += 1
            self.requests += 1
            if self.requests >= self.full:
                self.fill()
        elif code in REFUSALS:
            self._tries += Tally(refused=1)

    def tried(self, *, spared: bool) -> None:
        """What failed was tried on the proven version; whether it fails there too."""
        self._tries += Tally(tried=1, spared=int(spared))

    def asked(self, *, taken: bool) -> None:
        """What was refused was shown to the proven version; whether that takes it."""
        self._tries += Tally(asked=1, taken=int(taken))

    @property
    def tally(self) -> Tally:
        """All of it by now."""
        return self._tries + Tally(requests=self.requests, failed=self._failed)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The last `RECENT` requests, to the hundred; fewer where fewer have come."""
        if len(self._blocks) == self._blocks.maxlen:
            return tuple(self._blocks)
        begun = self.requests - (self.full - _BLOCK)
        return (*self._blocks, Block(monotonic(), Sample(begun, self._failed - self._since)))


def _share(whole: int, found: int, looked_at: int) -> int:
    """As many of the whole as were found among those that were looked at."""
    return round(whole * found / looked_at) if looked_at else 0
