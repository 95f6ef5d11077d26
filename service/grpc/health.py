"""gRPC's own health service (grpc.health.v1): of the whole, and of each model by its name.

Who watches is told of a change within a second; probes ask. None of it needs a key.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from grpc.aio import ServicerContext
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service.grpc.pages import Pages

_LOOK_SECONDS: Final = 1.0
_Status = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):
    """Reads what is ready when it is asked; `own` are names that mean the whole."""

    def __init__(self, pages: Pages, own: frozenset[str]) -> None:
        self._pages = pages
        self._own = own

    async def Check(  # noqa: N802 - the service's word  # type: ignore[override]
        self, request: health_pb2.HealthCheckRequest, context: ServicerContext[Any, Any]
    ) -> health_pb2.HealthCheckResponse:
        """SERVING or NOT_SERVING; NOT_FOUND for a name that nothing has."""
        status = self._status(request.service)
        if status == _Status.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "Nothing of that name is served.")
        return _Status(status=status)

    async def Watch(  # noqa: N802 - as above  # type: ignore[override]
        self, request: health_pb2.HealthCheckRequest, context: ServicerContext[Any, Any]
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """The status now, and each one after it."""
        told: Any = None
        while True:
            status = self._status(request.service)
            if status != told:
                told = status
                yield _Status(status=status)
            await asyncio.sleep(_LOOK_SECONDS)

    def _status(self, name: str) -> Any:
        if name in self._own:
            ready = self._pages.ready("")
        elif self._pages.knows(name):
            ready = self._pages.ready(name)
        else:
            return _Status.SERVICE_UNKNOWN
        return _Status.SERVING if ready else _Status.NOT_SERVING
