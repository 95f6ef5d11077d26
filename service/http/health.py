"""Alive: the loop turns. Ready: whatever could answer does. Asked without a key, answered at once.

A slot whose alias or model the registry says is not there, and that has nothing to stand in for it,
is named, and keeps no other from being asked; so is one whose version is withdrawn, and one that
only a pattern has found, once it has answered or failed.

And what `mlflow models serve` answers beside predictions: whether it is there, and its version.
"""

from collections.abc import Callable, Sequence
from importlib import metadata
from time import monotonic
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from service.following.slot import Slot
from service.following.slots import Slots
from service.following.waiting import seconds_until_ready
from service.http.errors import retry_after
from service.http.openapi_parts import UNKNOWN_MODEL


class Live(BaseModel):
    """The event loop turns; nothing else is said."""

    live: bool


class Ready(BaseModel):
    """Whether every slot that has something to serve could answer now, and at least one has.

    `not_ready` names those that could not; `missing` those that have nothing to serve, for the
    registry has no such alias or model; `withdrawn` those whose version an operator has withdrawn.
    Where there are patterns, `unserved` names slots of theirs that cannot answer and are not waited
    for: those that have failed, or have come after the start; `unmatched` the patterns that have
    found nothing. A version that is loaded when it is asked counts as one that can answer, unless
    that has failed.
    """

    ready: bool
    stopping: bool
    not_ready: list[str]
    missing: list[str]
    withdrawn: list[str]
    unserved: list[str] | None = None
    unmatched: list[str] | None = None


class SlotReady(BaseModel):
    """Whether this slot could answer now."""

    ready: bool


_NOT_READY = 503


def _unready(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {_NOT_READY: {"model": model, "description": "Not ready."}}


def _not_ready(response: Response, slots: Sequence[Slot]) -> None:
    """503, until the last of these may be ready."""
    now = monotonic()
    seconds = max((seconds_until_ready(slot, now) for slot in slots), default=1.0)
    response.status_code = _NOT_READY
    response.headers.update(_later(seconds))


def _later(seconds: float) -> dict[str, str]:
    name, value = retry_after(seconds)
    return {name.decode(): value.decode()}


def health_router(slots: Slots, stopping: Callable[[], bool]) -> APIRouter:
    """The probes. While `stopping()` holds, the service is alive, accepts, and is not ready."""
    router = APIRouter(tags=["health"])

    @router.get("/health/live")
    async def live() -> Live:
        """200 as long as the service answers at all."""
        return Live(live=True)

    @router.get("/health/ready", responses=_unready(Ready), response_model_exclude_none=True)
    async def ready(response: Response) -> Ready:
        """200 when all that could answer does, else 503 and which does not."""
        status = slots.status
        found = status.readiness
        report = Ready(
            ready=found.ready and not stopping(),
            stopping=stopping(),
            not_ready=list(found.not_ready),
            missing=list(found.missing),
            withdrawn=list(found.withdrawn),
            unserved=list(found.unserved) if slots.patterns else None,
            unmatched=list(status.unmatched) if slots.patterns else None,
        )
        if not report.ready:
            _not_ready(response, [slots[key] for key in found.not_ready] or slots.routed)
        return report

    @router.get("/models/{name:path}@{alias}/ready", responses=_unready(SlotReady) | UNKNOWN_MODEL)
    async def slot_ready(name: str, alias: str, response: Response) -> SlotReady:
        """200 when this slot has a version that can answer, else 503."""
        found = slots.find(f"{name}@{alias}")
        report = SlotReady(ready=found.ready and not stopping())
        if not report.ready:
            _not_ready(response, [found])
        return report

    return router


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
        waited = [slots.default] if slots.has_default else slots.routed
        ready = slots.default.ready if slots.has_default else slots.ready
        if ready and not stopping():
            return Response(b"\n", media_type="application/json")
        seconds = min((seconds_until_ready(slot, monotonic()) for slot in waited), default=1.0)
        return Response(b"\n", _NOT_READY, _later(seconds), media_type="application/json")

    @router.get("/version", response_class=Response)
    async def mlflow_version() -> Response:
        """The version of MLflow whose protocol this is, as bare text."""
        return Response(version, media_type="application/json")

    return router


_PING: dict[int | str, dict[str, Any]] = {503: {"description": "No version can answer."}}
