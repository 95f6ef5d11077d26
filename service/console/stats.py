"""`GET /stats`: requests of the last minutes, second by second, by slot, arm and version."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service.console.time_series import BOUNDS, KEPT_SECONDS, KeptSeries, TimeSeries
from service.http.openapi_parts import refused
from service.http.swaps import whole_number
from service.http.written import cut, json_text, reply
from service.processes.front.beside import Beside

# Written in a millisecond; Python itself would let the loop wait for five.
_POINTS_AT_ONCE: Final = 900
_TURN_SECONDS: Final = 20e-6
_REFUSED: Final = refused(f"`seconds` is not a whole number from 1 to {KEPT_SECONDS}.")


def _name(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string"}
    where = {"name": name, "in": "query", "required": False}
    return {**where, "description": description, "schema": schema}


_PARAMETERS: Final = {
    "parameters": [
        _name("model", "Of this model alone."),
        _name("alias", "Of slots with this alias alone."),
        {
            "name": "seconds",
            "in": "query",
            "required": False,
            "description": "How many seconds back.",
            "schema": {
                "type": "integer",
                "minimum": 1,
                "maximum": KEPT_SECONDS,
                "default": KEPT_SECONDS,
            },
        },
    ]
}


class SeriesReport(BaseModel):
    """Requests to one slot that one arm and version has answered.

    `arm` is null where the slot's own alias has, `version` where none has. A point is a second that
    is over, in seconds since 1970; how many requests of it were answered, refused (4xx, and clients
    that left) and failed (5xx); and how many of all these took how long, one number for each of
    `bounds` and one for longer ones. Seconds without a request are left out.
    """

    model: str
    alias: str
    arm: str | None
    version: str | None
    points: list[tuple[int, int, int, int, list[int]]]


class StatsReport(BaseModel):
    """Requests of this process by the second, up to `at`, the last second that is over.

    `bounds` are upper bounds of latency in seconds. `instance` is a word of this process's own:
    what several processes have counted may be added up.
    """

    at: int
    instance: str
    step_seconds: int
    bounds: list[float]
    series: list[SeriesReport]


def stats_router(series: TimeSeries, instance: str) -> APIRouter:
    """`GET /stats?seconds=&model=&alias=`; `instance` is this process's own word."""
    router = APIRouter(tags=["metrics"])
    beside = Beside("stats")

    @router.get("/stats", responses=_REFUSED, openapi_extra=_PARAMETERS, response_model=StatsReport)
    async def stats(request: Request) -> Response:
        """Requests of the last quarter of an hour, second by second."""
        seconds = whole_number(request, "seconds", range(1, KEPT_SECONDS + 1)) or KEPT_SECONDS
        last = series.last_second
        asked = request.query_params
        wanted = {name: asked[name] for name in ("model", "alias") if name in asked}
        kept = [
            each
            for each in series.kept(last - seconds + 1)
            if wanted.items() <= each.key._asdict().items()
        ]
        written = partial(stats_text, instance, kept, last - seconds + 1, last)
        return reply(cut(await beside.run(written)))

    return router


def stats_text(instance: str, kept: Sequence[KeptSeries], first: int, last: int) -> Sequence[bytes]:
    """`StatsReport` of these seconds, both included; of many series it takes long."""
    head = {"at": last, "instance": instance, "step_seconds": 1, "bounds": BOUNDS}
    listed = b",".join(_texts(kept, first, last))
    return (json_text(head)[:-1], b',"series":[', listed, b"]}")


def _texts(kept: Sequence[KeptSeries], first: int, last: int) -> Iterator[bytes]:
    written = 0
    for each in kept:
        points = [(*row[:4], row[4:]) for row in each.between(first, last)]
        if points:
            yield json_text({**each.key._asdict(), "points": points})
        written += len(points)
        if written >= _POINTS_AT_ONCE:
            written = 0
            time.sleep(_TURN_SECONDS)
