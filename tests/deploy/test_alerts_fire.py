"""Every alert that is shipped, on the fault that it is named for, made for real.

A real service of a real MLflow, scraped by a real Prometheus that evaluates the shipped rules. Here
these fire at once (`tests.deploy.prometheus.soon`); each is silent before its fault.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.deploy.programs import needs_programs
from tests.deploy.prometheus import SECONDS, Prometheus, prometheus
from tests.deploy.test_alerts import NAMES
from tests.models.temperamental import EXIT, HANG, RAISE
from tests.support import models
from tests.support.http_server import Response, http_server
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.tracking import mlflow_server
from tests.support.waiting import until, wait_until

pytestmark = [
    needs_programs,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # MLflow's own, of saving
]
_NUMBERS: Final = count()
# Beyond PodiumQueueLong's limit.
_WAITING: Final = 150


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One Prometheus for all; each service is an instance of its own."""
    with prometheus(tmp_path_factory.mktemp("prometheus")) as made:
        yield made


@dataclass
class Scene:
    """A model of its own, of which services are watched."""

    watching: Prometheus
    registry: Registry
    folder: Path

    @property
    def ref(self) -> str:
        """What is served."""
        return f"{self.registry.name}@champion"

    def good(self, **tags: str) -> None:
        """A next version, which has moods; the alias is on it."""
        self.registry.add(self._saved(), "champion", **tags)

    def broken(self) -> str:
        """A next version, which cannot be loaded."""
        place = self._saved()
        (place / "temperamental.py").write_text("raise RuntimeError('broken')\n")
        return self.registry.add(place)

    @contextlib.contextmanager
    def served(
        self, alert: str, *, ready: bool = True, **environment: str
    ) -> Iterator[RunningService]:
        """A service of that model, which Prometheus has seen; the alert does not fire of it."""
        home = self.folder / f"home-{next(_NUMBERS)}"
        home.mkdir()
        uri = self.registry.tracking_uri
        with running_service([self.ref], uri, home, **environment) as service:
            if ready:
                service.wait_until_ready()
            instance = self.watching.watch(service.url)
            try:
                if ready:
                    self._is_silent(alert, instance)
                yield service
            finally:
                self.watching.forget(instance)

    def _is_silent(self, alert: str, instance: str) -> None:
        def silent() -> bool:
            found = self.watching.firing
            return alert not in found(instance=instance) | found(model=self.registry.name)

        # A look may take its time on a busy machine.
        wait_until(silent, SECONDS, f"{alert} is silent")

    def fires(
        self, alert: str, service: RunningService, meanwhile: Callable[[], Any] = int
    ) -> None:
        """Returns when it does, for that service; `meanwhile` is done again and again."""
        instance = service.url.removeprefix("http://")
        self.is_told(alert, meanwhile, instance=instance)

    def is_told(self, alert: str, meanwhile: Callable[[], Any] = int, **labels: str) -> None:
        """Returns when it fires with these labels."""

        def fires() -> bool:
            meanwhile()
            return alert in self.watching.firing(**labels)

        wait_until(fires, SECONDS, lambda: f"{alert}; firing: {self.watching.firing(**labels)}")

    def ask(self, service: RunningService, value: float) -> int:
        """The status of a request with that mood."""
        body = {"dataframe_records": [{"x": value}]}
        url = f"{service.url}/predict"
        return httpx.post(url, json=body, trust_env=False, timeout=SECONDS).status_code

    def _saved(self) -> Path:
        folder = self.folder / f"version-{next(_NUMBERS)}"
        folder.mkdir()
        return models.save(folder, "temperamental")


@pytest.fixture
def scene(watching: Prometheus, tracking_uri: str, tmp_path: Path) -> Scene:
    """With a version that serves."""
    made = Scene(watching, Registry(tracking_uri, f"alarming-{next(_NUMBERS)}"), tmp_path)
    made.good()
    return made


def test_every_alert_has_its_fault_here() -> None:
    """`PodiumDown` is fired by `test_podium_down`, and so on."""
    words = {
        name: "".join(f"_{each.lower()}" if each.isupper() else each for each in name)
        for name in NAMES
    }
    assert [name for name, word in words.items() if f"test{word}" not in globals()] == []


def test_podium_down(scene: Scene) -> None:
    """A service that was killed."""
    with scene.served("PodiumDown") as service:
        url = service.url
        service.process.kill()
        service.process.wait(SECONDS)
        scene.is_told("PodiumDown", instance=url.removeprefix("http://"))


def test_podium_slot_not_ready(scene: Scene) -> None:
    """The alias is on a version that cannot be loaded, and nothing has served before."""
    scene.registry.move("champion", scene.broken())
    with scene.served("PodiumSlotNotReady", ready=False) as service:
        scene.fires("PodiumSlotNotReady", service)


def test_podium_alias_missing(scene: Scene) -> None:
    """An alias that somebody has deleted."""
    with scene.served("PodiumAliasMissing") as service:
        scene.registry.client.delete_registered_model_alias(scene.registry.name, "champion")
        scene.fires("PodiumAliasMissing", service)
        assert scene.ask(service, 1.0) == 200


def test_podium_version_refused(scene: Scene) -> None:
    """A version that cannot be loaded; the one before it answers."""
    with scene.served("PodiumVersionRefused") as service:
        scene.registry.move("champion", scene.broken())
        scene.fires("PodiumVersionRefused", service)
        assert scene.ask(service, 1.0) == 200


def test_podium_version_gave_way(scene: Scene) -> None:
    """Every other request fails with it."""
    registry = scene.registry
    registry.add(models.worsening(scene.folder / "proven"), "champion")
    with scene.served("PodiumVersionGaveWay", PODIUM_BAKE_SECONDS="600") as service:
        for value in range(100):
            assert scene.ask(service, float(value)) == 200
        registry.add(models.worsening(scene.folder / "worse", fails=50), "champion")
        wait_until(lambda: service.slot(scene.ref)["version"] == "3", SECONDS, "it serves")
        values = count()
        scene.fires(
            "PodiumVersionGaveWay", service, lambda: scene.ask(service, float(next(values) % 100))
        )


def test_podium_registry_silent(
    watching: Prometheus, migrated_database: Path, tmp_path: Path
) -> None:
    """An MLflow that was ended."""
    with mlflow_server(migrated_database, tmp_path) as server:
        scene = Scene(watching, Registry(server.url, f"alarming-{next(_NUMBERS)}"), tmp_path)
        place = scene._saved()
        scene.registry.move("champion", scene.registry.log(place))
        with scene.served("PodiumRegistrySilent") as service:
            server.stop()
            scene.fires("PodiumRegistrySilent", service)
            assert scene.ask(service, 1.0) == 200


def test_podium_alias_lag(scene: Scene) -> None:
    """A version whose load does not come to an end."""
    place, gate = models.gated(scene.folder / "slow", 2, "load")
    with scene.served("PodiumAliasLag") as service:
        scene.registry.add(place, "champion")
        scene.fires("PodiumAliasLag", service)
        gate.open()


def test_podium_instances_disagree(scene: Scene) -> None:
    """One of two asks for a tag that the next version does not have."""
    scene.good(approved="yes")
    with (
        scene.served("PodiumInstancesDisagree") as one,
        scene.served("PodiumInstancesDisagree", PODIUM_REQUIRE_TAGS="approved=yes") as other,
    ):
        scene.good()
        scene.is_told("PodiumInstancesDisagree", model=scene.registry.name)
        assert [each.slot(scene.ref)["version"] for each in (one, other)] == ["3", "2"]


def test_podium_host_restarts(scene: Scene) -> None:
    """A model that ends its process at some requests."""
    with scene.served("PodiumHostRestarts") as service:

        def ask() -> None:
            scene.ask(service, float(EXIT))
            scene.ask(service, 1.0)

        scene.fires("PodiumHostRestarts", service, ask)


def test_podium_zygote_restarts(scene: Scene) -> None:
    """Everything below the service is killed, as for want of memory."""
    with scene.served("PodiumZygoteRestarts") as service:
        for process in service.descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        scene.fires("PodiumZygoteRestarts", service)


def test_podium_error_share(scene: Scene) -> None:
    """The model raises on every other request."""
    with scene.served("PodiumErrorShare") as service:

        def ask() -> None:
            for value in (1.0, float(RAISE)):
                scene.ask(service, value)

        scene.is_told("PodiumErrorShare", ask, model=scene.registry.name)


async def test_podium_queue_long(scene: Scene) -> None:
    """The only process hangs, and requests go on coming."""
    stack = contextlib.ExitStack()
    service = await asyncio.to_thread(stack.enter_context, scene.served("PodiumQueueLong"))
    limits = httpx.Limits(max_connections=2 * _WAITING)
    async with httpx.AsyncClient(
        base_url=service.url, trust_env=False, timeout=SECONDS, limits=limits
    ) as client:
        body = {"dataframe_records": [{"x": float(HANG)}]}
        asking = [asyncio.create_task(client.post("/predict", json=body)) for _ in range(_WAITING)]
        instance = service.url.removeprefix("http://")
        try:
            await until(
                lambda: "PodiumQueueLong" in scene.watching.firing(instance=instance),
                SECONDS,
                "PodiumQueueLong",
            )
        finally:
            for each in asking:
                each.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
    await asyncio.to_thread(stack.close)


def test_podium_disk_unwritable(scene: Scene) -> None:
    """The ledger's disk is full: each write to it ends with ENOSPC."""
    with scene.served("PodiumDiskUnwritable", PODIUM_SERVICE_NAME="full") as service:
        (ledger,) = scene.folder.rglob("services/full/ledger.jsonl")
        ledger.unlink()
        ledger.symlink_to("/dev/full")
        scene.good()
        scene.fires("PodiumDiskUnwritable", service)
        wait_until(lambda: service.slot(scene.ref)["version"] == "2", SECONDS, "it serves")


def test_podium_events_lost(scene: Scene) -> None:
    """A receiver that does not take them."""
    with (
        http_server(lambda _: Response(b"", 404)) as url,
        scene.served("PodiumEventsLost", PODIUM_EVENTS_URL=url) as service,
    ):
        scene.good()
        scene.fires("PodiumEventsLost", service)
