"""What `mlflow models serve` answers beside predictions: whether it is there, and its version."""

from collections.abc import Callable
from importlib import metadata
from time import monotonic
from typing import Any

from fastapi import APIRouter, Response

from service.following.slots import Slots
from service.following.waiting import seconds_until_ready
from service.http.errors import retry_after


def scoring_router(slots: Slots, stopping: Callable[[], bool]) -> APIRouter:
    """`/ping`, `/health` and `/version` of the default slot, with MLflow's own answers.

    Where there is none, they are about all slots, as `/health/ready` is.
    """
    router = APIRouter(tags=["MLflow's scoring protocol"])
    version = metadata.version("mlflow")

    @router.get("/ping", response_class=Response, responses=_PING)
    @router.get("/health", response_class=Response, responses=_PING)
    async def ping() -> Response:
        """A line feed; 503 while no version can answer on the default routes, or at the stop."""
        waited = [slots.default] if slots.has_default else [*slots.values()]
        ready = slots.default.ready if slots.has_default else slots.ready
        if ready and not stopping():
            return Response(b"\n", media_type="application/json")
        seconds = min((seconds_until_ready(slot, monotonic()) for slot in waited), default=1.0)
        name, value = retry_after(seconds)
        headers = {name.decode(): value.decode()}
        return Response(b"\n", 503, headers, media_type="application/json")

    @router.get("/version", response_class=Response)
    async def mlflow_version() -> Response:
        """The version of MLflow whose protocol this is, as bare text."""
        return Response(version, media_type="application/json")

    return router


_PING: dict[int | str, dict[str, Any]] = {503: {"description": "No version can answer."}}
