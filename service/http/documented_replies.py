"""What the OpenAPI document says of each protocol's replies by HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.http.openapi_parts import REPLY_HEADERS, body_of, text, whole
from service.protocols.mlflow import MlflowProtocol
from service.protocols.podium import PodiumProtocol


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
    "400": "Reading the body takes more than is allowed.",
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
