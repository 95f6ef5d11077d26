"""What runs for one version, at one instant."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """A snapshot of a pool.

    Attributes:
        hosts: processes that can take a prediction.
        restarts: replacements so far.
        row_wise: whether requests may be joined into one call (P16).
        row_wise_reason: one sentence why, or why not.
        waiting: requests in the queue.
        memory_bytes: what the hosts and all that they have forked hold, of a moment ago.
    """

    hosts: int
    restarts: int
    row_wise: bool
    row_wise_reason: str
    waiting: int
    memory_bytes: int = 0
