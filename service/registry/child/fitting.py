"""Which of an example's rows a client could send: older releases took any that the model took."""

import sys
from collections.abc import Collection, Mapping
from typing import Any, Final

import orjson

from service.contract.contract import RequestLimits
from service.contract.definition import Definition
from service.errors import ClientError, FieldError, InvalidInput, VersionFault

_UNLIMITED: Final = RequestLimits(max_rows=sys.maxsize, max_errors=sys.maxsize)


def fitting(
    request: bytes, signature: Mapping[str, str | None] | None, *, from_type_hint: bool
) -> bytes | None:
    """The request with those rows alone that fit the signature; None if there are none.

    Older releases could not say that a number may be missing, and gave the model NaN for it. What
    no signature speaks for fits; what nobody can read is left to the gate that refuses it.
    """
    try:
        contract = Definition(signature or {}, from_type_hint, _UNLIMITED).compile()
    except VersionFault:
        return request
    for _ in range(2):
        try:
            rows = contract.parse(request, "application/json").rows
        except InvalidInput as error:
            request = _without(request, _rows(error.errors))
        except ClientError:
            return None
        else:
            return request if rows else None
    return None


def _rows(errors: Collection[FieldError]) -> frozenset[int]:
    """The rows that errors stand in, by the place of the row in each format."""
    places = [error.loc[3 if "dataframe_split" in error.loc else 2 :] for error in errors]
    return frozenset(place[0] for place in places if place and isinstance(place[0], int))


def _without(request: bytes, rows: Collection[int]) -> bytes:
    body = orjson.loads(request)
    return orjson.dumps({form: _left(form, part, rows) for form, part in body.items()})


def _left(form: str, part: Any, rows: Collection[int]) -> Any:
    if form == "dataframe_split" and isinstance(part, dict):
        kept = {key: _but(part[key], rows) for key in ("data", "index") if key in part}
        return {**part, **kept}
    return _but(part, rows) if form in ("dataframe_records", "inputs", "instances") else part


def _but(listed: Any, rows: Collection[int]) -> Any:
    if not isinstance(listed, list):
        return listed
    return [each for place, each in enumerate(listed) if place not in rows]
