"""The registry at the worst moments: it comes late, and its alias moves while a version is brought.

A real MLflow server, with somebody between it and the service who holds up what it answers; models
that stand still while they load or warm up. Order comes from what has happened, never from time.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.components.load import ROW, SECONDS, Load, failure_code, under_load
from tests.support import models, tracking
from tests.support.http_server import Between, Request, Response, http_server
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

NAME = "moving"
REF = f"{NAME}@champion"
TOKEN, CLOCK_SET_BACK = "the-operator", "the clock is set back"


@dataclass(slots=True)
class World:
    """A service, its registry, and who is between them.

    Versions answer with their numbers. With `PODIUM_KEEP_WARM_SECONDS=0` nothing of a version that
    is left behind has a reason to stay.
    """

    service: RunningService
    registry: Registry
    between: Between
    folder: Path
    versions: int = 0
    without_registry: dict[str, Any] = field(default_factory=dict)

    def add(self, stage: str = "none", number: int | None = None) -> tuple[str, models.Gate]:
        """The next version, and the gate at which it waits at that stage."""
        self.versions += 1
        place, gate = models.gated(
            self.folder / f"made-{self.versions}", number or self.versions, stage
        )
        return self.registry.log(place), gate

    @contextmanager
    def serving(self, version: str) -> Iterator[Load]:
        """Under load, from when that version serves; every reply must be its version's own."""
        self.registry.move("champion", version)
        self.wait_for(version)
        with under_load(self.service, self.registry) as load:
            load.wait_for(version)
            yield load
        assert [each for each in load.replies if not each.right] == []

    def wait_for(self, version: str) -> None:
        """Returns when the slot is at rest on that version, and nothing of another is left."""

        def at_rest() -> bool:
            slot = self.service.slot(REF)
            found = slot["state"], slot["version"], slot["aspired"], slot["last_failure"]
            return found == ("serving", version, version, None) and self.is_tidy()

        wait_until(at_rest, SECONDS, lambda: f"at rest on {version}; {self.service.log[-20:]}")

    def is_tidy(self) -> bool:
        """One host, one child that looks, and no half of an artifact."""
        names = Counter[str]()
        for pid in self.service.descendants():
            with suppress(OSError):
                names[Path(f"/proc/{pid}/comm").read_text().strip()] += 1
        partial = list((self.folder / "podium/cache").glob("partial-*"))
        return (names["host"], names["registry.child"], partial) == (1, 1, [])

    def swaps(self) -> list[tuple[str | None, str]]:
        """Every swap so far: from which version to which."""
        return [(line["previous"], line["version"]) for line in self.service.events("swapped")]

    def assert_left_behind(self, version: str) -> None:
        """It was given up on its way, and has never served."""

        def is_told() -> bool:
            return version in {line["version"] for line in self.service.events("staging_abandoned")}

        wait_until(is_told, SECONDS, f"{version} is given up")
        assert version not in {new for _, new in self.swaps()}


def is_told_of(version: str) -> Callable[[Request, Response], bool]:
    """Whether it is a look that finds the alias on that version."""

    def fits(request: Request, response: Response) -> bool:
        if not request.path.endswith("/registered-models/get"):
            return False
        aliases = json.loads(response.body)["registered_model"].get("aliases", [])
        return {"alias": "champion", "version": version} in aliases

    return fits


def is_a_file_of_an_artifact(request: Request, _: Response) -> bool:
    """Whether it is a part of what a fetch brings."""
    return "/mlflow-artifacts/artifacts/" in request.path


def told(service: RunningService) -> dict[str, Any]:
    """What a service says of itself that has found no registry."""
    with httpx.Client(base_url=service.url, trust_env=False, timeout=SECONDS) as client:
        return {
            "live": client.get("/health/live").status_code,
            "ready": client.get("/health/ready"),
            "prediction": client.post("/predict", json=ROW),
            "models": client.get("/models").json(),
        }


@pytest.fixture(scope="module")
def world(mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A service with an empty home whose registry came up after it had started."""
    folder, between = tmp_path_factory.mktemp("moves"), Between(mlflow_server)
    port = tracking.free_port()
    clock = {"TEST_CLOCK_SET_BACK": str(folder / CLOCK_SET_BACK)}
    environment = {"PODIUM_KEEP_WARM_SECONDS": "0", "PODIUM_ADMIN_TOKEN": TOKEN} | clock
    program = ("-m", "tests.support.wrong_clock")
    url = f"http://127.0.0.1:{port}"
    with running_service([REF], url, folder, program, **environment) as service:
        made = World(service, Registry(mlflow_server, NAME), between, folder)
        for _ in range(3):
            made.add()
        made.registry.move("champion", "1")
        wait_until(lambda: service.events("look_failed"), SECONDS, "it has looked")
        made.without_registry = told(service)
        with http_server(between, port):
            service.wait_until_ready()
            yield made
    between.close()


def test_p5_service_that_starts_before_its_registry_says_so_and_is_ready_once_it_comes(
    world: World,
) -> None:
    """Alive, not ready, 503 for predictions; the log and `/models` say what is missing."""
    before = world.without_registry
    assert before["live"] == 200
    assert (before["ready"].status_code, before["ready"].json()["not_ready"]) == (503, [REF])
    assert before["prediction"].status_code == 503
    assert before["prediction"].json()["code"] == "no_servable"
    assert int(before["prediction"].headers["retry-after"]) > 0
    look, (slot,) = before["models"]["look"], before["models"]["models"]
    assert (slot["state"], slot["ready"], slot["version"]) == ("empty", False, None)
    assert (look["succeeded_at"], look["failure"]["code"]) == (None, "registry_unreachable")
    assert "MLFLOW_TRACKING_URI" in look["failure"]["message"]
    assert world.service.events("look_failed")[0]["code"] == "registry_unreachable"
    world.wait_for("1")
    wait_until(lambda: world.service.events("look_recovered"), SECONDS, "it is told")


def test_p6_alias_moved_during_the_look_up_ends_where_it_points_last(world: World) -> None:
    """MLflow has answered, the service has not got it yet, and it is wrong by then."""
    with world.serving("1") as load:
        with world.between.holding(is_told_of("2")) as look:
            world.registry.move("champion", "2")
            look.wait()
            world.registry.move("champion", "3")
        load.wait_for("3")
        world.wait_for("3")


def test_p6_alias_moved_during_the_fetch_ends_where_it_points_last(world: World) -> None:
    """Half of the artifact has come; it is given up, and nothing of it stays."""
    version, _ = world.add()
    with world.serving("1") as load, world.between.holding(is_a_file_of_an_artifact) as fetch:
        world.registry.move("champion", version)
        fetch.wait()
        world.registry.move("champion", "2")
        load.wait_for("2")
        world.wait_for("2")
        world.assert_left_behind(version)


@pytest.mark.parametrize("stage", ["load", "warm_up"])
def test_p6_alias_moved_during_load_or_warm_up_ends_where_it_points_last(
    world: World, stage: str
) -> None:
    """The process that stands still there is gone, and the version never answers."""
    version, gate = world.add(stage)
    with world.serving("1") as load:
        world.registry.move("champion", version)
        wait_until(lambda: gate.arrived, SECONDS, f"its {stage} begins")
        world.registry.move("champion", "3")
        load.wait_for("3")
        world.wait_for("3")
        world.assert_left_behind(version)


def test_p3_alias_that_leaves_a_version_on_its_way_and_comes_back_gets_it(world: World) -> None:
    """What was given up in its warm-up is begun anew."""
    version, gate = world.add("warm_up")
    with world.serving("1") as load:
        world.registry.move("champion", version)
        wait_until(lambda: gate.arrived, SECONDS, "its warm-up begins")
        world.registry.move("champion", "1")
        world.assert_left_behind(version)
        world.wait_for("1")
        gate.open()
        world.registry.move("champion", version)
        load.wait_for(version)
        world.wait_for(version)


def test_p6_alias_moved_a_hundred_times_in_a_second_ends_where_it_points_last(
    world: World, session_server: tracking.MlflowServer
) -> None:
    """By MLflow's own store, which takes half of that; by way of its server they take two."""
    store = Registry(f"sqlite:///{session_server.database}", NAME)
    store.move("champion", "1")
    with world.serving("1") as load:
        for move in range(100):
            store.move("champion", "213"[move % 3])
        load.wait_for("2")
        world.wait_for("2")


def test_clock_set_back_on_a_running_service_breaks_nothing(world: World) -> None:
    """No lag and no age below zero; nothing waits for yesterday; the ledger keeps its order."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    mark = world.folder / CLOCK_SET_BACK
    with world.serving("1") as load:
        mark.touch()
        world.registry.move("champion", "3")
        load.wait_for("3")
        world.wait_for("3")
        slot = world.service.slot(REF)
        ages = slot["lag_seconds"], slot["look"]["age_seconds"]
        metrics = world.service.metrics()
        url = f"{world.service.url}/swaps?limit=2"
        newer, older = httpx.get(url, headers=headers, trust_env=False, timeout=SECONDS).json()[
            "swaps"
        ]
        mark.unlink()
    assert min(*ages, metrics["podium_registry_look_age_seconds"]) >= 0
    assert metrics["podium_registry_look_age_seconds"] < SECONDS
    assert (newer["to"], older["to"], newer["id"]) == ("3", "1", older["id"] + 1)
    assert newer["at"] < older["at"]
    assert min(newer["details"]["seconds"].values()) >= 0


def test_p4_version_deleted_in_the_registry_while_it_serves_goes_on_serving(world: World) -> None:
    """Its alias goes with it, which is told; the next move is followed."""
    version, _ = world.add()
    with world.serving(version) as load:
        world.registry.client.delete_model_version(NAME, version)
        missed = "alias_missing"
        wait_until(lambda: failure_code(world.service, REF) == missed, SECONDS, "it is missed")
        assert {each.version for each in load.wait_for_more(20)} == {version}
        world.registry.move("champion", "2")
        load.wait_for("2")
        world.wait_for("2")


def test_p4_model_renamed_while_it_serves_goes_on_serving(world: World) -> None:
    """Told as missing by its old name; named so again, it is the same version."""
    with world.serving("1") as load:
        before = world.swaps()
        world.registry.client.rename_registered_model(NAME, f"{NAME} no more")
        missed = "model_missing"
        wait_until(lambda: failure_code(world.service, REF) == missed, SECONDS, "it is missed")
        assert {each.version for each in load.wait_for_more(20)} == {"1"}
        world.registry.client.rename_registered_model(f"{NAME} no more", NAME)
        world.wait_for("1")
    assert world.swaps() == before


def test_p4_model_deleted_and_made_anew_is_another_version_of_the_same_number(world: World) -> None:
    """The old one serves until the new one can."""
    with world.serving("1") as load:
        world.registry.client.delete_registered_model(NAME)
        missed = "model_missing"
        wait_until(lambda: failure_code(world.service, REF) == missed, SECONDS, "it is missed")
        assert {each.version for each in load.wait_for_more(20)} == {"1"}
    before = world.swaps()
    assert world.add(number=1001)[0] == "1"
    world.registry.move("champion", "1")
    wait_until(lambda: world.swaps() != before, SECONDS, "the new one serves")
    world.wait_for("1")
    answer = httpx.post(
        f"{world.service.url}/predict", json=ROW, trust_env=False, timeout=SECONDS
    ).json()
    assert (answer["predictions"], answer["model"]["version"]) == ([1001], "1")
    assert world.swaps()[len(before) :] == [("1", "1")]
