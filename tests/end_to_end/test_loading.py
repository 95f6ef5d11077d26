"""While a version loads, everything else goes on."""

from pathlib import Path

import httpx

from tests.support import models
from tests.support.registered import Registry
from tests.support.services import running_service
from tests.support.waiting import wait_until

SECONDS = 240
ROW = {"dataframe_records": [{"x": 1.0}]}


def test_p15_everything_answers_while_a_model_loads(tracking_uri: str, tmp_path: Path) -> None:
    """Health, readiness, metrics, pages and predictions; then the new version takes over."""
    gate = tmp_path / "gate"
    registry = Registry(tracking_uri, "model")
    registry.add(models.save(tmp_path, "temperamental"), alias="champion")
    waiting = waits_for(gate, tmp_path)
    with running_service(["model@champion"], tracking_uri, tmp_path) as service:
        service.wait_until_ready()
        registry.add(waiting, alias="champion")
        wait_until(lambda: len(service.events("staging")) == 2, SECONDS, "the load begins")
        with httpx.Client(base_url=service.url, trust_env=False, timeout=SECONDS) as client:
            for path in ("/health/live", "/health/ready", "/ping", "/metrics", "/models", "/docs"):
                assert client.get(path).status_code == 200
            assert client.post("/predict", json=ROW).json()["predictions"] == [2.0]
            slot = client.get("/models/model@champion").json()
            assert (slot["version"], slot["aspired"], slot["ready"]) == ("1", "2", True)
            gate.touch()
            wait_until(lambda: len(service.events("swapped")) == 2, SECONDS, "it takes over")
            assert client.post("/predict", json=ROW).json()["predictions"] == ["late"]


def test_p6_alias_that_moves_back_ends_the_process_that_loads(
    tracking_uri: str, tmp_path: Path
) -> None:
    """The load would never have ended; its process is gone, the old version still answers."""
    registry = Registry(tracking_uri, "model")
    registry.add(models.save(tmp_path, "temperamental"), alias="champion")
    waiting = waits_for(tmp_path / "gate that never opens", tmp_path)
    with running_service(["model@champion"], tracking_uri, tmp_path) as service:
        service.wait_until_ready()
        before = service.descendants()
        registry.add(waiting, alias="champion")
        wait_until(lambda: len(service.events("staging")) == 2, SECONDS, "the load begins")
        registry.move("champion", "1")
        wait_until(lambda: service.events("staging_abandoned"), SECONDS, "it is given up")
        wait_until(lambda: service.descendants() <= before, SECONDS, "its processes are gone")
        answer = httpx.post(
            f"{service.url}/predict", json=ROW, trust_env=False, timeout=SECONDS
        ).json()
    assert (answer["predictions"], answer["model"]["version"]) == ([2.0], "1")


def waits_for(gate: Path, folder: Path) -> Path:
    """A saved model that loads once the gate is there; saving it opens the gate for a moment."""
    module = folder / "code" / "the_gate.py"
    module.parent.mkdir(exist_ok=True)
    module.write_text(f'"""A path."""\n\nGATE = {str(gate)!r}\n')
    gate.touch()
    place = models.save(folder, "waiting", ships=[module])
    gate.unlink()
    return place
