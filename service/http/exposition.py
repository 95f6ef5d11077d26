"""`/metrics`, in the text format that the scraper asks for."""

import time
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from service.http.written import cut, reply
from service.processes.front.beside import Beside

# Written in less than a millisecond; Python itself would let the loop wait for five.
_SAMPLES_AT_ONCE: Final = 30
_TURN_SECONDS: Final = 20e-6


def exposition_router(registry: CollectorRegistry) -> APIRouter:
    """The registry's metrics; OpenMetrics where `Accept` asks for it, else Prometheus's text."""
    router = APIRouter(tags=["metrics"])
    # Of fifty slots that takes longer than the loop may stop.
    beside = Beside("metrics")
    yielding = _Yielding(registry)

    @router.get("/metrics", response_class=Response, responses=_TEXT)
    async def metrics(request: Request) -> Response:
        """Counters, gauges and histograms of this process."""
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return reply(cut([await beside.run(encode, yielding)]), media_type)

    return router


class _Yielding(Collector):
    """The same metrics. Whoever reads them in a thread leaves the loop its turns meanwhile."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        for family in self._registry.collect():
            shown = copy(family)
            shown.samples = _Samples(family.samples)
            yield shown


class _Samples(list[Sample]):
    def __iter__(self) -> Iterator[Sample]:
        for number, sample in enumerate(super().__iter__(), 1):
            yield sample
            if number % _SAMPLES_AT_ONCE == 0:
                time.sleep(_TURN_SECONDS)


_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}
