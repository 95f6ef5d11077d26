"""Model tags that say whom requests of an alias go to: `podium.split.ALIAS`, `podium.sticky.ALIAS`.

A split is `ARM=PERCENT`, at most two with a comma between them, then maybe `,until=TIME`, TIME as
ISO 8601 with its offset. An arm is an alias of the model, or a version of it, as `v7`: MLflow
reserves that word, so no alias can be it. The slot's own alias has what is left. Empty, or `false`,
is no split. People who write it on MLflow's page may put spaces anywhere, and a sign % behind.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from service.rollout_tags import LONGEST_VALUE

WHOLE: Final = 10_000
"""All requests, in the unit of shares: a hundredth of a percent."""
MOST_ARMS: Final = 2
"""Beside the slot's own: each grows from an end of its own, so that none takes from another."""
STICKY_HEADER: Final = "Podium-Sticky"
"""By which a caller keeps an arm where no tag names another header."""
_UNTIL: Final = "until"
_LONGEST_SHOWN: Final = 60
# MLflow's (mlflow/utils/validation.py, _REGISTERED_MODEL_ALIAS_REGEX).
_ALIAS: Final = re.compile(r"[\w\-]{1,255}")
_VERSION: Final = re.compile(r"v([0-9]{1,18})", re.IGNORECASE)
_PERCENT: Final = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))?\s*%?", re.ASCII)
# RFC 9110, a token.
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")


class BadRolloutTag(ValueError):
    """A tag's value says nothing that could be done; the message is a sentence on what it does not.

    It may hold what stands in the tag, which is its author's, not a client's.
    """


@dataclass(frozen=True, slots=True)
class ArmShare:
    """An arm, and how many of `WHOLE` requests it is to get."""

    alias: str
    share: int

    def __str__(self) -> str:
        return f"{self.alias}={percent(self.share)}"


@dataclass(frozen=True, slots=True)
class Split:
    """What arms beside the slot's own get, and until when.

    Attributes:
        arms: in the order that they are written in, which says from which end each grows.
        until: when it ends by itself, of UTC; None: when somebody takes it back.
    """

    arms: tuple[ArmShare, ...] = ()
    until: datetime | None = None

    @classmethod
    def of(cls, value: str, own: str) -> Self:
        """By the tag's value, of the alias `own`. Raises `BadRolloutTag`."""
        text = _whole(value)
        if text.lower() in {"", "false"}:
            return cls()
        *shares, last = (part.strip() for part in text.split(","))
        until = _until(last)
        arms = tuple(_arm(each) for each in (shares if until else (*shares, last)))
        _check(arms, own)
        return cls(arms, until)

    def is_over(self, now: datetime) -> bool:
        """Whether its time has come."""
        return self.until is not None and now >= self.until

    @property
    def value(self) -> str:
        """What the tag says."""
        shares = [*map(str, self.arms)]
        if self.until is not None:
            time = self.until.astimezone(UTC).isoformat(timespec="seconds")
            shares.append(f"{_UNTIL}={time.replace('+00:00', 'Z')}")
        return ",".join(shares)


def percent(share: int) -> str:
    """A share as people write it: 10, or 2.5."""
    return f"{share / 100:.2f}".rstrip("0").rstrip(".")


def sticky_header(value: str) -> str:
    """By which header a caller keeps an arm, as the tag's value says. Raises `BadRolloutTag`."""
    text = _whole(value)
    if not text:
        return STICKY_HEADER
    if not _HEADER.fullmatch(text):
        raise BadRolloutTag(f"{shown(text)} is not the name of a header.")
    return text


def arm_alias(text: str) -> str:
    """The alias that is meant, or the version as `v7`, however it is written.

    Raises `BadRolloutTag`.
    """
    if version := _VERSION.fullmatch(text):
        return f"v{int(version[1])}"
    if not _ALIAS.fullmatch(text) or text.lower() == "latest":
        raise BadRolloutTag(f"{shown(text)} is neither an alias nor a version, as v7.")
    return text


def version_number(alias: str) -> str | None:
    """The number of the version that an arm names; None for an alias."""
    found = _VERSION.fullmatch(alias)
    return None if found is None else found[1]


def share_of(text: str) -> int:
    """A percentage in hundredths of a percent. Raises `BadRolloutTag`."""
    found = _PERCENT.fullmatch(text.strip())
    share = (
        WHOLE + 1 if found is None else int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    )
    if share > WHOLE:
        raise BadRolloutTag(f"{shown(text)} is not a percentage from 0 to 100, as 10 or 2.5.")
    return share


def shown(text: str) -> str:
    """What somebody has written, on one line and not longer than is read."""
    plain = "".join(each if each.isprintable() else "?" for each in text[:_LONGEST_SHOWN])
    return f"{plain!r}" if len(text) <= _LONGEST_SHOWN else f"{plain!r}..."


def _whole(value: str) -> str:
    if len(value) > LONGEST_VALUE:
        raise BadRolloutTag(f"It is longer than {LONGEST_VALUE} characters.")
    return value.strip()


def _until(text: str) -> datetime | None:
    name, _, time = text.partition("=")
    if name.strip().lower() != _UNTIL:
        return None
    try:
        found = datetime.fromisoformat(time.strip())
        # Whose clock is meant, nobody can say without an offset.
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadRolloutTag(f"{shown(time.strip())} is not a time with its offset, in ISO 8601.")


def _arm(text: str) -> ArmShare:
    name, sign, share = text.partition("=")
    if not sign:
        raise BadRolloutTag(f"{shown(text)} is not ARM=PERCENT, as challenger=10.")
    return ArmShare(arm_alias(name.strip()), share_of(share))


def _check(arms: Sequence[ArmShare], own: str) -> None:
    names = [each.alias for each in arms]
    if len(arms) > MOST_ARMS:
        raise BadRolloutTag(f"It names {len(arms)} arms; {MOST_ARMS} at most can stand beside.")
    if own in names:
        raise BadRolloutTag(f"{own} is the alias itself, which gets what is left.")
    if len(set(names)) < len(names):
        raise BadRolloutTag("It names one arm twice.")
    if (total := sum(each.share for each in arms)) > WHOLE:
        raise BadRolloutTag(f"Its shares are {percent(total)} percent together.")
