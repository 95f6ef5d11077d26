"""What a load generator has seen, whichever it was."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """One run of load: requests that were answered and failed, and how long answers took.

    `failed` counts answers that were not 2xx, broken connections and time-outs; `missed` what a
    constant rate asked for and could not be sent, since all connections were waiting.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int = 0
    missed: int = 0

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return self.requests / self.seconds
