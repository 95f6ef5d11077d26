"""A request's bytes as JSON, or one error that says where they stop being it."""

from typing import Any, Final

import orjson

from service.contract.findings import BODY, refuse
from service.errors import UnsupportedMediaType

JSON: Final = "application/json"
_NO_MEMORY: Final = "Not enough memory"
_OTHERS: Final = "The media type is not supported; send application/json in UTF-8, or text/csv."


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
        if error.msg.startswith(_NO_MEMORY):
            raise MemoryError from None
        place = f"line {error.lineno}, column {error.colno}"
        raise refuse(BODY, f"must be JSON; it fails at {place}", "json_invalid") from None
    if type(document) is not dict:
        raise refuse(BODY, "must be a JSON object", "format")
    return document
