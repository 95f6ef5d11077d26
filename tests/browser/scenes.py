"""What the screenshots show: real versions of flowers' names, under load from several clients."""

import math
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pandas as pd
from mlflow.models import infer_signature

from service.rollout_tags import tag_name
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService
from tests.support.waiting import wait_until

SECONDS: Final = 300
_COLUMNS: Final = ("sepal_length", "sepal_width", "petal_length", "petal_width")
_FLOWERS: Final = pd.DataFrame([[5.1, 3.5, 1.4, 0.2], [6.3, 2.9, 5.1, 1.8]], columns=_COLUMNS)
_NAMES: Final = pd.Series(["setosa", "virginica"], name="species")
# A wave of so many seconds, so that plots have something to tell.
_WAVE: Final = 47


@dataclass(frozen=True, slots=True)
class Scenes:
    """Versions of one registry, and where they are made."""

    uri: str
    folder: Path

    def version(
        self,
        name: str,
        limit: float = 4.9,
        seconds: float = 0.002,
        asks: pd.DataFrame = _FLOWERS,
        **more: str,
    ) -> str:
        """The next version of that model; its number."""
        place = models.save(
            self.folder / f"{name}-{time.monotonic_ns()}",
            "petals",
            infer_signature(asks, _NAMES),
            asks,
            config={"limit": limit, "seconds": seconds, **more},
        )
        return self.registry(name).log(place)

    def breaking(self, name: str) -> None:
        """The champion is moved to a version that asks for a column more than clients send."""
        version = self.version(name, asks=_FLOWERS.assign(colour="violet"))
        self.registry(name).move("champion", version)

    def waiting(self, name: str) -> models.Gate:
        """The champion is moved to a version that waits while it is loaded."""
        folder = self.folder / f"gate-{name}"
        folder.mkdir()
        gate = models.Gate(folder)
        gate.open()  # saving a model loads it
        version = self.version(name, gate=str(folder))
        gate.close()
        self.registry(name).move("champion", version)
        wait_until(lambda: gate.arrived, SECONDS, "it is being loaded")
        return gate

    def registry(self, name: str) -> Registry:
        """That registered model."""
        return Registry(self.uri, name)

    def tag(self, name: str, kind: str, value: str) -> None:
        """Steers the model's champion."""
        client = self.registry(name).client
        client.set_registered_model_tag(name, tag_name(kind, "champion"), value)


def _body(chance: random.Random) -> Mapping[str, object]:
    rows = [
        {name: round(chance.uniform(1.0, 6.5), 1) for name in _COLUMNS}
        for _ in range(chance.randint(1, 4))
    ]
    return {"dataframe_records": rows}


@contextmanager
def load(service: RunningService, rates: Mapping[str, float]) -> Iterator[None]:
    """While it lasts, each slot is asked about so many times a second, in waves."""
    over = threading.Event()
    threads = [
        threading.Thread(target=_ask, args=(service.url, ref, rate, over))
        for ref, rate in rates.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _ask(url: str, ref: str, rate: float, over: threading.Event) -> None:
    chance = random.Random(ref)  # noqa: S311 - of a picture
    shift = chance.uniform(0, _WAVE)
    with httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as client:
        while not over.is_set():
            client.post(f"/models/{ref}/predict", json=_body(chance))
            wave = 1 + 0.55 * math.sin((time.time() + shift) * 2 * math.pi / _WAVE)
            over.wait(chance.expovariate(rate * wave))
