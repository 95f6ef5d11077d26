"""Everything wrong with one request is gathered before any of it is refused.

The types of field errors, which programs may rely on:

================ ==================================================================
json_invalid     the body is not JSON (RFC 8259; NaN, Infinity and a BOM are not JSON)
csv_invalid      the body is not CSV (RFC 4180), or has no header
parquet_invalid  the body is not a Parquet file
format           the body, or one of its parts, is not laid out as any format asks
missing          something required is not there
null             null where the signature asks for a value
type             another JSON type than the signature's
fraction         a fraction where a whole number is asked for
out_of_range     a number or time that the signature's type cannot hold
precision        an integer that a floating-point type would round
base64           text that is not base64
datetime         text that is not an ISO 8601 date or date-time
nul              text or bytes that end with a zero, where numpy would drop it
shape            lists of other lengths or depths than asked for
unknown_property an object has a property that the signature does not have
nesting          lists and objects within each other, deeper than the service takes
duplicate_column one column twice
too_many_rows    more rows than the service takes at once
too_many_columns more columns than a model without a signature can be handed
refused          what MLflow, its class of chats, or the type hint refuses for its own reasons
more             always last: how many errors at least are not listed
================ ==================================================================

Neither places nor messages repeat what a client has sent: they hold positions, the signature's own
names, and what was expected (P14).
"""

import enum
from collections.abc import Iterable
from typing import Final, Literal

from service.errors import FieldError, InvalidInput

Loc = tuple[str | int, ...]

ErrorType = Literal[
    "json_invalid",
    "csv_invalid",
    "parquet_invalid",
    "format",
    "missing",
    "null",
    "type",
    "fraction",
    "out_of_range",
    "precision",
    "base64",
    "datetime",
    "nul",
    "shape",
    "unknown_property",
    "nesting",
    "duplicate_column",
    "too_many_rows",
    "too_many_columns",
    "refused",
    "more",
]

BODY: Final[Loc] = ("body",)
INPUTS: Final[Loc] = (*BODY, "inputs")
"""Where named tensors stand."""


class Hole(enum.Enum):
    """Stands in a column for a value that cannot be looked at."""

    REPORTED = enum.auto()  # what is wrong with it was added to the findings already


class Findings:
    """The errors of one request: the first `limit` in full, the rest counted."""

    __slots__ = ("_errors", "_limit", "_unlisted")

    def __init__(self, limit: int) -> None:
        self._errors: list[FieldError] = []
        self._limit = limit
        self._unlisted = 0

    def __bool__(self) -> bool:
        return bool(self._errors)

    @property
    def full(self) -> bool:
        """Whether there is more than is listed: time to stop looking any further.

        A small body can be wrong in very many places.
        """
        return self._unlisted > 0

    def add(self, loc: Loc, expected: str, type_: ErrorType) -> None:
        """Notes one error; `expected` completes a sentence about what stands at `loc`."""
        if len(self._errors) < self._limit:
            self._errors.append(FieldError(loc, expected, type_))
        else:
            self._unlisted += 1

    def add_all(self, locs: Iterable[Loc], expected: str, type_: ErrorType) -> None:
        """Notes the same error at several places."""
        for loc in locs:
            self.add(loc, expected, type_)

    def error(self) -> InvalidInput:
        """What to raise: all of them in the order in which they were found."""
        errors = list(self._errors)
        if self._unlisted:
            text = f"and at least {self._unlisted} more that are not listed"
            errors.append(FieldError(BODY, text, "more"))
        return InvalidInput(tuple(errors))


def refuse(loc: Loc, expected: str, type_: ErrorType) -> InvalidInput:
    """The error to raise where one thing is wrong and nothing further can be looked at."""
    return InvalidInput((FieldError(loc, expected, type_),))
