"""Dates and times that become Python's `datetime`, for models with a type hint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from service.contract.findings import Findings, Loc
from service.contract.model_input import Values
from service.contract.types.texts import Datetime, nanoseconds

_COLUMN: Final = Datetime()
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a text without a zone stays without one
_DATE_LENGTH: Final = len("1970-01-01")
_NANOSECONDS: Final = 1000  # of the microsecond that is the finest `datetime` has


@dataclass(frozen=True, slots=True)
class Moment:
    """ISO 8601 as in columns, no finer than microseconds; a zone is converted to UTC and kept."""

    nullable: bool = True

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON string with its format."""
        return _COLUMN.schema

    def convert(self, values: Sequence[Any]) -> Values | None:
        """ISO 8601 texts that `datetime.fromisoformat` reads, with +00:00 where a zone was sent."""
        times = _COLUMN.convert(values)
        if times is None or any(time % _NANOSECONDS for time in times):
            return None
        return [_text(value, time) for value, time in zip(values, times, strict=True)]

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Wrong are what columns refuse, and nanoseconds."""
        if _COLUMN.convert((value,)) is None:
            _COLUMN.examine(value, loc, findings)
        elif self.convert((value,)) is None:
            findings.add(loc, "must not be finer than microseconds", "precision")


def iso_text(value: str) -> str:
    """A param's date or datetime as MLflow hands it on: in UTC, without a zone; a date as it is."""
    if len(value) == _DATE_LENGTH:
        return value
    return (_EPOCH + timedelta(microseconds=nanoseconds(value) // _NANOSECONDS)).isoformat()


def _text(sent: str, time: int) -> str:
    text = (_EPOCH + timedelta(microseconds=time // _NANOSECONDS)).isoformat()
    tail = sent[_DATE_LENGTH:]
    zoned = tail[-1:] in {"Z", "z"} or "+" in tail or "-" in tail
    return text + "+00:00" if zoned else text
