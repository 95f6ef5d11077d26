"""The OpenAPI document of what serves now.

Predictions are typed operations with a concrete path per slot, from the signature and the example
of the version that serves; made anew only after a swap. Names are hostile: they stand in paths
percent-encoded and in summaries and tags as text, never in descriptions, which pages render.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import RedirectResponse

from service.following.servable import Binding
from service.following.slots import Slot, Slots
from service.http.access import Admin, ApiKeys, Readers
from service.http.dialect import Dialect
from service.http.documented import Documented, documented
from service.http.prefix import FORWARDED, PREFIX
from service.http.reload import ADMIN
from service.http.written import cut, json_object, json_text, reply
from service.processes.beside import Beside

KEY = "key"
"""The name of the API keys among the security schemes."""
_DEPENDS: Final = {"vary": FORWARDED.decode()}


class Document:
    """The document's bytes, kept until a slot's binding changes; written beside the loop."""

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
        self._beside = Beside("document")
        self._turn = asyncio.Lock()
        self._made_of: Sequence[Binding | None] = ()
        self._documented: Sequence[Documented] = ()
        self._others: dict[str, Any] = {}
        self._pieces: Sequence[bytes] = ()

    async def pieces(self) -> Sequence[bytes]:
        """JSON, for `reply`; each call after a swap describes the new version.

        However many ask at once, it is written once.
        """
        async with self._turn:
            bindings = [slot.binding for slot in self._slots.values()]
            if not self._pieces or bindings != self._made_of:
                self._pieces = await self._beside.run(self._write, bindings)
                self._made_of = bindings
            return self._pieces

    def _write(self, bindings: Sequence[Binding | None]) -> Sequence[bytes]:
        # Only what has changed is described anew.
        self._documented = [
            kept
            if kept is not None and kept.binding is binding
            else documented(binding, f"model_{number}")
            for number, (kept, binding) in enumerate(zip_longest(self._documented, bindings), 1)
        ]
        self._others = self._others or self._pages()
        written = {key: json_text(value) for key, value in self._others.items()}
        paths = {path: json_text(value) for path, value in self._others["paths"].items()}
        written["paths"] = json_object(self._predictions() | paths)
        written["components"] = self._components()
        return cut([json_object(written)])

    def _pages(self) -> dict[str, Any]:
        app = self._app
        pages = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        return {"components": {}, **pages}

    def _components(self) -> bytes:
        components = dict(self._others["components"])
        if self._security:
            components["securitySchemes"] = dict(self._security)
        schemas = dict(components.get("schemas", {}))
        for dialect in self._dialects:
            schemas |= dialect.schemas
        written = {key: json_text(value) for key, value in components.items()}
        parts = {name: json_text(schema) for name, schema in schemas.items()}
        examples: dict[str, bytes] = {}
        for each in self._documented:
            parts |= each.schemas
            examples |= each.examples
        written["schemas"] = json_object(parts)
        return json_object(written | ({"examples": json_object(examples)} if examples else {}))

    def _predictions(self) -> dict[str, bytes]:
        default = self._slots.default
        paths = self._paths("", "default", default, self._documented[0])
        for number, (key, slot) in enumerate(self._slots.items(), start=1):
            prefix, said = f"/models/{quote(key, safe='@')}", self._documented[number - 1]
            paths |= self._paths(prefix, f"model_{number}", slot, said)
        return paths

    def _paths(self, prefix: str, scope: str, slot: Slot, said: Documented) -> dict[str, bytes]:
        keyed = KEY in self._security
        return {
            f"{prefix}/{dialect.route}": json_object(
                {"post": _operation(slot, dialect, scope, said, keyed=keyed)}
            )
            for dialect in self._dialects
        }


def security(keys: ApiKeys | None, admin: Admin) -> Mapping[str, Any]:
    """OpenAPI's security schemes by name: those that this service asks for."""
    asked = {KEY: keys is not None, ADMIN: admin.exists}
    return {name: {"type": "http", "scheme": "bearer"} for name, needed in asked.items() if needed}


def docs_router(
    app: FastAPI,
    slots: Slots,
    dialects: Sequence[Dialect],
    security: Mapping[str, Any],
    readers: Readers,
) -> APIRouter:
    """`/openapi.json`, and `/`, which leads to `/docs`; neither lists itself.

    The document is for `readers` alone. `security` are the security schemes by name.
    """
    router = APIRouter(include_in_schema=False)
    document = Document(app, slots, dialects, security)

    @router.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        readers.require(request)
        prefix = request.scope.get(PREFIX, "")
        return reply(_below(prefix, await document.pieces()), more=_DEPENDS)

    @router.get("/")
    async def root(request: Request) -> Response:
        # Relative where nobody has said whether a proxy stands before this.
        prefix = request.scope.get(PREFIX, ".")
        return RedirectResponse(f"{prefix}/docs", status_code=307)

    return router


def _below(prefix: str, pieces: Sequence[bytes]) -> Sequence[bytes]:
    """The document for who asks below that prefix, where requests go to as well."""
    if not prefix:
        return pieces
    servers = json_text([{"url": prefix}])
    return [b'{"servers":%b,%b' % (servers, pieces[0][1:]), *pieces[1:]]


def _operation(slot: Slot, dialect: Dialect, scope: str, said: Documented, *, keyed: bool) -> bytes:
    operation = {
        "tags": [str(slot.ref)],
        "summary": f"{dialect.route} with {slot.ref}",
        "operationId": f"{dialect.route}_{scope}",
        "responses": dict(dialect.responses),
    }
    operation |= _keyed(dialect) if keyed else {}
    body = json_object({"required": b"true", "content": said.content})
    return json_object(
        {key: json_text(value) for key, value in operation.items()} | {"requestBody": body}
    )


def _keyed(dialect: Dialect) -> dict[str, Any]:
    # A protocol has one shape for all that it refuses without having read the body.
    refused = dialect.responses["405"] | {"description": "No API key that this service knows."}
    return {"security": [{KEY: []}], "responses": {**dialect.responses, "401": refused}}
