"""What hosting tells whoever wants to know; metrics and logs implement it."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from service.contract.tensors.tensor_input import TensorInfo
from service.processes.front.ending import Ending, EndReason


class Purpose(enum.StrEnum):
    """What a host was started for."""

    SERVING = "serving"
    SECOND_TRY = "second_try"
    SHADOW = "shadow"


class HostingObserver(Protocol):
    """Told of everything that happens to the hosts of one version."""

    def opened(self, waiting: Callable[[], Mapping[str, int]]) -> None:
        """The version has hosts; `waiting` says in any thread how many requests wait, by alias."""

    def closed(self) -> None:
        """It has none any more, and nobody waits."""

    def batch(self, rows: int, seconds: float, alias: str) -> None:
        """A batch was predicted; the alias is the one that its oldest request came by."""

    def host_ended(self, ending: Ending, purpose: Purpose) -> None:
        """A host has ended, wanted or not, while it loaded or later; told once for every host."""

    def host_restarted(self, reason: EndReason) -> None:
        """A host that served has died for this reason and is being replaced."""

    def host_not_started(self, error: Exception) -> None:
        """A replacement, or a host for a second try, could not be started."""

    def memory(self, pid: int, held_bytes: int) -> None:
        """A living host's memory, with that of all its descendants; told about once a second."""

    def printed(self, stream: str, line: str) -> None:
        """A host wrote a line to `stdout` or `stderr`; bounded in length."""


class OfShadowHosts:
    """A `HostingObserver` of hosts that answer nobody.

    Their calls are no part of how the version answers, and nobody has to act on their deaths.
    """

    def __init__(self, told: HostingObserver) -> None:
        self.host_ended = told.host_ended
        self.host_not_started = told.host_not_started
        self.memory = told.memory
        self.printed = told.printed

    def opened(self, waiting: Callable[[], Mapping[str, int]]) -> None:
        """Whoever waits is told of elsewhere."""

    def closed(self) -> None:
        """Nor is this."""

    def batch(self, rows: int, seconds: float, alias: str) -> None:
        """Nor this."""

    def host_restarted(self, reason: EndReason) -> None:
        """Its end was told."""


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """A snapshot of a pool.

    Attributes:
        hosts: processes that can take a prediction.
        restarts: hosts that served and ended unasked so far.
        row_wise: whether requests may be joined into one call (P16).
        row_wise_reason: one sentence why, or why not.
        waiting: requests in the queue.
        memory_bytes: what the hosts and all that they have forked hold, of a moment ago.
        outputs: those of the version's answer to its own example; None: nobody has seen any.
        crashing: whether hosts end again and again, more often than may be chance, and none has
            answered since; also while one is there that has not been asked yet.
    """

    hosts: int
    restarts: int
    row_wise: bool
    row_wise_reason: str
    waiting: int
    memory_bytes: int = 0
    outputs: tuple[TensorInfo, ...] | None = None
    crashing: bool = False
