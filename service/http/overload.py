"""What connections beyond all places are for: probes are answered, everybody else is sent away."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Overloaded
from service.http.delivery import JSON_HEADERS, send_refusal
from service.http.errors import STATUS, headers_of
from service.predicting.request import RequestIds
from service.protocols.podium import PodiumProtocol

_PROBES: Final = frozenset(
    {
        *("/health", "/health/live", "/health/ready", "/ping", "/metrics"),
    }
)
_CLOSE: Final = (b"connection", b"close")


def probes_only(app: ASGIApp, ids: RequestIds) -> ASGIApp:
    """The application's probes and metrics; 503 with `Retry-After` for all else.

    Every reply closes its connection.
    """

    async def reserve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _PROBES:
            await app(scope, receive, _closing(send))
        else:
            await _refuse(scope, send, ids)

    return reserve


def _closing(send: Send) -> Send:
    async def reply(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
        await send(message)

    return reply


async def _refuse(scope: Scope, send: Send, ids: RequestIds) -> None:
    request_id = ids.accept(dict(scope["headers"]).get(b"x-request-id"))
    error = Overloaded("Too many connections are open.")
    code, body = PodiumProtocol().refuse(error, request_id)
    await send_refusal(
        send, STATUS[code], (*JSON_HEADERS, *headers_of(error), _CLOSE), body, request_id
    )
