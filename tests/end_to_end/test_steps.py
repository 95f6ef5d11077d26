"""`podium promote --steps` as it is typed, with a real MLflow, a real service and real requests.

What a step waits for is answers, which come while it is looked at; nothing waits for the clock but
the end of a split whose command is gone, which is what it is there for.
"""

import json
import signal
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from service.exits import DONE, REFUSED
from service.promotion.deciding import Stage
from tests.end_to_end.rollouts import SECONDS, TOKEN, Clients, Rollouts
from tests.promotion.dying import Move, dying
from tests.promotion.test_commands import podium
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import running_service
from tests.support.waiting import wait_until

# Steps and what is left of a killed command take a minute by themselves.
pytestmark = pytest.mark.timeout(1800)
STEPS: Final = (30.0, 60.0)
KILLED: Final = (
    *((Stage.STEP, nth) for nth in (1, 2, 3)),
    *((stage, 1) for stage in (Stage.CONFIRM, Stage.MOVE, Stage.REREAD, Stage.WAIT, Stage.FINISH)),
)
"""Each at a stage that is told before it is begun; of the steps the third is the whole."""


def test_p18_version_comes_by_steps_and_then_has_the_alias(rollouts: Rollouts) -> None:
    """In their order, nothing dropped, and every reply says which version it is of."""
    second = rollouts.add()
    with Clients(rollouts.service, f"{rollouts.name}@champion") as clients:
        done = rollouts.promote(second, "--steps", "30,60", "--step-seconds", "1")
        assert done.returncode == DONE, done.stderr
        # Whoever asks next is answered by it.
        wait_until(lambda: ("champion", second) in clients.answered, SECONDS)
    assert json.loads(done.stdout)["code"] == "done"
    assert rollouts.alias("champion") == second
    assert rollouts.split("champion") is None
    entry = rollouts.journal("champion")
    assert [each["share"] for each in entry["steps"]] == [*STEPS, 100]
    assert entry["done"]["moved"] is True
    assert set(clients.statuses) == {200}
    assert set(clients.answered) == {
        ("champion", "1"),
        (f"v{second}", second),
        ("champion", second),
    }
    assert sum(alias == f"v{second}" for alias, _ in clients.answered) >= 200
    shared = [
        each["details"]["shares"][f"v{second}"]
        for each in reversed(_swaps(rollouts))
        if each["outcome"] == "shared" and f"v{second}" in (each["details"]["shares"] or {})
    ]
    assert shared == [30.0, 60.0]


def _swaps(rollouts: Rollouts) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    found = httpx.get(f"{rollouts.service.url}/swaps", headers=headers, timeout=SECONDS)
    swaps: list[dict[str, Any]] = found.json()["swaps"]
    return swaps


def test_p20_version_that_fails_a_fifth_never_reaches_the_second_step(rollouts: Rollouts) -> None:
    """The alias never moves, its requests go where they went, and nobody is to try it again."""
    second = rollouts.add(fails=20)
    with Clients(rollouts.service, f"{rollouts.name}@champion") as clients:
        done = rollouts.promote(second, "--steps", "30,60", "--step-seconds", "1")
    assert done.returncode == REFUSED, done.stderr
    assert json.loads(done.stdout)["code"] == "gave_way"
    assert (rollouts.alias("champion"), rollouts.split("champion")) == ("1", None)
    entry = rollouts.journal("champion")
    assert [each["share"] for each in entry["steps"]] == [30]
    assert (entry["done"]["moved"], entry["done"]["why"]) == (False, "gave_way")
    version = rollouts.registry.client.get_model_version(rollouts.name, second)
    assert "has failed" in version.tags["podium.blocked"]
    assert set(clients.statuses) <= {200, 500}
    wait_until(
        lambda: rollouts.slot("champion")["arms"] == [],
        SECONDS,
        lambda: f"all requests go to version 1: {rollouts.slot('champion')}",
    )
    assert rollouts.slot("champion")["version"] == "1"


def test_p18_command_killed_at_any_point_leaves_what_ends_by_itself(
    mlflow_server: str, tmp_path: Path
) -> None:
    """Within a minute, without anybody's doing; `podium plan` and `rollback` know what is left."""
    registry = Registry(mlflow_server, f"killed-{tmp_path.name}")
    folder = tmp_path / "versions"
    folder.mkdir()
    first, second = (registry.log(models.worsening(folder / f"made-{each}")) for each in (0, 1))
    aliases = [f"{stage}-{nth}" for stage, nth in KILLED]
    for alias in aliases:
        registry.move(alias, first)
    refs = [f"{registry.name}@{alias}" for alias in aliases]
    with (
        running_service(refs, mlflow_server, tmp_path, PODIUM_ADMIN_TOKEN=TOKEN) as service,
        dying() as program,
    ):
        service.wait_until_ready()
        rollouts = Rollouts(registry, service, folder)
        for (stage, nth), alias in zip(KILLED, aliases, strict=True):
            move = Move(
                uri=mlflow_server,
                name=registry.name,
                alias=alias,
                to=second,
                stage=stage,
                nth=nth,
                number=signal.SIGKILL,
                shares=STEPS,
                url=service.url,
                token=TOKEN,
            )
            with Clients(service, f"{registry.name}@{alias}") as clients:
                assert program.move(move) == -signal.SIGKILL, alias
            assert set(clients.statuses) == {200}, alias
        for (stage, _), alias in zip(KILLED, aliases, strict=True):
            moved = stage in {Stage.REREAD, Stage.WAIT, Stage.FINISH}
            assert_ended(rollouts, alias, second if moved else first)


def assert_ended(rollouts: Rollouts, alias: str, serves: str) -> None:
    """All requests go to what the alias is on, and the plan says what is left to do."""

    def ended() -> bool:
        slot = rollouts.slot(alias)
        return (slot["version"], slot["arms"]) == (serves, [])

    wait_until(ended, SECONDS, lambda: f"{alias}: {rollouts.slot(alias)}")
    assert rollouts.alias(alias) == serves
    variables = {"PODIUM_ADMIN_TOKEN": TOKEN}
    uri, number = rollouts.registry.tracking_uri, "2"
    words = ("plan", rollouts.name, number, "--alias", alias, "--json")
    planned = podium(*words, "--url", rollouts.service.url, uri=uri, **variables)
    told = json.loads(planned.stdout)
    assert "has begun to move" in told["journal_says"], alias
    assert told["rollout"]["split"] == [], alias
    undone = podium("rollback", rollouts.name, "--alias", alias, "--resume", uri=uri)
    assert undone.exit_code == DONE, undone.output
    assert (rollouts.alias(alias), rollouts.split(alias)) == ("1", None)
