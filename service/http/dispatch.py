"""The outermost function: predictions by a dictionary, everything else by FastAPI.

A prediction never enters FastAPI, which costs as much again as the rest of the request.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from service.following.slots import Slot, Slots
from service.http.access import ApiKeys, Guarded
from service.http.endpoint import PredictionEndpoint
from service.predicting.route import RouteContext
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
