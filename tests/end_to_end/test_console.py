"""The console's side of a real service: what is told of a move, and on which port."""

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

SECONDS = 240
ROW = {"dataframe_records": [{"x": 1.0}]}
TOKEN = "token-of-the-operator"


@pytest.fixture
def registry(tracking_uri: str, tmp_path: Path) -> Registry:
    """Two versions, the alias on the first."""
    registry = Registry(tracking_uri, "numbered")
    for number in (1, 2):
        ships = [models.number_module(tmp_path / f"code{number}", number)]
        registry.add(models.save(tmp_path / str(number), "numbered", ships=ships))
    registry.move("champion", "1")
    return registry


@contextlib.contextmanager
def streaming(url: str, **headers: str) -> Iterator[Iterator[tuple[str, Any]]]:
    """Events of a service as they come: their names, and what they hold."""
    with (
        httpx.Client(timeout=SECONDS, trust_env=False) as client,
        client.stream("GET", f"{url}/console/events", headers=headers) as reply,
    ):
        assert reply.status_code == 200
        yield _events(reply.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_move_of_an_alias_is_told_as_it_happens(
    registry: Registry, tracking_uri: str, tmp_path: Path
) -> None:
    """Everything first; then the slot on its way, the line of the ledger, requests by version."""
    with running_service(["numbered@champion"], tracking_uri, tmp_path) as service:
        service.wait_until_ready()
        with streaming(service.url) as events:
            name, whole = next(events)
            assert (name, whole["models"][0]["version"]) == ("models", "1")
            registry.move("champion", "2")
            told: dict[str, list[Any]] = {"slot": [], "swap": [], "look": [], "stats": []}
            for name, data in events:
                told[name].append(data)
                if told["swap"] and told["slot"] and told["slot"][-1]["version"] == "2":
                    break
            assert any(each["coming"] for each in told["slot"]), "on its way"
            (swap,) = told["swap"]
            assert (swap["from"], swap["to"], swap["outcome"]) == ("1", "2", "swapped")
            assert httpx.post(f"{service.url}/predict", json=ROW, trust_env=False).is_success
            stats = next(data for name, data in events if name == "stats")
            (series,) = stats["series"]
            assert (series["alias"], series["version"]) == ("champion", "2")
            assert series["points"][0][1:4] == [1, 0, 0]
        assert service.stop() == 0


def test_service_that_is_watched_stops_at_once(
    registry: Registry, tracking_uri: str, tmp_path: Path
) -> None:
    """A page that is open is no request to be drained."""
    with running_service(["numbered@champion"], tracking_uri, tmp_path) as service:
        service.wait_until_ready()
        with streaming(service.url) as events:
            assert next(events)[0] == "models"
            service.process.send_signal(signal.SIGTERM)
            assert [name for name, _ in events if name not in {"look", "slot"}] == []
        assert service.stop() == 0
        (stopped,) = service.events("stopped")
        assert stopped["cut"] == 0


OPERATORS = ["/console/settings", "/stats", "/metrics"]
EVERYBODYS = [
    *("/health/live", "/health/ready", "/ping", "/models", "/swaps", "/docs", "/openapi.json"),
]


@pytest.fixture
def apart(registry: Registry, tracking_uri: str, tmp_path: Path) -> Iterator[RunningService]:
    """A service with an admin port."""
    environment = {"PODIUM_ADMIN_PORT": "0", "PODIUM_ADMIN_TOKEN": TOKEN}
    refs = ["numbered@champion"]
    with running_service(refs, tracking_uri, tmp_path, **environment) as service:
        service.wait_until_ready()
        yield service


def test_admin_port_takes_what_is_for_operators_off_the_public_one(apart: RunningService) -> None:
    """It answers all the rest itself, so that the console can ask for predictions."""
    public, admin = apart.url, str(apart.events("listening")[0]["admin_url"])
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(timeout=SECONDS, trust_env=False, headers=headers) as client:
        for path in (*OPERATORS, *EVERYBODYS):
            assert client.get(f"{admin}{path}").status_code == 200, path
            found = client.get(f"{public}{path}")
            assert found.status_code == (404 if path in OPERATORS else 200), path
        assert client.get(f"{public}/console/events").status_code == 404
        assert client.get(f"{public}/").headers["location"] == "./docs", "as without a console"
        assert "location" not in client.get(f"{admin}/").headers
        for door, status in ((admin, 202), (public, 404)):
            reply = client.post(f"{door}/models/numbered@champion/reload")
            assert reply.status_code == status
            assert client.post(f"{door}/predict", json=ROW).status_code == 200
        documents = [client.get(f"{door}/openapi.json").json()["paths"] for door in (admin, public)]
        assert {"/stats", "/metrics"} <= documents[0].keys()
        assert not {"/stats", "/metrics", "/console/events"} & documents[1].keys()
        assert "/predict" in documents[1]


def test_requests_by_either_port_are_counted_together(apart: RunningService) -> None:
    """Whoever plots them sees all."""
    admin = str(apart.events("listening")[0]["admin_url"])
    with httpx.Client(timeout=SECONDS, trust_env=False) as client:
        for door in (apart.url, admin):
            assert client.post(f"{door}/predict", json=ROW).is_success

        def counted() -> int:
            series = client.get(f"{admin}/stats").json()["series"]
            return sum(point[1] for each in series for point in each["points"])

        wait_until(lambda: counted() == 2, SECONDS)
