"""What the operator gives models, and what they leave behind, in the real service."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.models import surrounded
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import until, wait_until

pytestmark = pytest.mark.filterwarnings("ignore:.*An input example was not provided:UserWarning")
SECONDS = 60
# `make orphans` sends ten thousand.
REQUESTS = int(os.environ.get("TEST_ORPHANS", "40"))
REF = "surrounded@champion"


def saved(folder: Path) -> Path:
    """The model that tells what it finds, which read two variables when it was logged."""
    place = models.save(folder, "surrounded", example=None, config={"scale": 1, "kept": 2})
    (place / "environment_variables.txt").write_text("# names\nA_KEY\nB_KEY\n")
    return place


def asked(service: RunningService, what: int) -> Any:
    """What one request is told."""
    row = {"dataframe_records": [{"x": what}]}
    answer = httpx.post(f"{service.url}/predict", json=row, trust_env=False, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.json()["predictions"][0])


def swaps(service: RunningService) -> str:
    """What the ledger says."""
    bearer = {"Authorization": "Bearer token"}
    return httpx.get(f"{service.url}/swaps", headers=bearer, trust_env=False).text


async def test_o2_w6_models_get_what_the_operator_names(tracking_uri: str, tmp_path: Path) -> None:
    """Variables and MLflow's own configuration; what is missing is told, and who is restarted too.

    The values stand in no other process, and in no line of the log.
    """
    registry = Registry(tracking_uri, "surrounded")
    registry.add(saved(tmp_path), "champion")
    settings = {
        "PODIUM_MODEL_ENVIRONMENT": "A_KEY,surrounded:ABSENT",
        "A_KEY": "hunter2",
        "SERVING_MODEL_CONFIG": '{"scale": 9}',
        "OMP_NUM_THREADS": "7",
        "PODIUM_ADMIN_TOKEN": "token",
    }
    with running_service([REF], tracking_uri, tmp_path, **settings) as service:
        await asyncio.to_thread(service.wait_until_ready)
        first = asked(service, surrounded.TELL)
        os.kill(first["pid"], signal.SIGKILL)
        await until(lambda: service.events("host_died"), SECONDS, "its death is told")
        for told in (first, asked(service, surrounded.TELL)):
            assert told["found"]["config"] == {"scale": 9, "kept": 2}
            assert told["found"]["variables"]["A_KEY"] == "hunter2"
            assert told["found"]["variables"]["OMP_NUM_THREADS"] == "7"
        (absent,) = service.events("model_environment_absent")
        assert absent["variables"] == ["ABSENT"]
        assert "variable_missing" in swaps(service)
        for pid in service.descendants():
            assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert not any(b"hunter2" in line for line in service.lines)


async def test_p2_orphans_of_many_requests_leave_no_zombie(
    tracking_uri: str, tmp_path: Path
) -> None:
    """Then a host that dies is replaced, and another version swapped in."""
    registry = Registry(tracking_uri, "surrounded")
    place = saved(tmp_path)
    registry.add(place, "champion")
    with running_service([REF], tracking_uri, tmp_path) as service:
        await asyncio.to_thread(service.wait_until_ready)
        for _ in range(REQUESTS):
            told = asked(service, surrounded.ORPHANS)
        assert told["found"] == 5
        await until(lambda: not zombies(service), SECONDS, "all are reaped")
        os.kill(told["pid"], signal.SIGKILL)
        await until(lambda: service.events("host_died"), SECONDS, "its death is told")
        assert asked(service, surrounded.ORPHANS)["pid"] != told["pid"]
        registry.add(place, "champion")
        wait_until(lambda: service.slot(REF)["version"] == "2", SECONDS, "it is swapped in")
        assert asked(service, surrounded.ORPHANS)["found"] == 5


def zombies(service: RunningService) -> list[int]:
    """Below the front."""
    return [pid for pid in service.descendants() if state(pid) == "Z"]


def state(pid: int) -> str:
    """The kernel's letter for what the process does."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "-"
