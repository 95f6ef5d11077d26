"""The tag of a version that says how its validation stands, by the key and words of a house."""

from dataclasses import dataclass
from typing import Final, Self

_WORDS: Final = 3


class BadStatus(ValueError):
    """A status tag that cannot be meant so."""


@dataclass(frozen=True, slots=True)
class StatusTag:
    """The tag's key, and what it says."""

    key: str = "validation_status"
    pending: str = "pending"
    passed: str = "passed"
    failed: str = "failed"

    @classmethod
    def of(cls, key: str, values: str) -> Self:
        """Of a key, and three values with commas between them; raises `BadStatus`."""
        found = [each.strip() for each in values.split(",")]
        if not key.strip() or len(set(found)) != _WORDS or len(found) != _WORDS or not all(found):
            raise BadStatus("the status tag has a key, and three values that differ")
        return cls(key.strip(), *found)

    @property
    def words(self) -> tuple[str, str, str]:
        """What it says: pending, passed, failed."""
        return self.pending, self.passed, self.failed

    @property
    def passing(self) -> str:
        """The tag and the value of a version that has passed, as TAG=PASSED."""
        return f"{self.key}={self.passed}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of TAG=PASSED, or of TAG=PENDING,PASSED,FAILED; raises `BadStatus`."""
        key, _, words = text.partition("=")
        return cls.of(key, words if "," in words else f"pending,{words},failed")


DEFAULT_STATUS: Final = StatusTag()
