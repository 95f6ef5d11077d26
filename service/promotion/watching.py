"""Whether somebody has gone on from a move while instances are waited for."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from service.promotion.deciding import AliasStanding
from service.registry.writer.faults import Unreachable, WriteRefused

_EVERY: Final = 5.0


@dataclass(slots=True)
class AliasWatch:
    """Called as often as anybody likes; looks at the registry once in five seconds at most.

    Attributes:
        is_gone_on: whether what is there is not this move's any more.
    """

    look: Callable[[], AliasStanding]
    is_gone_on: Callable[[AliasStanding], bool]
    monotonic: Callable[[], float] = time.monotonic
    _next: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """The move has just been looked at."""
        self._next = self.monotonic() + _EVERY

    def __call__(self) -> bool:
        """Whether that has been seen; not where nobody says so."""
        if self.monotonic() < self._next:
            return False
        try:
            return self.is_gone_on(self.look())
        except (WriteRefused, Unreachable):
            return False
        finally:
            self._next = self.monotonic() + _EVERY
