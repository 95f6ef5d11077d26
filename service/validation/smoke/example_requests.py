"""Requests of few rows and of many, made of an example that a version reads, in its own format."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from service.contract.formats.table_formats import FORMATS
from service.errors import ClientError
from service.validation.trial.version_on_trial import VersionOnTrial

ExampleDocument = Mapping[str, Any]


def picked(document: ExampleDocument, places: Sequence[int]) -> bytes | None:
    """A body of those rows, which may be repeated; None where the format has no rows to tell apart.

    Whether a list is rows depends on the signature: whoever asks looks at what the contract makes
    of the body.
    """
    found = [form for form in FORMATS if form in document]
    if len(found) != 1:
        return None
    try:
        part = _PICKED[found[0]](document[found[0]], places)
    except (IndexError, TypeError, KeyError):
        return None
    return None if part is None else orjson.dumps({**document, found[0]: part})


def _of_split(payload: Any, places: Sequence[int]) -> Any:
    # An index would stand there twice.
    kept = {key: value for key, value in payload.items() if key == "columns"}
    return {**kept, "data": _of_list(payload["data"], places)}


def _of_list(payload: Any, places: Sequence[int]) -> Any:
    return [payload[place] for place in places] if isinstance(payload, list) else None


def _of_inputs(payload: Any, places: Sequence[int]) -> Any:
    if not isinstance(payload, dict):
        return _of_list(payload, places)
    if not payload or not all(isinstance(each, list) for each in payload.values()):
        return None
    if len({len(each) for each in payload.values()}) != 1:
        return None
    return {name: _of_list(each, places) for name, each in payload.items()}


_PICKED: Final[Mapping[str, Callable[[Any, Sequence[int]], Any]]] = {
    "dataframe_split": _of_split,
    "dataframe_records": _of_list,
    "instances": _of_inputs,
    "inputs": _of_inputs,
}


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
