"""One version's way into service: the seconds of each stage so far, and what gates have seen."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from service.environments.environment import BuildProgress
from service.following.gates.gate import GateFinding


@dataclass(slots=True)
class Journey:
    """Noted while it lasts; `under_way` is the stage that has not ended, `since` when that began.

    `since` is in monotonic seconds, `building` how far its environment is, while that is built.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    findings: tuple[GateFinding, ...] = ()
    under_way: str | None = None
    since: float = 0.0
    building: BuildProgress | None = None

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
            # It may have to wait more than once.
            self.seconds[stage] = self.seconds.get(stage, 0.0) + monotonic() - self.since
            self.under_way = self.building = None

    def builds(self, progress: BuildProgress) -> None:
        """Its environment is so far."""
        self.building = progress

    def so_far(self, now: float) -> Mapping[str, float]:
        """The seconds of each stage, of the one that has not ended until now."""
        if self.under_way is None:
            return dict(self.seconds)
        lasted = self.seconds.get(self.under_way, 0.0) + max(0.0, now - self.since)
        return {**self.seconds, self.under_way: lasted}
