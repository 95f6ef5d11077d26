"""The outermost function: predictions by a dictionary, everything else by FastAPI.

A prediction never enters FastAPI, which costs as much again as the rest of the request: its route
is plain ASGI. What is the same by every transport stands in `service.predicting`.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from service.following.slot import Slot
from service.following.slots import Slots
from service.http.access import ApiKeys, Guarded
from service.http.delivery import Framing, deliver
from service.http.intake import HttpRequest
from service.predicting.request import CLIENT_GONE, RequestShare
from service.predicting.route import PredictionRoute, RouteContext
from service.protocols.protocol import PredictionProtocol


def dispatch(
    endpoints: Mapping[str, ASGIApp],
    pages: ASGIApp,
    below: Callable[[Scope], Scope] = lambda scope: scope,
) -> ASGIApp:
    """One application of both: `endpoints` by decoded path, `pages` for the rest.

    What is no endpoint's path as it is is looked for as `below` has it, without a proxy's prefix.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = endpoints.get(scope["path"])
        if endpoint is None:
            await asyncio.sleep(0)  # to be in a task, which FastAPI takes for granted
            scope = below(scope)
            endpoint = endpoints.get(scope["path"], pages)
        await endpoint(scope, receive, send)

    return app


def by_port(doors: Mapping[int, ASGIApp], others: ASGIApp) -> ASGIApp:
    """One application of several: each for what has come by that port of the server's."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await doors.get(scope["server"][1], others)(scope, receive, send)

    return app


def prediction_endpoints(
    slots: Slots,
    protocols: Sequence[PredictionProtocol],
    context: RouteContext,
    keys: ApiKeys | None = None,
    paths: Callable[[str], Collection[str]] = lambda path: (path,),
) -> Mapping[str, ASGIApp]:
    """Every prediction route by its decoded path: the default slot's short ones, then all slots'.

    Kept as slots come and go. Names stand in paths as they are: a slash or a percent-encoded
    character needs no rule. Without `keys` none is asked for, which costs nothing. `paths` gives
    all by which a route may be asked.
    """
    routes: dict[str, ASGIApp] = {}

    def endpoint(slot: Slot, protocol: PredictionProtocol) -> ASGIApp:
        open_to_all = PredictionEndpoint(slot, protocol, context)
        if keys is None:
            return open_to_all
        return Guarded(open_to_all, str(slot.ref), protocol, context, keys)

    def stand(before: str, slot: Slot) -> None:
        for protocol in protocols:
            routes.update(
                dict.fromkeys(paths(f"{before}/{protocol.route}"), endpoint(slot, protocol))
            )

    def came(slot: Slot) -> None:
        stand(f"/models/{slot.ref}", slot)

    def went(slot: Slot) -> None:
        for protocol in protocols:
            for path in paths(f"/models/{slot.ref}/{protocol.route}"):
                del routes[path]

    if slots.has_default:
        stand("", slots.default)
    slots.watch(came, went)
    return routes


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
