"""The split by which `podium promote --steps` brings a version: its share, until a moment at hand.

That moment is put off while the command lives, so that the split of one that is gone ends by
itself. People write splits of that kind as well (`podium split iris v7=5 --until ...`): which are a
step's, the tag beside it says alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from pydantic import ValidationError

from service.hold_tag import told
from service.promotion.mark_origin import MarkOrigin, origin_key
from service.rollout_tags import tag_name

# As it is written here.
_WRITTEN: Final = re.compile(r"v(\d+)=(\d{1,2}(?:\.\d{1,2})?),until=(\S{1,40})")
LIVES_SECONDS: Final = 60.0
"""For which the split of a command that is gone lasts."""


class StepMark(MarkOrigin):
    """Whose a split is that a step has written: that of the journal's entry of this id.

    It is written before the split. `was` is the value of the step's split that it puts off: until
    the new one is there, that is the step's as well.
    """

    entry: str
    was: str | None


@dataclass(frozen=True, slots=True)
class StepSplit:
    """So many percent of an alias's requests go to that version until then."""

    version: str
    share: float
    until: datetime

    @classmethod
    def read(cls, value: str | None) -> Self | None:
        """By the tag's value; None for one that no step would write."""
        found = None if value is None else _WRITTEN.fullmatch(value)
        if found is None:
            return None
        try:
            until = datetime.fromisoformat(found[3])
        except ValueError:
            return None
        return cls(found[1], float(found[2]), until) if until.tzinfo else None

    @classmethod
    def in_tags(cls, tags: Mapping[str, str], alias: str) -> Self | None:
        """What a step has written, by a model's tags; None where the split is people's, or none."""
        mark = tag_name("split", alias)
        value = tags.get(mark)
        try:
            whose = StepMark.model_validate_json(tags.get(origin_key(mark), ""))
        except ValidationError:
            return None
        return cls.read(value) if value in {whose.of, whose.was} else None

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
