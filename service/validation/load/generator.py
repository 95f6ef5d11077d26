"""Requests of one kind, a bounded number at a time, and how long each has taken."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Protocol

from service.errors import ServiceError

_LEAST_REQUESTS: Final = 3


class LoadedVersion(Protocol):
    """A version whose hosts run: `service.validation.trial.version_on_trial.VersionOnTrial`."""

    @property
    def number(self) -> str:
        """As MLflow counts it."""

    async def answer(self, body: bytes) -> bytes:
        """The predictions; raises `ServiceError`."""
        ...

    async def held_bytes(self) -> int:
        """What a host holds now, the largest of several."""
        ...


@dataclass(frozen=True, slots=True)
class RequestKind:
    """What is sent again and again: of so many rows."""

    name: str
    body: bytes
    rows: int


@dataclass(slots=True)
class LoadTurn:
    """What came of a while under load.

    Attributes:
        times: of each request that was answered, in seconds.
        seconds: how long all of it took.
        failures: sentences, of each request that was not answered.
    """

    times: list[float] = field(default_factory=list)
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    @property
    def middle(self) -> float:
        """The median time; infinite where nothing was answered."""
        return median(self.times) if self.times else math.inf


async def put_under_load(
    version: LoadedVersion,
    kind: RequestKind,
    seconds: float,
    at_once: int,
    stopped: Callable[[], bool] = lambda: False,
) -> LoadTurn:
    """Asks for that long, `at_once` requests at a time, each time anew as a client would.

    At least three requests are made, however long they take, unless it is `stopped`.
    """
    turn, began = LoadTurn(), time.perf_counter()

    def goes_on() -> bool:
        made = len(turn.times) + len(turn.failures)
        if stopped() or turn.failures:
            return False
        return made < _LEAST_REQUESTS or time.perf_counter() - began < seconds

    async def client() -> None:
        while goes_on():
            await _ask(version, kind.body, turn)

    await asyncio.gather(*(client() for _ in range(at_once)))
    turn.seconds = time.perf_counter() - began
    return turn


async def _ask(version: LoadedVersion, body: bytes, turn: LoadTurn) -> None:
    began = time.perf_counter()
    try:
        await version.answer(body)
    except ServiceError as error:
        turn.failures.append(error.message)
    else:
        turn.times.append(time.perf_counter() - began)


def percentile(times: Sequence[float], part: float) -> float:
    """The time that this part of the requests did not exceed; infinite where there is none."""
    ordered = sorted(times)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else math.inf
