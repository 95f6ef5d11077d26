"""Requests of few rows and of many, made of an example that a version reads."""

from dataclasses import dataclass

import orjson

from service.errors import ClientError
from service.validation.smoke.example_rows import picked
from service.validation.trial.version_on_trial import VersionOnTrial


@dataclass(frozen=True, slots=True)
class ExampleRequests:
    """Of an example in JSON, as `version` reads it.

    Attributes:
        whole: whether it is one input, whose rows mean nothing apart.
    """

    version: VersionOnTrial
    example: bytes
    whole: bool = False

    async def count(self) -> int | None:
        """The example's rows; None where they cannot be told apart, or nothing can be read."""
        if self.whole:
            return None
        try:
            rows = (await self.version.read(self.example)).rows
            one = picked(orjson.loads(self.example), [0])
            if not rows or one is None:
                return None
            return rows if (await self.version.read(one)).rows == 1 else None
        except ClientError:
            return None

    def many(self, rows: int, count: int, first: int = 0) -> bytes:
        """A request of so many of the example's `count` rows from one on, again and again."""
        places = [(first + place) % count for place in range(rows)]
        body = picked(orjson.loads(self.example), places)
        if body is None:
            raise RuntimeError("rows that were told apart before")
        return body
