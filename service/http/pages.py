"""Everything that is no prediction, in FastAPI: one error shape, an id on every reply, HEAD.

What goes wrong here unexpectedly is logged here, once, and answered without details.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from service.errors import (
    ClientError,
    NoServable,
    NotNow,
    PassingFault,
    ServiceError,
    UnknownModel,
)
from service.following.slot_status import Standing
from service.following.slots import Slots
from service.http.errors import STATUS, MethodNotAllowed, NotFound, headers_of
from service.http.open_inference import BASE
from service.predicting.raised import internal, without_words
from service.predicting.request import RequestIds
from service.protocols.open_inference import OpenInferenceProtocol
from service.protocols.podium import PodiumProtocol
from service.protocols.protocol import PredictionProtocol

_PODIUM = PodiumProtocol()
_OPEN_INFERENCE = OpenInferenceProtocol(by_alias=False)


def create_pages(
    routers: Sequence[APIRouter],
    slots: Slots,
    protocols: Sequence[PredictionProtocol],
) -> FastAPI:
    """The application behind the dispatcher; its errors have the shape of the path's protocol."""
    app = FastAPI(
        title="Podium",
        summary="Serves MLflow models by alias, and follows the alias.",
        openapi_url=None,  # the document is made of what serves now: service.http.openapi
        redirect_slashes=False,  # one path a route; a redirect would lose the body on the way
        exception_handlers={
            ServiceError: _refused,
            HTTPException: _no_such_route,
            Exception: _failed,
        },
    )
    for router in (*routers, _unknown_models(slots, protocols)):
        app.include_router(router)
    return app


def is_known(app: FastAPI, path: str) -> bool:
    """Whether a page has that path, for whatever method."""
    scope = {"type": "http", "path": path, "method": "GET"}
    return any(route.matches(scope)[0] is not Match.NONE for route in app.routes)


def with_request_id(app: ASGIApp, ids: RequestIds, logger: FilteringBoundLogger) -> ASGIApp:
    """The application with `X-Request-ID` on every reply, HEAD wherever GET is, and nothing raised.

    The id is `request.state.request_id` within, and `request.state.headless` whether nobody gets
    the body.
    """

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        request_id = ids.accept(dict(scope["headers"]).get(b"x-request-id"))
        headless = scope["method"] == "HEAD"
        state = {**scope.get("state", {}), "request_id": request_id, "headless": headless}
        method = "GET" if headless else scope["method"]
        reply = _replying(send, request_id, headless=headless)
        try:
            await app({**scope, "state": state, "method": method}, receive, reply)
        except Exception as error:  # noqa: BLE001 - answered by _failed already
            told = without_words(error)
            logger.error("internal", request_id=request_id, exception=told)  # noqa: TRY400 - with it

    return wrapped


def _replying(send: Send, request_id: str, *, headless: bool) -> Send:
    async def reply(message: Message) -> None:
        if message["type"] == "http.response.start":
            header = (b"x-request-id", request_id.encode("ascii"))
            message = {**message, "headers": [*message.get("headers", ()), header]}
        elif headless:
            message = {**message, "body": b""}
        await send(message)

    return reply


def _unknown_models(slots: Slots, protocols: Sequence[PredictionProtocol]) -> APIRouter:
    # The routes of known models never come here: the dispatcher has them.
    router = APIRouter(include_in_schema=False)
    for protocol in protocols:
        path = f"/models/{{name:path}}@{{alias}}/{protocol.route}"
        router.add_api_route(path, _unknown_model(slots, protocol), methods=["POST"])
        if not slots.has_default:
            router.add_api_route(
                f"/{protocol.route}", _no_default(slots, protocol), methods=["POST"]
            )
    return router


def _unknown_model(slots: Slots, protocol: PredictionProtocol) -> Callable[..., Any]:
    async def refuse(request: Request, name: str, alias: str) -> Response:
        try:
            found = slots.find(f"{name}@{alias}")
        except UnknownModel as error:
            return _in(protocol, request, error)
        if found.standing is Standing.ARM:
            message = "A tag has brought it as an arm: ask for what it is an arm of."
            return _in(protocol, request, UnknownModel(message))
        # It has come since the request was dispatched.
        return _in(protocol, request, NoServable("Nothing of this model can answer yet."))

    return refuse


def _no_default(slots: Slots, protocol: PredictionProtocol) -> Callable[[Request], Any]:
    async def refuse(request: Request) -> Response:
        try:
            slots.default  # noqa: B018 - it says itself what to ask for instead
        except UnknownModel as error:
            return _in(protocol, request, error)
        raise AssertionError  # whoever has a default slot has its route

    return refuse


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, PassingFault):
        error = NotNow("The service has no room for this now; it may have some in a moment.")
    return _answered(request, error if isinstance(error, ServiceError) else internal())


async def _failed(request: Request, _error: Exception) -> Response:
    return _answered(request, internal())


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 0
    headers = (error.headers if isinstance(error, HTTPException) else None) or {}
    known: Mapping[int, ServiceError] = {
        404: NotFound("Nothing is here. GET /docs lists what is."),
        405: MethodNotAllowed(headers.get("Allow", "other methods")),
    }
    return _answered(request, known.get(status, ClientError("The request cannot be read.")))


def _answered(request: Request, error: ServiceError) -> Response:
    path: str = request.scope["path"]
    is_theirs = path == BASE or path.startswith(f"{BASE}/")
    return _in(_OPEN_INFERENCE if is_theirs else _PODIUM, request, error)


def _in(protocol: PredictionProtocol, request: Request, error: ServiceError) -> Response:
    code, body = protocol.refuse(error, request.state.request_id)
    headers = {name.decode(): value.decode() for name, value in headers_of(error)}
    return Response(body, STATUS[code], headers, media_type="application/json")
