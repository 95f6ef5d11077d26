"""The OpenAPI document of what serves now.

Predictions are typed operations with a concrete path per slot, from the signature and the example
of the version that serves; made anew only after a swap. Names are hostile: they stand in paths
percent-encoded and in summaries and tags as text, never in descriptions, which pages render.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import RedirectResponse

from service.config.prefix import FORWARDED, PREFIX
from service.following.servable import Binding
from service.following.slots import Slots
from service.http.access import ADMIN, Admin, ApiKeys, Readers
from service.http.codings import KNOWN
from service.http.documented import Documented, documented
from service.http.key_limits import EVERYTHING, Scoped
from service.http.open_inference import infer_path, of_name
from service.http.openapi_parts import DOCUMENTED_REPLIES, OPEN_INFERENCE, DocumentedReplies
from service.http.written import JSON, cut, json_object, json_text, reply
from service.processes.front.beside import Beside

KEY = "key"
"""The name of the API keys among the security schemes."""
_DEPENDS: Final = {"vary": FORWARDED.decode()}
_REFUSED_KEYS: Final = {
    "401": "The API key is missing, or this service does not know it.",
    "403": "The API key may not use this model.",
    "429": "The API key is over its rate.",
}
_BODY: Final = {
    "required": b"true",
    "description": json_text(f"May be compressed, by one Content-Encoding of: {KNOWN}."),
}
# Documents for keys that may ask some of the slots.
_KEPT: Final = 8


@dataclass(eq=False, repr=False)
class OpenApiDocument:
    """The document's bytes, kept until a slot's binding changes; written beside the loop.

    Who may ask some of the slots alone is shown those; of the latest few such documents each is
    kept, too.
    """

    _app: FastAPI
    _slots: Slots
    _security: Mapping[str, Any]
    _beside: Beside = field(default_factory=partial(Beside, "document"), init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _made_of: Mapping[str, Binding | None] = field(default_factory=dict, init=False)
    _documented: dict[str, Documented] = field(default_factory=dict, init=False)
    _others: dict[str, Any] = field(default_factory=dict, init=False)
    _written: dict[Scoped, Sequence[bytes]] = field(default_factory=dict, init=False)

    async def pieces(self, scope: Scoped = EVERYTHING) -> Sequence[bytes]:
        """JSON, for `reply`; each call after a swap describes the new version.

        However many ask at once, it is written once.
        """
        async with self._turn:
            bindings = {str(slot.ref): slot.binding for slot in self._slots.routed}
            if bindings != self._made_of or list(bindings) != list(self._made_of):
                self._written, self._made_of = {}, bindings
            if scope not in self._written:
                if len(self._written) >= _KEPT:
                    del self._written[next(iter(self._written))]
                shown = {key: each for key, each in bindings.items() if scope.admits(key)}
                self._written[scope] = await self._beside.run(self._write, bindings, shown)
            return self._written[scope]

    def _write(
        self, bindings: Mapping[str, Binding | None], shown: Mapping[str, Binding | None]
    ) -> Sequence[bytes]:
        # Only what has changed is described anew.
        before = self._documented
        self._documented = {
            key: before[key]
            if key in before and before[key].binding is binding
            else documented(binding, self._slots.label(key))
            for key, binding in bindings.items()
        }
        self._others = self._others or self._pages()
        written = {key: json_text(value) for key, value in self._others.items()}
        paths = {path: json_text(value) for path, value in self._others["paths"].items()}
        written["paths"] = json_object(self._predictions(shown) | paths)
        written["components"] = self._components(shown)
        return cut([json_object(written)])

    def _pages(self) -> dict[str, Any]:
        app = self._app
        pages = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        return {"components": {}, **pages}

    def _components(self, shown: Collection[str]) -> bytes:
        components = dict(self._others["components"])
        if self._security:
            components["securitySchemes"] = dict(self._security)
        schemas = dict(components.get("schemas", {}))
        for protocol in (*DOCUMENTED_REPLIES, OPEN_INFERENCE):
            schemas |= protocol.schemas
        written = {key: json_text(value) for key, value in components.items()}
        parts = {name: json_text(schema) for name, schema in schemas.items()}
        examples: dict[str, bytes] = {}
        for key in shown:
            parts |= self._documented[key].schemas
            examples |= self._documented[key].examples
        written["schemas"] = json_object(parts)
        return json_object(written | ({"examples": json_object(examples)} if examples else {}))

    def _predictions(self, shown: Collection[str]) -> dict[str, bytes]:
        paths: dict[str, bytes] = {}
        default = str(self._slots.default.ref) if self._slots.has_default else ""
        if default in shown:
            paths = self._paths("", "default", default, self._documented[default])
        for key in shown:
            prefix, said = f"/models/{quote(key, safe='@')}", self._documented[key]
            paths |= self._paths(prefix, self._slots.label(key), key, said)
            paths |= self._tensors(key, said)
        return paths

    def _tensors(self, key: str, said: Documented) -> dict[str, bytes]:
        """By name and alias, and by the name of which it is the first."""
        if not said.tensors:
            return {}
        scope, name = self._slots.label(key), key.rpartition("@")[0]
        called = {key: scope}
        first = of_name(self._slots, name)
        if first is not None and str(first.ref) == key:
            called[name] = f"{scope}_by_name"
        return {
            infer_path(quote(each, safe="@")): json_object(
                {"post": _infer(key, scope, said, keyed=KEY in self._security)}
            )
            for each, scope in called.items()
        }

    def _paths(self, prefix: str, scope: str, ref: str, said: Documented) -> dict[str, bytes]:
        keyed = KEY in self._security
        return {
            f"{prefix}/{protocol.route}": json_object(
                {"post": _operation(ref, protocol, scope, said, keyed=keyed)}
            )
            for protocol in DOCUMENTED_REPLIES
        }


def security(keys: ApiKeys | None, admin: Admin) -> Mapping[str, Any]:
    """OpenAPI's security schemes by name: those that this service asks for."""
    asked = {KEY: keys is not None, ADMIN: admin.exists}
    return {name: {"type": "http", "scheme": "bearer"} for name, needed in asked.items() if needed}


def docs_router(
    app: FastAPI,
    slots: Slots,
    security: Mapping[str, Any],
    readers: Readers,
) -> APIRouter:
    """`/openapi.json`, and `/`, which leads to `/docs`; neither lists itself.

    The document is for `readers` alone. `security` are the security schemes by name.
    """
    router = APIRouter(include_in_schema=False)
    document = OpenApiDocument(app, slots, security)

    @router.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        scope = readers.require(request)
        prefix = request.scope.get(PREFIX, "")
        return reply(_below(prefix, await document.pieces(scope)), more=_DEPENDS)

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


def _infer(ref: str, scope: str, said: Documented, *, keyed: bool) -> bytes:
    responses = OPEN_INFERENCE.responses
    outputs = {"schema": orjson.loads(said.answer)}
    content = {JSON: outputs, "application/octet-stream": {}}
    answered = {**responses["200"], "content": content}
    protocol = replace(OPEN_INFERENCE, responses={**responses, "200": answered})
    return _operation(ref, protocol, scope, replace(said, content=said.tensors), keyed=keyed)


def _operation(
    ref: str, protocol: DocumentedReplies, scope: str, said: Documented, *, keyed: bool
) -> bytes:
    operation = {
        "tags": [ref],
        "summary": f"{protocol.route} with {ref}",
        "operationId": f"{protocol.route}_{scope}",
        "responses": dict(protocol.responses),
    }
    operation |= _keyed(protocol) if keyed else {}
    body = json_object({**_BODY, "content": said.content})
    return json_object(
        {key: json_text(value) for key, value in operation.items()} | {"requestBody": body}
    )


def _keyed(protocol: DocumentedReplies) -> dict[str, Any]:
    # A protocol has one shape for all that it refuses without having read the body.
    refused = {
        status: protocol.responses["405"] | {"description": sentence}
        for status, sentence in _REFUSED_KEYS.items()
    }
    return {"security": [{KEY: []}], "responses": {**protocol.responses, **refused}}
