"""A real version that does worse than the one before it gives way, and others do not (P20).

Real MLflow, service and hosts. What ends a bake is a number of requests, never a wait: where
nothing is to happen, the bake is looked at after all requests, and lasts longer than the test.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

# Bakes are real ones, of real versions.
pytestmark = pytest.mark.timeout(1800)

_SECONDS = 240
_TOKEN = "the-operator"
_POISON = 1001.0
_NAMES = count()


@dataclass
class Baked:
    """A service whose version 1 is proven, and its registry; versions are made as tests wish."""

    tracking_uri: str
    folder: Path
    tags: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """A model of its own."""
        self.registry = Registry(self.tracking_uri, f"baked-{next(_NAMES)}")
        self.ref = f"{self.registry.name}@champion"
        self._made = count()
        self._values = count()

    def add(self, fails: int = 0, seconds: float = 0.0) -> str:
        """The next version."""
        place = models.worsening(self.folder / f"made-{next(self._made)}", fails, seconds)
        return self.registry.log(place)

    def ask(self, service: RunningService, number: int, value: float | None = None) -> None:
        """So many requests one after the other, of values that all versions meet alike."""
        with httpx.Client(base_url=service.url, timeout=_SECONDS, trust_env=False) as client:
            for _ in range(number):
                x = float(next(self._values) % 100) if value is None else value
                row = {"dataframe_records": [{"x": x}]}
                answer = client.post(f"/models/{self.ref}/predict", json=row)
                self.statuses.append(answer.status_code)

    def move(self, service: RunningService, version: str) -> None:
        """The alias moves there, and the slot serves it."""
        self.registry.move("champion", version)
        self.wait_for(service, version)

    def wait_for(self, service: RunningService, version: str) -> None:
        """Returns when the slot serves it."""
        wait_until(
            lambda: self.slot(service)["version"] == version,
            _SECONDS,
            lambda: f"{version} serves; {service.log[-20:]}",
        )

    def slot(self, service: RunningService) -> dict[str, Any]:
        """As `/models` has it."""
        return service.slot(self.ref)

    def settled(self, service: RunningService, requests: int) -> dict[str, Any]:
        """The bake once so many requests are counted, and what failed has been asked about."""

        def counted() -> bool:
            bake = self.slot(service)["bake"]
            return bake is None or bake["requests"] + bake["spared"] >= requests

        wait_until(counted, _SECONDS, lambda: f"{requests} are counted: {self.slot(service)}")
        return self.slot(service)


@pytest.fixture
def baked(mlflow_server: str, tmp_path: Path) -> Baked:
    """With version 1 at the alias, which never fails."""
    made = Baked(mlflow_server, tmp_path)
    made.registry.move("champion", made.add())
    return made


@pytest.fixture
def start(baked: Baked, tmp_path: Path) -> Iterator[Callable[..., RunningService]]:
    """Starts a service of that model, whose versions bake for ten minutes."""
    with contextlib.ExitStack() as ending:

        def started(home: str = "home", **environment: str) -> RunningService:
            folder = tmp_path / home
            folder.mkdir(exist_ok=True)
            said = {"PODIUM_BAKE_SECONDS": "600", "PODIUM_ADMIN_TOKEN": _TOKEN} | environment
            service = ending.enter_context(
                running_service([baked.ref], baked.tracking_uri, folder, **said)
            )
            service.wait_until_ready()
            return service

        yield started


def test_p20_version_that_fails_20_percent_gives_way_and_stays_away(
    baked: Baked, start: Callable[..., RunningService]
) -> None:
    """At 100 requests, after a restart, until the operator asks for it again."""
    service = start()
    baked.ask(service, 300)
    second = baked.add(fails=20)
    baked.move(service, second)
    baked.ask(service, 100)
    baked.wait_for(service, "1")
    slot = baked.slot(service)
    assert (slot["verdict"]["version"], slot["verdict"]["code"]) == (second, "fails_more")
    assert (slot["quarantined"], slot["state"]) == (second, "refused")
    assert baked.statuses[300:400].count(500) == 20
    assert service.events("gave_way")[0]["to"] == "1"
    labels = f'alias="champion",model="{baked.registry.name}",outcome="gave_way"'
    assert service.metrics()[f"podium_bakes_total{{{labels}}}"] == 1
    service.stop()
    again = start()
    assert baked.slot(again)["version"] == "1"
    assert baked.slot(again)["verdict"]["version"] == second
    assert not [line for line in again.events("staging") if line["version"] == second]
    url = f"{again.url}/models/{baked.ref}/reload"
    headers = {"Authorization": f"Bearer {_TOKEN}"}
    for more in ({}, {"again": "true"}):
        httpx.post(url, headers=headers, params=more, trust_env=False).raise_for_status()
    baked.wait_for(again, second)


def test_p20_version_gives_way_after_a_restart_within_its_bake(
    baked: Baked, start: Callable[..., RunningService]
) -> None:
    """What was proven before it is loaded from its files, though nothing of it was warm."""
    service = start()
    baked.ask(service, 100)
    second = baked.add(fails=50)
    baked.move(service, second)
    service.stop()
    again = start()
    baked.wait_for(again, second)

    def is_compared() -> bool:
        bake = baked.slot(again)["bake"]
        return bake is not None and bake["older"] == "1"

    wait_until(is_compared, _SECONDS, lambda: f"1 is back: {baked.slot(again)}")
    baked.ask(again, 200)
    baked.wait_for(again, "1")
    verdict = baked.slot(again)["verdict"]
    assert (verdict["version"], verdict["code"], verdict["proven"]) == (second, "fails_more", "1")


def test_p20_version_as_the_one_before_stays(
    baked: Baked, start: Callable[..., RunningService]
) -> None:
    """Nothing speaks against it, and what was before it is warm still."""
    service = start()
    baked.ask(service, 300)
    second = baked.add()
    baked.move(service, second)
    baked.ask(service, 400)
    bake = baked.settled(service, 400)["bake"]
    assert (bake["requests"], bake["failures"], bake["older"]) == (400, 0, "1")
    assert baked.slot(service)["version"] == second
    assert not service.events("gave_way")


def test_p20_poisonous_clients_overthrow_nobody(
    baked: Baked, start: Callable[..., RunningService]
) -> None:
    """A third of all requests fails, with either version; the one before is asked, unseen."""
    service = start()
    baked.ask(service, 300)
    second = baked.add()
    baked.move(service, second)
    for _ in range(30):
        baked.ask(service, 2)
        baked.ask(service, 1, value=_POISON)
    baked.ask(service, 60)
    bake = baked.settled(service, 150)["bake"]
    assert (bake["failed"], bake["failures"]) == (30, 0)
    assert bake["spared"] == bake["tried"] > 0
    assert baked.slot(service)["version"] == second
    assert not service.events("gave_way")


def test_p20_version_that_takes_three_times_as_long_gives_way(
    baked: Baked, start: Callable[..., RunningService]
) -> None:
    """Where the model's tag asks for that."""
    name = baked.registry.name
    baked.registry.client.set_registered_model_tag(
        name, "podium.bake.champion", "600s,errors,slower=2x"
    )
    # Longer than a call takes by itself on a machine that has much else to do.
    first, second = baked.add(seconds=0.05), baked.add(seconds=0.15)
    baked.registry.move("champion", first)
    service = start()
    baked.ask(service, 250)
    baked.move(service, second)

    def gave_way() -> bool:
        baked.ask(service, 50)
        return bool(service.events("gave_way"))

    wait_until(gave_way, _SECONDS, lambda: f"{second} gives way: {baked.slot(service)}")
    assert service.events("gave_way")[0]["code"] == "slower"
    assert baked.slot(service)["version"] == first


def test_p20_too_few_requests_leave_a_version_unproven_and_say_so(
    baked: Baked, start: Callable[..., RunningService]
) -> None:
    """What was before it is kept until there are enough, or nobody waits for more."""
    service = start(PODIUM_BAKE_SECONDS="0.1")
    baked.ask(service, 300)
    second = baked.add()
    baked.move(service, second)
    baked.ask(service, 20)
    wait_until(lambda: service.events("unproven"), _SECONDS, "it is told")
    slot = baked.slot(service)
    assert (slot["version"], slot["bake"]["unproven"], slot["bake"]["older"]) == (second, True, "1")
    baked.ask(service, 80)
    wait_until(lambda: service.events("baked"), _SECONDS, "it is proven")
    assert baked.slot(service)["bake"] is None
    service.stop()
    baked.registry.client.delete_registered_model_alias(baked.registry.name, "champion")
    again = start()
    wait_until(
        lambda: baked.slot(again)["last_known_good_since"] is not None, _SECONDS, "it stands in"
    )
    assert baked.slot(again)["version"] == second


def _promote(baked: Baked, version: str, *urls: str) -> subprocess.Popen[str]:
    """`podium promote`, as an operator calls it."""
    said = [part for url in urls for part in ("--url", url)]
    command = [sys.executable, "-P", "-m", "service", "promote", baked.registry.name, version]
    more = ["--unvalidated", "a test", "--timeout", str(_SECONDS), "--lease", str(3 * _SECONDS)]
    given = {"MLFLOW_TRACKING_URI": baked.tracking_uri, "PODIUM_ADMIN_TOKEN": _TOKEN}
    return subprocess.Popen(
        [*command, *said, *more, "--json"],
        env=os.environ | given,
        cwd=baked.folder,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_p20_verdict_of_one_instance_is_that_of_all_where_it_was_promoted(
    baked: Baked, start: Callable[..., RunningService]
) -> None:
    """Of one that has judged nothing, one started anew with an empty home, and one added."""
    judging, idle = start("one"), start("two")
    baked.ask(judging, 300)
    second = baked.add(fails=20)
    promoting = _promote(baked, second, judging.url, idle.url)
    baked.wait_for(judging, second)
    baked.wait_for(idle, second)
    added = start("three")
    assert baked.slot(added)["version"] == second
    baked.ask(judging, 100)
    told = json.loads(promoting.communicate(timeout=_SECONDS)[0])
    assert (promoting.returncode, told["code"]) == (1, "gave_way")
    emptied = start("four")
    for service in (judging, idle, added, emptied):
        baked.wait_for(service, "1")
    tags = baked.registry.client.get_model_version(baked.registry.name, second).tags
    assert tags["podium.blocked"].startswith(f"gave way: Version {second} has failed 20 of 100")
    model = baked.registry.client.get_registered_model(baked.registry.name)
    assert (model.aliases["champion"], model.tags["podium.fallback.champion"]) == ("1", "1")
    # Somebody moves it there once more, past the commands: a new machine does not serve it either.
    baked.registry.move("champion", second)
    last = start("five")
    for service in (judging, idle, added, emptied, last):
        baked.wait_for(service, "1")
