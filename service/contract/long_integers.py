"""Integers of more than 64 bits, which orjson reads as the doubles next to them.

A double is what a column of doubles makes of them anyway, and no type of whole numbers reaches that
far. Where a value is handed on as it was sent, in a column of any type or as an index, it must be
known that an integer was meant: only for these is a body with so many digits read once more.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from service.contract.findings import BODY, refuse

_LEAST: Final = -(1 << 63)
_MOST: Final = (1 << 64) - 1
_DIGITS: Final = bytes.maketrans(b"123456789", b"0" * 9)
# Of -2**63 - 1, the shortest that does not fit.
_FEWEST: Final = b"0" * 19

WITHIN_64_BITS: Final = f"between {_LEAST} and {_MOST}"


class LongInteger(int):
    """One that fits 64 bits neither with a sign nor without."""


def with_long_integers(document: dict[str, Any], body: bytes) -> dict[str, Any]:
    """The document that orjson has read from the body, with a `LongInteger` for each of those.

    The same object where the body has no digits so many. Raises `InvalidInput` for nesting that
    Python's own reader does not follow.
    """
    if _FEWEST not in body.translate(_DIGITS):
        return document
    try:
        exact: dict[str, Any] = json.loads(body.decode(), parse_int=_integer)
    except RecursionError:
        raise refuse(BODY, "must not be nested so deep beside long numbers", "nesting") from None
    return exact


def has_floats_for_index(document: Mapping[str, Any]) -> bool:
    """Whether `dataframe_split` has an index in which an integer may have been rounded."""
    split = document.get("dataframe_split")
    if type(split) is not dict or "index" not in split:
        return False
    index = split["index"]
    return type(index) is list and float in map(type, index)


def _integer(digits: str) -> int:
    value = int(digits)
    return value if _LEAST <= value <= _MOST else LongInteger(value)
