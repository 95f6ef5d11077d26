"""What every part stands on: a model in a registry, and a service in surroundings of its own."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.tracking import copy_database

REF = "steady@champion"
SECONDS = 240.0
ROW = {"dataframe_records": [{"x": 1.5}]}


@dataclass(frozen=True, slots=True)
class Ground:
    """Where one part works.

    Attributes:
        folder: its own.
        migrated: a database of MLflow's with nothing in it.
        model: a saved model that doubles.
    """

    folder: Path
    migrated: Path
    model: Path

    def registry(self) -> str:
        """The address of one that has the model."""
        address = f"sqlite:///{copy_database(self.migrated, self.folder)}"
        self.fill(address)
        return address

    def fill(self, address: str) -> None:
        """Registers the model there, under the alias that is served."""
        Registry(address, "steady").add(self.model, "champion")

    @contextlib.contextmanager
    def service(
        self, address: str = "", program: Sequence[str] = ("-m", "service"), **environment: str
    ) -> Iterator[RunningService]:
        """One that is ready and has answered; it is stopped afterwards, and has to drain."""
        home = self.folder / "home"
        home.mkdir()
        mlflow = address or self.registry()
        with running_service([REF], mlflow, home, program, **environment) as service:
            service.wait_until_ready()
            predict(service.url)
            yield service
            assert service.stop() == 0


def new_model(folder: Path) -> Path:
    """What is served by all."""
    return models.save(folder, "temperamental")


def predict(url: str, **headers: str) -> httpx.Response:
    """The reply to one row, which is right."""
    reply = httpx.post(
        f"{url}/predict", json=ROW, headers=headers, timeout=SECONDS, trust_env=False
    )
    assert reply.status_code == 200, reply.text
    assert reply.json()["predictions"] == [3.0], reply.text
    return reply


def get(url: str, **headers: str) -> httpx.Response:
    """A page."""
    reply = httpx.get(url, headers=headers, timeout=SECONDS, trust_env=False)
    assert reply.status_code == 200, f"{url}: {reply.status_code}"
    return reply


def program(name: str) -> str:
    """Where it is. Raises AssertionError, which says how it is to be had."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    assert found is not None, f"{name} is not installed: apt-get install {name}"
    return found
