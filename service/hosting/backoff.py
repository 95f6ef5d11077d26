"""How often a pool's hosts have died in a row, and what that means for those who wait."""

import time
from collections.abc import Callable
from typing import Final

from service.background import growing_pause

_LONGEST_PAUSE: Final = 30.0
# Hosts that have lived for so long have not died in a row, whether anybody has asked them or not.
_FORGOTTEN_SECONDS: Final = 10 * _LONGEST_PAUSE
# So many deaths of each host in a row may be chance, and are answered by a replacement at once.
_EXCUSED: Final = 3


class RestartBackoff:
    """Counts deaths since a batch was last answered, and replacements that have failed since.

    Deaths are forgotten once none has followed for five minutes, or when a batch is answered;
    failed replacements when one succeeds.
    """

    def __init__(self, hosts: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._excused = _EXCUSED * hosts
        self._monotonic = monotonic
        self._died_at = 0.0
        self._deaths = 0
        self._unlucky_replacements = 0
        self._failed_replacements = 0

    @property
    def bearable(self) -> bool:
        """Whether the next replacement may well help, so that it is worth waiting for.

        Hosts that start and die again and again are no replacement, nor is one that cannot start.
        """
        return self._beyond_excuse <= 0

    @property
    def hopeless(self) -> bool:
        """Whether the last replacement has failed by the version's own fault; it is tried again."""
        return self._failed_replacements > 0

    @property
    def pause(self) -> float:
        """Seconds before the next replacement: none while excused, then 1, 2, 4 up to 30.

        A replacement that fails by the version's fault is not excused, nor are deaths before it.
        """
        failures = self._beyond_excuse
        return growing_pause(failures, _LONGEST_PAUSE) if failures > 0 else 0.0

    def died(self) -> None:
        """A host has died."""
        now = self._monotonic()
        if now - self._died_at > _FORGOTTEN_SECONDS:
            self._deaths = 0
        self._died_at = now
        self._deaths += 1

    def answered(self) -> None:
        """A host has answered a batch."""
        self._deaths = self._unlucky_replacements = 0

    def not_replaced(self, *, passing: bool) -> None:
        """A replacement could not be started; `passing`: not by the version's own fault.

        A passing failure counts as one more death: the next one may well live.
        """
        if passing:
            self._unlucky_replacements += 1
        else:
            self._failed_replacements += 1

    def replaced(self) -> None:
        """A replacement has been started."""
        self._unlucky_replacements = self._failed_replacements = 0

    @property
    def _beyond_excuse(self) -> int:
        # A replacement that fails by the version's fault is past all excuse.
        excused = 0 if self._failed_replacements else self._excused
        deaths = self._deaths + self._unlucky_replacements
        return deaths + self._failed_replacements - excused
