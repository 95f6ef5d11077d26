"""`POST /models/{name}@{alias}/reload`: an operator asks for a look now, and for another try."""

from collections.abc import Callable
from typing import Annotated, Protocol

from fastapi import APIRouter, Query, Request

from service.errors import NotThereYet
from service.following.slots import Slots
from service.http.access import Admin
from service.http.models import SlotReport, report_of
from service.http.openapi_parts import refused
from service.refs import ModelRef


class Reload(Protocol):
    """Whoever looks at the registry: `service.following.follower.Follower.reload`."""

    def __call__(self, ref: ModelRef, *, again: bool = False) -> None:
        """Soon. Raises `UnknownModel`."""
        ...


def reload_router(
    slots: Slots, clock: Callable[[], float], admin: Admin, reload: "Reload"
) -> APIRouter:
    """The route; `reload` lifts the slot's quarantine and looks at the registry soon.

    With `again` it also brings back a version that has given way.

    `clock` gives seconds since 1970.
    """
    router = APIRouter(tags=["models"])

    @router.post(
        "/models/{name:path}@{alias}/reload",
        status_code=202,
        responses=refused("The admin token is missing, or no such model and alias is here."),
        openapi_extra=admin.security,
    )
    async def reload_slot(
        name: str,
        alias: str,
        request: Request,
        *,
        again: Annotated[
            bool, Query(description="Whether a version that gave way is tried again, too.")
        ] = False,
    ) -> SlotReport:
        """Looks at the registry now and lifts a quarantine; the slot as it was when asked."""
        admin.require(request)
        try:
            slot = slots.find(f"{name}@{alias}")
        except NotThereYet:
            reload(ModelRef(name, alias), again=again)
            raise
        reload(slot.ref, again=again)
        return report_of(slot, clock())

    return router
