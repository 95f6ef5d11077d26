"""The outermost function: predictions by a dictionary, everything else by FastAPI.

A prediction never enters FastAPI, which costs as much again as the rest of the request: its route
is plain ASGI. What is the same by every transport stands in `service.predicting`.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from service.following.slot import Slot
from service.following.slots import Slots
from service.http.access import ApiKeys, Guarded
from service.http.compression import Compression
from service.http.delivery import Framing, deliver
from service.http.intake import HttpRequest
from service.http.open_inference import infer_path, of_name
from service.predicting.request import CLIENT_GONE, RequestShare
from service.predicting.route import PredictionRoute, RouteContext
from service.protocols.open_inference import OpenInferenceProtocol
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

    And those of the Open Inference Protocol, by a model's name and by its name and alias.
    Kept as slots come and go. Names stand in paths as they are: a slash or a percent-encoded
    character needs no rule. Without `keys` none is asked for, which costs nothing. `paths` gives
    all by which a route may be asked.
    """
    standing = _Routes(slots, protocols, context, keys, paths)
    if slots.has_default:
        for protocol in protocols:
            standing.put(f"/{protocol.route}", slots.default, protocol)
    slots.watch(standing.came, standing.went)
    return standing.routes


class _Routes:
    """The routes of all slots, put up and taken down as these come and go."""

    def __init__(
        self,
        slots: Slots,
        protocols: Sequence[PredictionProtocol],
        context: RouteContext,
        keys: ApiKeys | None,
        paths: Callable[[str], Collection[str]],
    ) -> None:
        self.routes: dict[str, ASGIApp] = {}
        self._slots = slots
        self._protocols = protocols
        self._by_name = OpenInferenceProtocol(by_alias=False)
        self._by_alias = OpenInferenceProtocol(by_alias=True)
        self._context = context
        self._keys = keys
        self._paths = paths
        self._compression = Compression()

    def put(self, path: str, slot: Slot, protocol: PredictionProtocol) -> None:
        """Requests of that path are for the slot, whoever else they were for."""
        endpoint: ASGIApp = PredictionEndpoint(slot, protocol, self._context, self._compression)
        if self._keys is not None:
            endpoint = Guarded(endpoint, str(slot.ref), protocol, self._context, self._keys)
        self.routes.update(dict.fromkeys(self._paths(path), endpoint))

    def came(self, slot: Slot) -> None:
        """It has routes from now on."""
        for path, protocol in self._own(slot):
            self.put(path, slot, protocol)
        self._name(slot.ref.name)

    def went(self, slot: Slot) -> None:
        """It has none any more."""
        for path, _ in self._own(slot):
            self._take(path)
        self._name(slot.ref.name)

    def _own(self, slot: Slot) -> Iterator[tuple[str, PredictionProtocol]]:
        for protocol in self._protocols:
            yield f"/models/{slot.ref}/{protocol.route}", protocol
        yield infer_path(str(slot.ref)), self._by_alias

    def _name(self, name: str) -> None:
        path, first = infer_path(name), of_name(self._slots, name)
        if first is None:
            self._take(path)
        else:
            self.put(path, first, self._by_name)

    def _take(self, path: str) -> None:
        for each in self._paths(path):
            self.routes.pop(each, None)


class PredictionEndpoint:
    """One route as an ASGI application."""

    def __init__(
        self,
        slot: Slot,
        protocol: PredictionProtocol,
        context: RouteContext,
        compression: Compression,
    ) -> None:
        form_of = partial(Framing.of, protocol=protocol)
        self._route = PredictionRoute(slot, protocol.route, protocol.parse, form_of, context)
        self._protocol = protocol
        self._context = context
        self._compression = compression

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends exactly one reply, unless the client is gone, and tells the observers."""
        headers = dict(scope["headers"])
        context = self._context
        request_id = context.ids.accept(headers.get(b"x-request-id"))
        share = RequestShare(context.bodies)
        request = HttpRequest(request_id, headers, scope, receive, share, self._compression)
        result = await self._route.predict(request)
        client = request.client
        code = await deliver(send, request, client, result, self._protocol, self._compression)
        if client is not None and client.gone:
            code = CLIENT_GONE
        self._route.record(request, result, code)
