"""What every part of a policy has in common: frozen, no unknown keys, plain numbers."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


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
