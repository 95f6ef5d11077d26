"""From an alias's move to the first reply by the version that it was moved to."""

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpx
from rich.console import Console
from rich.progress import track

from tests.support.registered import Registry
from tests.support.services import RunningService

ROW: Final = {"dataframe_records": [{"x": 1.0}]}
POLL_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Moves:
    """Seconds from the return of `set_registered_model_alias` to the first reply, for each move.

    `fetch` and `load` are the medians that the service's log has of those stages; 0 where they were
    left out, the version's processes being there still.
    """

    name: str
    seconds: Sequence[float]
    fetch: float
    load: float

    @property
    def median(self) -> float:
        """Half of the moves were followed sooner."""
        return statistics.median(self.seconds)


def moves(name: str, service: RunningService, registry: Registry, number: int) -> Moves:
    """Moves `champion` between versions 1 and 2, which both have served before the first one.

    Each move comes at another moment between two looks; the moments are the same in every run.
    """
    service.wait_until_ready()
    draw = random.Random(8888)  # noqa: S311 - the same moments in every run
    with httpx.Client(base_url=service.url, trust_env=False, timeout=_LONGEST_SECONDS) as client:
        for version in "21":
            _moved(client, registry, version)
        seconds = []
        for turn in track(range(number), name, console=Console(stderr=True)):
            time.sleep(draw.uniform(0, POLL_SECONDS))
            seconds.append(_moved(client, registry, "21"[turn % 2]))
    return Moves(name, seconds, *(_stage(service, stage, number) for stage in ("fetch", "load")))


def _stage(service: RunningService, stage: str, number: int) -> float:
    swaps = service.events("swapped")[-number:]
    return statistics.median(float(each["seconds"].get(stage, 0)) for each in swaps)


def _moved(client: httpx.Client, registry: Registry, version: str) -> float:
    registry.move("champion", version)
    returned = time.perf_counter()
    while (taken := time.perf_counter() - returned) < _LONGEST_SECONDS:
        answer = client.post(f"/models/{registry.name}@champion/predict", json=ROW)
        if answer.raise_for_status().json()["model"]["version"] == version:
            return time.perf_counter() - returned
    raise RuntimeError(f"version {version} did not answer within {taken:.0f} s")
