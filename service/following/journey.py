"""One version's way into service: the seconds of each stage so far, and what gates have seen."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from service.following.gates.gate import GateFinding


@dataclass(slots=True)
class Journey:
    """Noted while it lasts; `under_way` is the stage that has not ended, `since` when that began.

    `since` is in monotonic seconds.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    findings: tuple[GateFinding, ...] = ()
    under_way: str | None = None
    since: float = 0.0

    def saw(self, findings: Sequence[GateFinding]) -> None:
        """A gate has seen this."""
        self.findings = (*self.findings, *findings)

    @contextlib.contextmanager
    def timed(self, stage: str, monotonic: Callable[[], float]) -> Iterator[None]:
        """The stage lasts as long as this does."""
        self.under_way, self.since = stage, monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = monotonic() - self.since
            self.under_way = None

    def so_far(self, now: float) -> Mapping[str, float]:
        """The seconds of each stage, of the one that has not ended until now."""
        if self.under_way is None:
            return dict(self.seconds)
        return {**self.seconds, self.under_way: max(0.0, now - self.since)}
