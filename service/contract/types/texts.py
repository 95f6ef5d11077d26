"""What travels as a JSON string: text, base64 and dates, also as Python's `datetime`."""

import base64
import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, AnyStr, Final

from service.contract.findings import Findings, Loc
from service.contract.model_input import Values

_STRINGS: Final = {str}

_ISO_8601: Final = re.compile(
    r"(\d{4})(?:-(\d{2})-(\d{2})|(\d{2})(\d{2})(?=[Tt ]))"
    r"(?:[Tt ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"(?:([Zz])|([+-])(\d{2})(?::?(\d{2}))?)?)?",
    re.ASCII,
)
_EPOCH: Final = date(1970, 1, 1).toordinal()
_SECOND: Final = 1_000_000_000
# numpy keeps the least 64-bit integer for NaT.
_EARLIEST: Final = -(1 << 63) + 1
_LATEST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class String:
    """Text as it is; numbers and objects are not text.

    Attributes:
        nullable: as in `Checker`.
        for_numpy: whether it ends up in numpy's text, which drops NULs at the end.
    """

    nullable: bool = True
    for_numpy: bool = False

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON string."""
        end = ", without NUL at its end" if self.for_numpy else ""
        return {"type": "string", "description": f"Text as it is{end}"}

    def convert(self, values: Sequence[Any]) -> Values | None:
        """The strings."""
        if not set(map(type, values)) <= _STRINGS:
            return None
        return None if self.for_numpy and _any_ends(values, "\0") else list(values)

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Any other type is wrong."""
        text = _examine_text(value, loc, findings, "must be a string")
        if text and self.for_numpy and value.endswith("\0"):
            findings.add(loc, "must not end with a NUL: an array would lose it", "nul")


@dataclass(frozen=True, slots=True)
class Binary:
    """Bytes as base64 (RFC 4648, section 4) with its padding.

    Line breaks are passed over, because MLflow's own encoder writes them
    (mlflow/utils/proto_json_utils.py, `encode_binary`).

    Attributes:
        nullable: as in `Checker`.
        for_numpy: whether it ends up in numpy's bytes, which drop zeros at the end.
    """

    nullable: bool = True
    for_numpy: bool = False

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON string with its encoding."""
        end = ", without a zero byte at its end" if self.for_numpy else ""
        return {
            "type": "string",
            "contentEncoding": "base64",
            "description": f"Bytes as base64, padded{end}",
        }

    def convert(self, values: Sequence[Any]) -> Values | None:
        """The decoded bytes."""
        if not set(map(type, values)) <= _STRINGS:
            return None
        try:
            decoded = list(map(_decode, values))
        except ValueError:
            return None
        return None if self.for_numpy and _any_ends(decoded, b"\0") else decoded

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Wrong are other types and everything that is not base64 to the letter."""
        if not _examine_text(value, loc, findings, "must be a string of base64"):
            return
        try:
            decoded = _decode(value)
        except ValueError:
            findings.add(loc, "must be base64, padded", "base64")
        else:
            if self.for_numpy and decoded.endswith(b"\0"):
                findings.add(loc, "must not end with a zero byte: an array would lose it", "nul")


@dataclass(frozen=True, slots=True)
class Datetime:
    """ISO 8601 dates and date-times; a zone is converted to UTC, none means UTC.

    Numbers are refused: nothing says whether they count seconds or nanoseconds.
    """

    nullable: bool = True

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON string with its format."""
        return {
            "type": "string",
            "format": "date-time",
            "description": "ISO 8601; a zone is converted to UTC, and a date alone is its midnight",
        }

    def convert(self, values: Sequence[Any]) -> Values | None:
        """An array of nanoseconds since 1970 in UTC."""
        if not set(map(type, values)) <= _STRINGS:
            return None
        try:
            times = array("q", map(nanoseconds, values))
        except (ValueError, OverflowError):
            return None
        return None if _EARLIEST - 1 in times else times

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Wrong are other types, other notations, and times beyond 64 bits of nanoseconds."""
        if not _examine_text(value, loc, findings, "must be a string with an ISO 8601 date"):
            return
        try:
            time = nanoseconds(value)
        except ValueError:
            findings.add(loc, "must be an ISO 8601 date or date-time", "datetime")
        else:
            if not _EARLIEST <= time <= _LATEST:
                findings.add(loc, "must lie between 1677-09-22 and 2262-04-11", "out_of_range")


def nanoseconds(text: str) -> int:
    """Nanoseconds since 1970 in UTC, exactly; raises ValueError for anything but ISO 8601.

    Taken are calendar dates, alone or with a time down to nanoseconds, in the extended notation
    (2024-01-02T03:04:05) and, with a time, in the basic one (20240102T030405). A date of digits
    alone could as well be a number.
    """
    found = _ISO_8601.fullmatch(text)
    if found is None:
        raise ValueError("no ISO 8601 date or date-time")
    year, *rest, hour, minute, second, fraction, _, sign, hours, minutes = found.groups(default="0")
    # Of the two notations the one that is not there counts for nothing.
    month, day = int(rest[0]) + int(rest[2]), int(rest[1]) + int(rest[3])
    days = date(int(year), month, day).toordinal() - _EPOCH
    seconds = _seconds(int(hour), int(minute), int(second))
    shift = _seconds(int(hours), int(minutes), 0)
    total = days * 86_400 + seconds - (-shift if sign == "-" else shift)
    return total * _SECOND + int(fraction.ljust(9, "0"))


def _seconds(hour: int, minute: int, second: int) -> int:
    if hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 - a clock's numbers
        raise ValueError("no time of day")
    return hour * 3600 + minute * 60 + second


def _any_ends(values: Sequence[AnyStr], end: AnyStr) -> bool:
    return any(value.endswith(end) for value in values)


def _decode(text: str) -> bytes:
    letters = text.replace("\n", "").replace("\r", "")
    # Python's strict mode lets surplus padding through where the data is complete.
    if len(letters) % 4:
        raise ValueError("base64 comes in groups of four")
    return base64.b64decode(letters, validate=True)


def _examine_text(value: Any, loc: Loc, findings: Findings, expected: str) -> bool:
    if value is None:
        findings.add(loc, "must not be null", "null")
    elif type(value) is not str:
        findings.add(loc, expected, "type")
    return type(value) is str


_AS_COLUMN: Final = Datetime()
_START: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a text without a zone stays without one
_DATE_LENGTH: Final = len("1970-01-01")
_NANOSECONDS: Final = 1000  # of the microsecond that is the finest `datetime` has


@dataclass(frozen=True, slots=True)
class Moment:
    """ISO 8601 as in columns, no finer than microseconds; a zone is converted to UTC and kept."""

    nullable: bool = True

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON string with its format."""
        return _AS_COLUMN.schema

    def convert(self, values: Sequence[Any]) -> Values | None:
        """ISO 8601 texts that `datetime.fromisoformat` reads, with +00:00 where a zone was sent."""
        times = _AS_COLUMN.convert(values)
        if times is None or any(time % _NANOSECONDS for time in times):
            return None
        return [_text(value, time) for value, time in zip(values, times, strict=True)]

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Wrong are what columns refuse, and nanoseconds."""
        if _AS_COLUMN.convert((value,)) is None:
            _AS_COLUMN.examine(value, loc, findings)
        elif self.convert((value,)) is None:
            findings.add(loc, "must not be finer than microseconds", "precision")


def iso_text(value: str) -> str:
    """A param's date or datetime as MLflow hands it on: in UTC, without a zone; a date as it is."""
    if len(value) == _DATE_LENGTH:
        return value
    return (_START + timedelta(microseconds=nanoseconds(value) // _NANOSECONDS)).isoformat()


def _text(sent: str, time: int) -> str:
    text = (_START + timedelta(microseconds=time // _NANOSECONDS)).isoformat()
    tail = sent[_DATE_LENGTH:]
    zoned = tail[-1:] in {"Z", "z"} or "+" in tail or "-" in tail
    return text + "+00:00" if zoned else text
