"""The small pieces that descriptions of replies are made of."""

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string"}

REPLY_HEADERS: Mapping[str, Any] = {
    "Podium-Model": {"schema": _TEXT, "description": "The model's name, percent-encoded UTF-8."},
    "Podium-Alias": {"schema": _TEXT, "description": "The alias asked for, percent-encoded."},
    "Podium-Version": {"schema": _TEXT, "description": "The version that computed the reply."},
    "X-Request-ID": {"schema": _TEXT, "description": "The request's id: yours, if you sent one."},
}


def text(names: str) -> dict[str, Any]:
    """Properties of type string; `names` are parted by spaces."""
    return dict.fromkeys(names.split(), _TEXT)


def whole(properties: Mapping[str, Any]) -> dict[str, Any]:
    """An object that has all of these properties."""
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def body_of(
    component: str, description: str, headers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A JSON reply in the shape of the component of that name."""
    schema = {"$ref": f"#/components/schemas/{component}"}
    reply = {"description": description, "content": {"application/json": {"schema": schema}}}
    return reply if headers is None else reply | {"headers": dict(headers)}


# A range, because FastAPI lists a 422 of its own beside any single status.
UNKNOWN_MODEL: dict[int | str, dict[str, Any]] = {
    "4XX": body_of("Problem", "This service follows no model and alias of that name.")
}
