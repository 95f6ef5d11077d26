"""The split by which `podium promote --steps` brings a version: its share, until a moment at hand.

That moment is put off while the command lives, so that the split of one that is gone ends by
itself.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from service.hold_tag import told

# As it is written here; what people write of that kind is theirs, and stays.
_WRITTEN: Final = re.compile(r"v(\d+)=(\d{1,2}(?:\.\d{1,2})?),until=(\S{1,40})")
LIVES_SECONDS: Final = 60.0
"""For which the split of a command that is gone lasts."""


@dataclass(frozen=True, slots=True)
class StepSplit:
    """So many percent of an alias's requests go to that version until then."""

    version: str
    share: float
    until: datetime

    @classmethod
    def read(cls, value: str | None) -> Self | None:
        """By the tag's value; None for one that no step has written."""
        found = None if value is None else _WRITTEN.fullmatch(value)
        if found is None:
            return None
        try:
            until = datetime.fromisoformat(found[3])
        except ValueError:
            return None
        return cls(found[1], float(found[2]), until) if until.tzinfo else None

    @property
    def value(self) -> str:
        """What the tag says."""
        return f"v{self.version}={self.share:g},until={told(self.until)}"

    def is_over(self, now: datetime) -> bool:
        """Whether services have ended it by then."""
        return now >= self.until

    @classmethod
    def lasting(cls, version: str, share: float, now: datetime) -> Self:
        """From now on, for as long as one lasts that is not put off."""
        return cls(version, share, now.astimezone(UTC) + timedelta(seconds=LIVES_SECONDS))
