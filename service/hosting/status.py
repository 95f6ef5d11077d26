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
    """

    hosts: int
    restarts: int
    row_wise: bool
    row_wise_reason: str
    waiting: int
