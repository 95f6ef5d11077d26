"""`/metrics`, in the text format that the scraper asks for."""

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from service.http.written import cut, reply
from service.processes.beside import Beside


def exposition_router(registry: CollectorRegistry) -> APIRouter:
    """The registry's metrics; OpenMetrics where `Accept` asks for it, else Prometheus's text."""
    router = APIRouter(tags=["metrics"])
    # Of fifty slots that takes longer than the loop may stop.
    beside = Beside("metrics")

    @router.get("/metrics", response_class=Response, responses=_TEXT)
    async def metrics(request: Request) -> Response:
        """Counters, gauges and histograms of this process."""
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return reply(cut([await beside.run(encode, registry)]), media_type)

    return router


_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}
