"""From an alias's move to the first reply by the version that it was moved to."""

import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import track

from tests.support.registered import Registry
from tests.support.services import RunningService

# What its service must be started with, so that the ledger tells who asked and how long it took.
LEDGER_KEY: Final = {"PODIUM_ADMIN_TOKEN": "measured"}
# As the ledger names them; `load` is fork, load and warm-up.
STAGES: Final = ("look", "fetch", "gates", "load")
# Before each move, at random, up to so long: as long as from one look to the next.
_APART_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 60.0
# Between two requests: whoever asks without a pause takes the processor from what is awaited.
_PAUSE_SECONDS: Final = 0.005


@dataclass(frozen=True, slots=True)
class Moves:
    """Seconds from the return of `set_registered_model_alias` to the first reply, for each move.

    `stages` are the medians of each stage in the ledger, 0 where it was left out; `triggers` is
    what made the service look, each time.
    """

    seconds: Sequence[float]
    stages: Mapping[str, float]
    triggers: Sequence[str]

    @property
    def median(self) -> float:
        """Half of the moves were followed sooner."""
        return statistics.median(self.seconds)


def moves(
    name: str,
    service: RunningService,
    registry: Registry,
    body: Mapping[str, Any],
    versions: Sequence[str],
) -> Moves:
    """Moves `champion` to each of the versions in turn; a client asks with `body` meanwhile.

    Each move comes at another moment between two looks; the moments are the same in every run.
    """
    draw = random.Random(8888)  # noqa: S311 - the same moments in every run
    seconds = []
    with httpx.Client(base_url=service.url, trust_env=False, timeout=_LONGEST_SECONDS) as client:
        for version in track(versions, name, console=Console(stderr=True)):
            time.sleep(draw.uniform(0, _APART_SECONDS))
            seconds.append(_moved(client, registry, body, version))
        noted = _noted(client, len(versions))
    stages = {
        stage: statistics.median(float(each["seconds"].get(stage, 0)) for each in noted)
        for stage in STAGES
    }
    return Moves(seconds, stages, [each["trigger"] for each in noted])


def _moved(
    client: httpx.Client, registry: Registry, body: Mapping[str, Any], version: str
) -> float:
    registry.move("champion", version)
    returned = time.perf_counter()
    while (taken := time.perf_counter() - returned) < _LONGEST_SECONDS:
        answer = client.post(f"/models/{registry.name}@champion/predict", json=body)
        if answer.raise_for_status().json()["model"]["version"] == version:
            return time.perf_counter() - returned
        time.sleep(_PAUSE_SECONDS)
    raise RuntimeError(f"version {version} did not answer within {taken:.0f} s")


def _noted(client: httpx.Client, number: int) -> Sequence[Mapping[str, Any]]:
    key = {"Authorization": f"Bearer {LEDGER_KEY['PODIUM_ADMIN_TOKEN']}"}
    answer = client.get("/swaps", params={"limit": number}, headers=key).raise_for_status()
    return [swap["details"] for swap in answer.json()["swaps"]]
