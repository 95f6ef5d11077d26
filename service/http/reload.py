"""`POST /models/{name}@{alias}/reload`: an operator asks for a look now, and for another try."""

from collections.abc import Callable
from typing import Final, Protocol

from fastapi import APIRouter, Request

from service.errors import ClientError, NotThereYet
from service.following.slots import Slots
from service.http.access import Admin
from service.http.models import SlotReport, report_of
from service.http.openapi_parts import refused
from service.refs import ModelRef

_REFUSED: Final = refused(
    "The admin token is missing, no such model and alias is here, or `again` is not a word for it."
)
_WORDS: Final = ("true", "false")
_PARAMETERS: Final = {
    "parameters": [
        {
            "name": "again",
            "in": "query",
            "required": False,
            "description": "Whether a version that gave way is tried again, too.",
            "schema": {"type": "boolean", "default": False},
        }
    ]
}


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
        responses=_REFUSED,
        openapi_extra={**admin.security, **_PARAMETERS},
    )
    async def reload_slot(name: str, alias: str, request: Request) -> SlotReport:
        """Looks at the registry now and lifts a quarantine; the slot as it was when asked."""
        admin.require(request)
        again = _again(request)
        try:
            slot = slots.find(f"{name}@{alias}")
        except NotThereYet:
            reload(ModelRef(name, alias), again=again)
            raise
        reload(slot.ref, again=again)
        return report_of(slot, clock())

    return router


def _again(request: Request) -> bool:
    text = request.query_params.get("again", "false")
    if text not in _WORDS:
        raise ClientError("`again` must be true or false.")
    return text == "true"
