"""The outermost function: predictions by a dictionary, everything else by FastAPI.

A prediction never enters FastAPI, which costs as much again as the rest of the request.
"""

from collections.abc import Mapping, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from service.following.slots import Slot, Slots
from service.http.dialect import Dialect
from service.http.endpoint import House, PredictionEndpoint


def dispatch(endpoints: Mapping[str, ASGIApp], pages: ASGIApp) -> ASGIApp:
    """One application of both: `endpoints` by decoded path, `pages` for the rest and lifespan."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = endpoints.get(scope["path"]) if scope["type"] == "http" else None
        await (pages if endpoint is None else endpoint)(scope, receive, send)

    return app


def prediction_endpoints(
    slots: Slots, dialects: Sequence[Dialect], house: House
) -> dict[str, ASGIApp]:
    """Every prediction route by its decoded path: the default slot's short ones, then all slots'.

    Names stand in paths as they are: a slash or a percent-encoded character needs no rule.
    """

    def under(prefix: str, slot: Slot) -> dict[str, ASGIApp]:
        return {f"{prefix}/{d.route}": PredictionEndpoint(slot, d, house) for d in dialects}

    routes = under("", slots.default)
    for key, slot in slots.items():
        routes |= under(f"/models/{key}", slot)
    return routes
