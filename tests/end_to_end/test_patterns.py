"""More models than stay loaded, found by a pattern: real MLflow, real processes."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from service.checks.overview import status
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.tracking import free_port
from tests.support.waiting import wait_until

PATTERN = "team.*@champion"
COUNT, RESIDENT = 6, 2
ROW = {"dataframe_records": [{"x": 1.0}]}
SECONDS = 120.0


def name(number: int) -> str:
    """Of a model that answers with this number."""
    return f"team.model {number}"


def numbered(folder: Path, number: int) -> Path:
    """A model that answers so."""
    module = models.number_module(folder / f"code {number}", number)
    return models.save(folder / f"made {number}", "numbered", ships=[module])


def ask(service: RunningService, number: int) -> httpx.Response:
    """One request to that model."""
    url = f"{service.url}/models/{name(number)}@champion/predict"
    return httpx.post(url, json=ROW, trust_env=False, timeout=SECONDS)


def answers(service: RunningService, *numbers: int) -> list[Any]:
    """What these models answer, or the statuses of what is refused."""
    replies = [ask(service, number) for number in numbers]
    return [
        reply.json()["predictions"][0] if reply.is_success else reply.status_code
        for reply in replies
    ]


def shown(service: RunningService) -> tuple[int, str]:
    """The exit status of `podium status`, and what it prints."""
    output = io.StringIO()
    found = status(service.url, as_json=False, console=Console(file=output, width=300))
    return found, output.getvalue()


def hosts(service: RunningService) -> int:
    """How many processes hold a model."""
    return sum("podium_host_memory_bytes{" in sample for sample in service.metrics())


@contextmanager
def started(tracking_uri: str, home: Path, resident: int = RESIDENT) -> Iterator[RunningService]:
    """Follows the pattern, as one service over restarts."""
    settings = {
        "PODIUM_RESIDENT": str(resident),
        "PODIUM_SERVICE_NAME": "platform",
        "PODIUM_ADMIN_TOKEN": "token",
    }
    with running_service([PATTERN], tracking_uri, home, **settings) as service:
        yield service


def test_all_models_of_a_pattern_answer_and_a_few_stay_loaded(
    tracking_uri: str, tmp_path: Path
) -> None:
    """One that is registered later answers without a restart; all do again without a registry."""
    home = tmp_path / "home"
    home.mkdir()
    artifacts = [numbered(tmp_path, number) for number in range(COUNT + 1)]
    registries = [Registry(tracking_uri, name(number)) for number in range(COUNT + 1)]

    with started(tracking_uri, home) as service:
        wait_until(lambda: service.events("limits"), SECONDS, "it has started")
        ready = httpx.get(f"{service.url}/health/ready", trust_env=False)
        assert (ready.status_code, ready.json()["unmatched"]) == (503, [PATTERN])
        assert shown(service)[0] == 1
        for registry, artifact in zip(registries[:COUNT], artifacts, strict=False):
            registry.add(artifact, "champion")
        service.wait_until_ready()
        slots = [f"{name(number)}@champion" for number in range(COUNT)]
        wait_until(lambda: list_of(service, "ready") == slots, SECONDS, "all are there")
        assert set(list_of(service, "cold")) <= set(slots)
        everybody = [*range(COUNT), *reversed(range(COUNT))]
        assert answers(service, *everybody) == everybody
        assert hosts(service) <= RESIDENT + 1
        assert (shown(service)[0], service.events("version_refused")) == (0, [])

        registries[COUNT].add(artifacts[COUNT], "champion")
        wait_until(lambda: answers(service, COUNT) == [COUNT], SECONDS, "the new one answers")
        # The alias of a cold one moves: what answers is what the reply names.
        registries[0].add(artifacts[5], "champion")
        moved = f"{service.url}/models/{name(0)}@champion"
        wait_until(
            lambda: httpx.get(moved, trust_env=False).json()["version"] == "2", SECONDS, "moved"
        )
        reply = ask(service, 0)
        assert (reply.json()["predictions"], reply.headers["podium-version"]) == ([5], "2")
        assert hosts(service) <= RESIDENT + 1

    nowhere = f"http://127.0.0.1:{free_port()}"
    with started(nowhere, home) as service:
        service.wait_until_ready()
        assert answers(service, *range(COUNT + 1)) == [5, *range(1, COUNT + 1)]


def list_of(service: RunningService, what: str) -> list[str]:
    """The slots that are ready, or in that state."""
    told = httpx.get(f"{service.url}/models", trust_env=False, timeout=SECONDS).json()["models"]
    return [
        f"{slot['name']}@{slot['alias']}"
        for slot in told
        if slot["state"] == what or (what == "ready" and slot["ready"])
    ]


def test_p2_cold_version_that_cannot_load_gives_its_slot_back(
    tracking_uri: str, tmp_path: Path
) -> None:
    """It is refused once it is asked for, with the reason; then what served before answers."""
    registry, other = (Registry(tracking_uri, name(number)) for number in (1, 2))
    registry.add(numbered(tmp_path, 1), "champion")
    other.add(numbered(tmp_path, 2), "champion")
    broken = numbered(tmp_path, 3)
    (broken / "numbered.py").write_text("raise ValueError('broken')\n")
    with started(tracking_uri, tmp_path, resident=1) as service:
        service.wait_until_ready()
        assert answers(service, 1, 2) == [1, 2]
        registry.add(broken, "champion")
        slot = f"{name(1)}@champion"
        wait_until(lambda: service.slot(slot)["version"] == "2", SECONDS, "gates let it pass")
        assert service.slot(slot)["state"] == "cold"
        refused = ask(service, 1)
        assert (refused.status_code, refused.json()["code"]) == (503, "not_loaded")
        assert int(refused.headers["retry-after"]) >= 1
        wait_until(lambda: answers(service, 1) == [1], SECONDS, "the one before answers again")
        told = service.slot(slot)
        assert (told["state"], told["version"], told["quarantined"]) == ("refused", "1", "2")
        assert answers(service, 2, 1) == [2, 1]
