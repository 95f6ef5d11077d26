"""Podium's own protocol: a reply names the version that computed it, a refusal every field.

`{"predictions": ..., "model": {"name", "alias", "version"}}`; invalid input as
`{"code", "request_id", "detail": [{"loc", "msg", "type"}]}`; any other error as
`{"code", "detail", "request_id"}`.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from service.errors import FieldError, InvalidInput, ServiceError
from service.following.servable import Binding
from service.protocols.protocol import Enclosure, by_media_type


class PodiumProtocol:
    """Podium's own protocol, also for everything that is not a prediction."""

    route = "predict"
    parse = staticmethod(by_media_type)

    def enclosure(self, binding: Binding) -> Enclosure:
        """The predictions first, then who computed them."""
        model = {
            "name": binding.ref.name,
            "alias": binding.ref.alias,
            "version": binding.servable.version.version,
        }
        wrapped = b'{"predictions":', b',"model":' + orjson.dumps(model) + b"}"
        return Enclosure(wrapped, wrapped)

    def refuse(self, error: ServiceError, request_id: str) -> tuple[str, bytes]:
        """The error's own words, or its fields; never anything that the client sent (P14)."""
        detail = (
            [_field(one) for one in error.errors]
            if isinstance(error, InvalidInput)
            else error.message
        )
        body = {"code": error.code, "detail": detail, "request_id": request_id}
        return error.code, orjson.dumps(body)


def _field(error: FieldError) -> Mapping[str, Any]:
    return {"loc": error.loc, "msg": error.msg, "type": error.type}
