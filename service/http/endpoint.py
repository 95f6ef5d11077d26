"""One prediction route of one slot by HTTP: the path that every request takes.

Plain ASGI, before FastAPI; what is the same by every transport stands in `service.predicting`.
"""

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Final

from starlette.types import Receive, Scope, Send

from service.following.slots import Slot
from service.http.client import CLIENT, Client
from service.http.delivery import deliver
from service.http.errors import MethodNotAllowed
from service.http.framing import Framing
from service.http.intake import read_body
from service.http.timeout import TIMEOUT, seconds_of
from service.predicting.held import RequestShare
from service.predicting.request import PredictionRequest, RequestBody
from service.predicting.request_record import CLIENT_GONE
from service.predicting.route import PredictionRoute, RouteContext
from service.protocols.protocol import PredictionProtocol

KEY: Final = "podium.key"
"""Where an ASGI scope holds the name of the API key that a request came with."""


class HttpRequest(PredictionRequest[Framing]):
    """A request whose body is still to be read."""

    __slots__ = ("client", "method", "receive")

    def __init__(
        self,
        request_id: str,
        headers: Mapping[bytes, bytes],
        scope: Scope,
        receive: Receive,
        share: RequestShare,
    ) -> None:
        self.client: Client | None = scope.get(CLIENT)
        super().__init__(request_id, scope.get(KEY), headers, self.client, share)
        self.method = scope["method"]
        self.receive = receive

    def body(self, limit: int) -> Awaitable[RequestBody]:
        """As `read_body`; raises `MethodNotAllowed` for what is no POST."""
        if self.method != "POST":
            raise MethodNotAllowed("POST")
        return read_body(self.headers, self.receive, limit, self.share, self.client)

    def seconds(self, most: float) -> float:
        """As `Podium-Timeout-Ms` says, if it is there."""
        sent = self.headers.get(TIMEOUT)
        return most if sent is None else seconds_of(sent, most)


class PredictionEndpoint:
    """One route as an ASGI application."""

    def __init__(self, slot: Slot, protocol: PredictionProtocol, context: RouteContext) -> None:
        form_of = partial(Framing.of, protocol=protocol)
        self._route = PredictionRoute(slot, protocol.route, protocol.parse, form_of, context)
        self._protocol = protocol
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends exactly one reply, unless the client is gone, and tells the observers."""
        headers = dict(scope["headers"])
        context = self._context
        request_id = context.ids.accept(headers.get(b"x-request-id"))
        request = HttpRequest(request_id, headers, scope, receive, RequestShare(context.bodies))
        result = await self._route.predict(request)
        client = request.client
        code = await deliver(send, request, client, result, self._protocol)
        if client is not None and client.gone:
            code = CLIENT_GONE
        self._route.record(request, result, code)
