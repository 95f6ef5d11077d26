"""All of HTTP in one application: pure composition, no state outside what it returns."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from uuid import uuid4

from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from service.config.prefix import NO_PREFIX, Prefixes
from service.events.event_faults import EventTrouble
from service.following.ledger import Ledger
from service.following.slots import Slots
from service.http.access import NOBODY, Admin, ApiKeys, Readers
from service.http.cors import CrossOrigin
from service.http.dispatch import by_port, dispatch, prediction_endpoints
from service.http.docs import page_router
from service.http.exposition import exposition_router
from service.http.health import health_router, scoring_router
from service.http.models import models_router
from service.http.open_inference import of_versions, open_inference_router
from service.http.openapi import docs_router, security
from service.http.pages import create_pages, is_known, with_request_id
from service.http.preparation import Preparations, preparation_router
from service.http.reload import Reload, reload_router
from service.http.shadow import NO_LINES, ShadowLines, shadow_router
from service.http.swaps import MaySeeDetails, swaps_router
from service.http.withdraw import Restore, Withdraw, withdraw_router
from service.predicting.route import RouteContext
from service.protocols.mlflow import MlflowProtocol
from service.protocols.podium import PodiumProtocol
from service.refs import ModelRef


def _nobody(ref: ModelRef, *, again: bool = False) -> None:
    """Where nobody follows anything."""


def create_http(  # noqa: PLR0913 - where a room is put together, each part is named once
    slots: Slots,
    context: RouteContext,
    *,
    registry: CollectorRegistry,
    clock: Callable[[], float] = time.time,
    stopping: Callable[[], bool] = lambda: False,
    reload: Reload = _nobody,
    withdraw: tuple[Withdraw, Restore] | None = None,
    preparations: Preparations | None = None,
    keys: ApiKeys | None = None,
    admin: Admin = NOBODY,
    more: Sequence[APIRouter] = (),
    ledger: Ledger | None = None,
    may_see_details: MaySeeDetails = lambda _: False,
    prefixes: Prefixes = NO_PREFIX,
    origins: Sequence[str] = (),
    instance: str | None = None,
    lost_events: Callable[[], EventTrouble | None] = lambda: None,
    shadows: ShadowLines = NO_LINES,
    admin_routers: Sequence[APIRouter] = (),
    admin_port: int | None = None,
) -> ASGIApp:
    """The service's HTTP for these slots.

    Where there is an `admin_port` all of it is answered there, and on other ports all but what is
    for whoever operates the service.

    Args:
        slots: read on every request, never written.
        context: what all of its prediction routes share.
        registry: what `/metrics` shows.
        clock: seconds since 1970.
        stopping: while true, the probes are 503 and requests are still answered.
        reload: looks at the registry for that slot, as its operator asks.
        withdraw: has a version answered by nobody any more, and takes that back.
        preparations: makes versions ready before an alias moves.
        keys: of which predictions ask for one; None: for none.
        admin: who may reload.
        more: routes of what not every service has.
        ledger: what `/swaps` shows.
        may_see_details: whether a request is shown all of the ledger.
        prefixes: knows below which path a proxy shows the service.
        origins: whose pages may ask for predictions; none costs nothing.
        instance: this process's own word; None: it makes one.
        lost_events: that events do not reach their receiver.
        shadows: what is counted of them.
        admin_routers: more routes for whoever operates the service.
        admin_port: a port of the server's own for all that; None: it has none.
    """
    protocols = (PodiumProtocol(), MlflowProtocol())
    readers = Readers(keys, admin)
    open_to_all = (
        health_router(slots, stopping),
        scoring_router(slots, stopping),
        models_router(slots, clock, readers, instance or uuid4().hex, lost_events),
        shadow_router(slots, readers, shadows),
        open_inference_router(slots, stopping, readers),
        swaps_router(ledger or Ledger(), may_see_details),
        *more,
    )
    operators = (
        reload_router(slots, clock, admin, reload),
        exposition_router(registry),
        *(() if withdraw is None else (withdraw_router(admin, *withdraw),)),
        *(() if preparations is None else (preparation_router(slots, admin, preparations),)),
        *admin_routers,
    )
    endpoints = prediction_endpoints(slots, protocols, context, keys, prefixes.paths)

    def door(routers: Sequence[APIRouter], origins: Sequence[str]) -> ASGIApp:
        pages = create_pages(routers, slots, protocols)
        pages.include_router(docs_router(pages, slots, security(keys, admin), readers))
        pages.include_router(page_router())
        outside = with_request_id(pages, context.ids, context.logger)
        below = partial(prefixes.below, known=partial(is_known, pages))
        app = dispatch(endpoints, of_versions(endpoints, outside), below)
        return CrossOrigin(app, origins, below, context.ids, admin.is_in) if origins else app

    if admin_port is None:
        return door((*open_to_all, *operators), origins)
    return by_port({admin_port: door((*open_to_all, *operators), ())}, door(open_to_all, origins))
