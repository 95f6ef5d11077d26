"""Mistakes that are seen from several keys together, told beside those of each key alone.

A validator of pydantic's that runs after others does not run where one of them has refused: whoever
mends a policy would be told of one mistake, and then of the next.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Place = tuple[str | int, ...]
Mistake = tuple[Place, str]
_OfPolicy = TypeVar("_OfPolicy")


def told_together(
    value: Any, handler: Callable[[Any], _OfPolicy], mistakes: Iterable[Mistake]
) -> _OfPolicy:
    """What `handler` makes of the value. Raises `ValidationError` of its mistakes and of these."""
    wrong = [_details(place, text) for place, text in mistakes]
    try:
        found = handler(value)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False, include_context=False)
        wrong = [*(_details(each["loc"], each["msg"]) for each in told), *wrong]
    if wrong:
        raise ValidationError.from_exception_data("policy", wrong)
    return found


def _details(place: Place, text: str) -> InitErrorDetails:
    kind = PydanticCustomError("policy", text)
    return InitErrorDetails(type=kind, loc=place, input=None)
