"""Podium's own protocol: a reply names the version that computed it, a refusal every field.

`{"predictions": ..., "model": {"name", "alias", "version"}}`; invalid input 422 with
`{"code", "request_id", "detail": [{"loc", "msg", "type"}]}`; any other error
`{"code", "detail", "request_id"}`.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from service.errors import FieldError, InvalidInput, ServiceError
from service.following.servable import Binding
from service.http.errors import status_of
from service.http.openapi_parts import REPLY_HEADERS, body_of, text, whole


class PodiumDialect:
    """Podium's own protocol, also for everything that is no prediction."""

    route = "predict"
    wraps_chats = True

    def enclosure(self, binding: Binding) -> tuple[bytes, bytes]:
        """The predictions first, then who computed them."""
        model = {
            "name": binding.ref.name,
            "alias": binding.ref.alias,
            "version": binding.servable.version.version,
        }
        return b'{"predictions":', b',"model":' + orjson.dumps(model) + b"}"

    def refusal(self, error: ServiceError, request_id: str) -> tuple[int, bytes]:
        """The error's own words, or its fields; never anything that the client sent (P14)."""
        detail = (
            [_field(one) for one in error.errors]
            if isinstance(error, InvalidInput)
            else error.message
        )
        body = {"code": error.code, "detail": detail, "request_id": request_id}
        return status_of(error), orjson.dumps(body)

    @property
    def responses(self) -> Mapping[str, Any]:
        """One version's answer, or a refusal with a stable code."""
        problem = "Problem"
        return {
            "200": body_of("Prediction", "The predictions of one version.", REPLY_HEADERS),
            "400": body_of(problem, "Reading the body takes more than is allowed."),
            "405": body_of(problem, "The route takes POST alone."),
            "408": body_of(problem, "The rest of the body did not come in time."),
            "410": body_of(problem, "An operator has withdrawn the version."),
            "413": body_of(problem, "The body is too large."),
            "415": body_of(problem, "The media type or encoding is not read here."),
            "422": body_of("InvalidRequest", "The body does not fit the signature."),
            "500": body_of(problem, "The model failed on this request."),
            "503": body_of(problem, "No version can answer now, or too much is waiting."),
            "504": body_of(problem, "The model took too long."),
        }

    @property
    def schemas(self) -> Mapping[str, Any]:
        """The shapes named in this module's first lines."""
        field = whole(
            {"loc": {"type": "array", "items": {"type": ["string", "integer"]}}} | text("msg type")
        )
        return {
            "Prediction": whole({"predictions": {}, "model": whole(text("name alias version"))}),
            "Problem": whole(text("code detail request_id")),
            "InvalidRequest": whole(
                text("code request_id") | {"detail": {"type": "array", "items": field}}
            ),
        }


def _field(error: FieldError) -> Mapping[str, Any]:
    return {"loc": error.loc, "msg": error.msg, "type": error.type}
