"""How often a pool's hosts have died in a row, and what that means for those who wait."""

from typing import Final

_LONGEST_PAUSE: Final = 30.0
# So many deaths of each host in a row may be chance, and are answered by a replacement at once.
_EXCUSED: Final = 3


class Misfortune:
    """Counts deaths since a batch was last answered, and replacements that have failed since."""

    def __init__(self, hosts: int) -> None:
        self._excused = _EXCUSED * hosts
        self._deaths = 0
        self._failed_replacements = 0

    @property
    def bearable(self) -> bool:
        """Whether the next replacement may well help, so that it is worth waiting for.

        Hosts that start and die again and again are no replacement, nor is one that cannot start.
        """
        return self._beyond_excuse <= 0

    @property
    def hopeless(self) -> bool:
        """Whether the last replacement has failed by the version's own fault."""
        return self._failed_replacements > 0

    @property
    def pause(self) -> float:
        """Seconds before the next replacement: none at first, then 1, 2, 4 up to half a minute."""
        failures = self._beyond_excuse
        return 0.0 if failures <= 0 else min(2.0 ** (failures - 1), _LONGEST_PAUSE)

    def died(self) -> None:
        """A host has died."""
        self._deaths += 1

    def answered(self) -> None:
        """A host has answered a batch."""
        self._deaths = 0

    def not_replaced(self, *, passing: bool) -> None:
        """A replacement could not be started; `passing`: by no fault of the version's.

        That is one more death then: the next one may well live.
        """
        if passing:
            self._deaths += 1
        else:
            self._failed_replacements += 1

    def replaced(self) -> None:
        """A replacement has been started."""
        self._failed_replacements = 0

    @property
    def _beyond_excuse(self) -> int:
        # A replacement that fails by the version's fault is past all excuse.
        excused = 0 if self._failed_replacements else self._excused
        return self._deaths + self._failed_replacements - excused
