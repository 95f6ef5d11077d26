"""What the OpenAPI document says of replies: the pieces that it is made of, and each protocol's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.protocols.mlflow import MlflowProtocol
from service.protocols.open_inference import OpenInferenceProtocol
from service.protocols.podium import PodiumProtocol

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


def refused(sentence: str) -> dict[int | str, dict[str, Any]]:
    """A route's refusals: a range, as FastAPI lists a 422 of its own beside a single status."""
    return {"4XX": body_of("Problem", sentence)}


UNKNOWN_MODEL: Final = refused("This service follows no model and alias of that name.")


@dataclass(frozen=True, slots=True)
class DocumentedReplies:
    """One protocol's.

    Attributes:
        route: the last part of its paths.
        responses: the replies by status.
        schemas: the components that `responses` refers to.
    """

    route: str
    responses: Mapping[str, Any]
    schemas: Mapping[str, Any]


# What no protocol answers otherwise, by status.
_REFUSED: Final = {
    "400": "Reading the body takes more than is allowed, or it is not compressed as it says.",
    "405": "The route takes POST alone.",
    "408": "The rest of the body did not come in time.",
    "410": "An operator has withdrawn the version.",
    "413": "The body is too large.",
    "415": "The media type or encoding is not read here.",
    "500": "The model failed on this request.",
    "503": "No version can answer now, or too much is waiting.",
    "504": "The model took too long.",
}
_FIELD: Final = whole(
    {"loc": {"type": "array", "items": {"type": ["string", "integer"]}}} | text("msg type")
)
_BARE: Final = {
    "title": "Predictions",
    "description": "Not wrapped, in answer to a chat-style body.",
}
_OPTIONAL: Final = {"properties": text("error_code message sqlstate error_class")}


def _responses(answer: str, error: str) -> dict[str, Any]:
    answered = body_of(answer, "The predictions of one version.", REPLY_HEADERS)
    refused = {status: body_of(error, sentence) for status, sentence in _REFUSED.items()}
    return {"200": answered, **refused}


DOCUMENTED_REPLIES: Final = (
    DocumentedReplies(
        PodiumProtocol.route,
        _responses("Prediction", "Problem")
        | {"422": body_of("InvalidRequest", "The body does not fit the signature.")},
        {
            "Prediction": whole({"predictions": {}, "model": whole(text("name alias version"))}),
            "Problem": whole(text("code detail request_id")),
            "InvalidRequest": whole(
                text("code request_id") | {"detail": {"type": "array", "items": _FIELD}}
            ),
        },
    ),
    DocumentedReplies(
        MlflowProtocol.route,
        _responses("Invocation", "MlflowError")
        | {
            "400": body_of(
                "MlflowError", "The body does not fit the signature, or cannot be read."
            ),
            "default": body_of(
                "MlflowError", "The model raised an exception of MLflow's with this status."
            ),
        },
        {
            "Invocation": {"anyOf": [whole({"predictions": {}}), _BARE]},
            "MlflowError": whole(text("error_code message")) | _OPTIONAL,
        },
    ),
)
"""Of each protocol that HTTP carries."""

OPEN_INFERENCE: Final = DocumentedReplies(
    OpenInferenceProtocol.route,
    _responses("InferReply", "OpenInferenceError")
    | {"400": body_of("OpenInferenceError", "The body does not fit the signature.")},
    {"InferReply": {"type": "object"}, "OpenInferenceError": whole(text("error"))},
)
"""Of the protocol whose paths have a form of their own; a version's own outputs are said there."""
REFUSED_TENSORS: Final[Mapping[int | str, dict[str, Any]]] = {
    "4XX": body_of("OpenInferenceError", "No such model, or it may not be asked."),
    "503": body_of("OpenInferenceError", "No version of it can answer now."),
}
