"""`POST /models/{name}@{alias}/reload`: an operator asks for a look now, and for another try."""

from collections.abc import Callable

from fastapi import APIRouter, Request

from service.errors import NotThereYet
from service.following.slots import Slots
from service.http.access import Admin
from service.http.models import SlotReport, report_of
from service.http.openapi_parts import refused
from service.refs import ModelRef


def reload_router(
    slots: Slots, clock: Callable[[], float], admin: Admin, reload: Callable[[ModelRef], None]
) -> APIRouter:
    """The route; `reload` lifts the slot's quarantine and looks at the registry soon.

    `clock` gives seconds since 1970.
    """
    router = APIRouter(tags=["models"])

    @router.post(
        "/models/{name:path}@{alias}/reload",
        status_code=202,
        responses=refused("The admin token is missing, or no such model and alias is here."),
        openapi_extra=admin.security,
    )
    async def reload_slot(name: str, alias: str, request: Request) -> SlotReport:
        """Looks at the registry now and lifts a quarantine; the slot as it was when asked."""
        admin.require(request)
        try:
            slot = slots.find(f"{name}@{alias}")
        except NotThereYet:
            reload(ModelRef(name, alias))
            raise
        reload(slot.ref)
        return report_of(slot, clock())

    return router
