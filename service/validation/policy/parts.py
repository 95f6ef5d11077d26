"""What every part of a policy has in common: frozen, no unknown keys, plain numbers."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Place = tuple[str | int, ...]
Mistake = tuple[Place, str]
_OfPolicy = TypeVar("_OfPolicy")


class PolicyPart(BaseModel):
    """A section of the policy; a key that it does not know is a mistake, never passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def _no_boolean(value: Any) -> Any:
    # YAML reads `yes` as true, which would pass as the number 1.
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic's own form of a refusal
    return value


Number = Annotated[float, BeforeValidator(_no_boolean), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Whole = Annotated[int, BeforeValidator(_no_boolean), Field(ge=1)]
Rows = Annotated[int, BeforeValidator(_no_boolean), Field(ge=0)]


def told_together(
    value: Any, handler: Callable[[Any], _OfPolicy], mistakes: Iterable[Mistake]
) -> _OfPolicy:
    """What `handler` makes of the value. Raises `ValidationError` of its mistakes and of these.

    These are seen from several keys together. A validator of pydantic's that runs after others does
    not run where one of them has refused: whoever mends a policy would be told of one, then of the
    next.
    """
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
