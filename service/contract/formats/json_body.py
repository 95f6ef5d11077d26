"""A request's bytes as JSON, or one error that says where they stop being it.

Integers of more than 64 bits orjson reads as the doubles next to them. A double is what a column of
doubles makes of them anyway, and no type of whole numbers reaches that far. Where a value is handed
on as it was sent, in a column of any type or as an index, it must be known that an integer was
meant: only for these is a body with so many digits read once more.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

from service.contract.findings import BODY, refuse
from service.errors import UnsupportedMediaType

JSON: Final = "application/json"
NO_MEMORY: Final = "Not enough memory"
"""How orjson begins to say so, in the class of its errors of syntax."""
_OTHERS: Final = "The media type is not supported; send application/json in UTF-8, or text/csv."
_LEAST: Final = -(1 << 63)
_MOST: Final = (1 << 64) - 1
_DIGITS: Final = bytes.maketrans(b"123456789", b"0" * 9)
# Of -2**63 - 1, the shortest that does not fit.
_FEWEST: Final = b"0" * 19

WITHIN_64_BITS: Final = f"between {_LEAST} and {_MOST}"


def check_media_type(media_type: str) -> None:
    """Raises `UnsupportedMediaType` for anything but JSON in UTF-8; no media type at all is JSON.

    Compared as RFC 9110, section 8.3.1, says: without regard to case, parameters allowed.
    """
    if not media_type or media_type == JSON:
        return
    essence, *parameters = (part.strip().lower() for part in media_type.split(";"))
    if essence != JSON:
        raise UnsupportedMediaType(_OTHERS)
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') != "utf-8":
            raise UnsupportedMediaType(_OTHERS)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that the body is; raises `InvalidInput`, and MemoryError for want of memory.

    RFC 8259 to the letter: NaN, Infinity, a byte order mark, lone surrogates and anything behind
    the value are refused, and so are numbers beyond double and nesting deeper than 1024. Of equal
    keys the last one counts.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith(NO_MEMORY):
            raise MemoryError from None
        place = f"line {error.lineno}, column {error.colno}"
        raise refuse(BODY, f"must be JSON; it fails at {place}", "json_invalid") from None
    if type(document) is not dict:
        raise refuse(BODY, "must be a JSON object", "format")
    return document


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
