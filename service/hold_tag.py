"""The model tag `podium.hold.ALIAS`: slots of that alias stay on what they serve, and until when.

Its value is `REASON` or `REASON,until=TIME`, TIME as ISO 8601 with its offset; people who write it
on MLflow's page may put spaces around `until`, and capitals into it. Any value but `false` holds. A
time that cannot be read, or that UTC's calendar does not have, holds for good: to stay is the safe
side.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

HOLD_PREFIX: Final = "podium.hold."
_UNTIL: Final = "until="
_BEFORE_TIME: Final = re.compile(r"(?:^|,)\s*until\s*=", re.IGNORECASE)
_UNTRUE: Final = "false"
_LONGEST_REASON: Final = 500
_LONGEST_TIME: Final = 100


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an alias is held, and until when.

    Attributes:
        reason: as its author has written it; empty where nobody says.
        until: when it ends by itself, of UTC; None: when somebody takes it back.
        unreadable: what stands in the place of a time and is none; empty where all can be read.
    """

    reason: str
    until: datetime | None = None
    unreadable: str = ""

    @classmethod
    def of(cls, value: str) -> Self | None:
        """By the tag's value; None for one that says `false`."""
        if value.strip().lower() == _UNTRUE:
            return None
        reason, time = _parts(value)
        reason = reason.strip()[:_LONGEST_REASON]
        if time is None:
            return cls(reason)
        until = _read(time.strip())
        return cls(reason, until, "" if until else time.strip()[:_LONGEST_TIME] or "nothing")

    def is_over(self, now: datetime) -> bool:
        """Whether its time has come."""
        return self.until is not None and now >= self.until

    @property
    def value(self) -> str:
        """What the tag says."""
        return self.reason if self.until is None else f"{self.reason},{_UNTIL}{told(self.until)}"

    @property
    def sentence(self) -> str:
        """Until when, and why, for people."""
        until = "until it is released" if self.until is None else f"until {told(self.until)}"
        why = f": {self.reason}" if self.reason else ""
        wrong = f"; its time cannot be read: {self.unreadable}" if self.unreadable else ""
        return f"{until}{wrong}{why}"


def told(time: datetime) -> str:
    """As the tag has it: of UTC, to the second."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def without_time(reason: str) -> str:
    """The reason, of which nothing is taken for a time."""
    return _BEFORE_TIME.sub(lambda found: found[0].replace("=", " "), reason).strip()


def holds_in(tags: Mapping[str, str]) -> Mapping[str, str]:
    """The values of a model's tags that hold aliases, by alias, none longer than is shown."""
    found = {
        key.removeprefix(HOLD_PREFIX): value
        for key, value in tags.items()
        if key.startswith(HOLD_PREFIX)
    }
    # MLflow admits no alias with a point: behind one stands whose the hold is.
    return {alias: _short(value) for alias, value in found.items() if "." not in alias}


def _short(value: str) -> str:
    reason, time = _parts(value)
    reason = reason[:_LONGEST_REASON]
    return reason if time is None else f"{reason},{_UNTIL}{time[:_LONGEST_TIME]}"


def _parts(value: str) -> tuple[str, str | None]:
    # A reason may have commas, and may be missing.
    found = list(_BEFORE_TIME.finditer(value))
    return (value[: found[-1].start()], value[found[-1].end() :]) if found else (value, None)


def _read(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        # Whose clock is meant, nobody can say without an offset.
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
