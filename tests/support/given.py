"""Requests for predictions that no transport has brought."""

import math
from collections.abc import Mapping
from typing import Generic

import structlog

from service.predicting.request import (
    Caller,
    F,
    HeldBytes,
    PredictionRequest,
    RequestBody,
    RequestIds,
    RequestRecord,
    RequestShare,
)
from service.predicting.route import RouteContext

JSON = {b"content-type": b"application/json"}


class GivenRequest(PredictionRequest[F], Generic[F]):
    """One whose body is there; it may take as long as the service allows."""

    def __init__(
        self,
        context: RouteContext,
        body: RequestBody,
        headers: Mapping[bytes, bytes] = JSON,
        caller: Caller | None = None,
    ) -> None:
        super().__init__("given", None, headers, caller, RequestShare(context.bodies))
        self._body = body

    async def body(self, limit: int) -> RequestBody:
        """What was given, held."""
        size = len(self._body) if isinstance(self._body, bytes) else sum(map(len, self._body))
        assert size <= limit
        self.share.take(size)
        return self._body

    def seconds(self, most: float) -> float:
        """All of them."""
        return most


class Told:
    """Remembers what it is told of requests."""

    def __init__(self) -> None:
        self.records: list[RequestRecord] = []

    def answered(self, record: RequestRecord) -> None:
        """Keeps the record."""
        self.records.append(record)


def given_context(
    told: Told, limit: int = 1 << 20, seconds: float = math.inf, *, timed: bool = False
) -> RouteContext:
    """What routes share, with bodies of at most `limit` bytes."""
    bodies, replies = HeldBytes(2 * limit), HeldBytes(2 * limit)
    logger = structlog.get_logger()
    return RouteContext(limit, bodies, replies, RequestIds(), (told,), logger, seconds, timed)
