"""The OpenAPI document of what serves now, and a page to try it.

Predictions are typed operations with a concrete path per slot, from the signature and the example
of the version that serves; made anew only after a swap. Names are hostile: they stand in paths
percent-encoded and in summaries and tags as text, never in descriptions, which pages render.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import RedirectResponse

from service.following.servable import Binding
from service.following.slots import Slot, Slots
from service.http.access import Admin, ApiKeys
from service.http.described import serving_example
from service.http.dialect import Dialect
from service.http.reload import ADMIN

_ANY_BODY: Mapping[str, Any] = {"type": "object"}
_JSON = "application/json"
KEY = "key"
"""The name of the API keys among the security schemes."""


class Document:
    """The document's bytes, kept until a slot's binding changes."""

    def __init__(
        self,
        app: FastAPI,
        slots: Slots,
        dialects: Sequence[Dialect],
        security: Mapping[str, Any],
    ) -> None:
        self._security = security
        self._app = app
        self._slots = slots
        self._dialects = dialects
        self._made_of: tuple[Binding | None, ...] | None = None
        self._text = b""

    def text(self) -> bytes:
        """JSON; each call after a swap describes the new version."""
        bindings = tuple(slot.binding for slot in self._slots.values())
        if bindings != self._made_of:
            self._text = orjson.dumps(self._make())
            self._made_of = bindings
        return self._text

    def _make(self) -> dict[str, Any]:
        app = self._app
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        document["paths"] = self._predictions() | document["paths"]
        components = document.setdefault("components", {})
        if self._security:
            components["securitySchemes"] = dict(self._security)
        schemas = components.setdefault("schemas", {})
        for dialect in self._dialects:
            schemas |= dialect.schemas
        return document

    def _predictions(self) -> dict[str, Any]:
        paths = self._paths("", "default", self._slots.default)
        for number, (key, slot) in enumerate(self._slots.items(), start=1):
            paths |= self._paths(f"/models/{quote(key, safe='@')}", f"model_{number}", slot)
        return paths

    def _paths(self, prefix: str, scope: str, slot: Slot) -> dict[str, Any]:
        return {
            f"{prefix}/{dialect.route}": {
                "post": _operation(slot, dialect, scope, keyed=KEY in self._security)
            }
            for dialect in self._dialects
        }


def security(keys: ApiKeys | None, admin: Admin) -> Mapping[str, Any]:
    """OpenAPI's security schemes by name: those that this service asks for."""
    asked = {KEY: keys is not None, ADMIN: admin.exists}
    return {name: {"type": "http", "scheme": "bearer"} for name, needed in asked.items() if needed}


def docs_router(
    app: FastAPI, slots: Slots, dialects: Sequence[Dialect], security: Mapping[str, Any]
) -> APIRouter:
    """`/openapi.json` and `/docs`, and `/`, which leads there; none lists itself.

    `security` are the security schemes by name.
    """
    router = APIRouter(include_in_schema=False)
    document = Document(app, slots, dialects, security)

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return Response(document.text(), media_type=_JSON)

    @router.get("/docs")
    async def docs() -> Response:
        return get_swagger_ui_html(openapi_url="openapi.json", title=app.title)

    @router.get("/")
    async def root() -> Response:
        # Relative, as the document's address is: the service may stand below a proxy's prefix.
        return RedirectResponse("./docs", status_code=307)

    return router


def _operation(slot: Slot, dialect: Dialect, scope: str, *, keyed: bool) -> dict[str, Any]:
    operation = {
        "tags": [str(slot.ref)],
        "summary": f"{dialect.route} with {slot.ref}",
        "operationId": f"{dialect.route}_{scope}",
        "requestBody": {"required": True, "content": _contents(slot.binding)},
        "responses": dict(dialect.responses),
    }
    return operation | _keyed(dialect) if keyed else operation


def _keyed(dialect: Dialect) -> dict[str, Any]:
    # A protocol has one shape for all that it refuses without having read the body.
    refused = dialect.responses["405"] | {"description": "No API key that this service knows."}
    return {"security": [{KEY: []}], "responses": {**dialect.responses, "401": refused}}


def _contents(binding: Binding | None) -> dict[str, Any]:
    others = () if binding is None else binding.servable.contract.media_types[1:]
    return {_JSON: _request(binding)} | {name: {} for name in others}


def _request(binding: Binding | None) -> dict[str, Any]:
    if binding is None:
        return {"schema": _ANY_BODY}
    request = {"schema": binding.servable.contract.request_schema}
    example = serving_example(binding.servable)
    return request if example is None else request | {"example": example}
