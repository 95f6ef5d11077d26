"""A service that starts while its registry is down, from what it has kept (P5)."""

import contextlib
import io
from pathlib import Path

import httpx
from rich.console import Console

from service.checks.overview import status
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import running_service
from tests.support.waiting import wait_until

REF = "numbered@champion"
ROW = {"dataframe_records": [{"x": 1.0}]}
SECONDS = 240
SAME = {"PODIUM_SERVICE_NAME": "iris", "PODIUM_CACHE_BYTES": "1"}


def test_p5_service_starts_from_its_cache_without_a_registry(
    tracking_uri: str, tmp_path: Path
) -> None:
    """Ready, with the right answers, and it says since when."""
    registry = Registry(tracking_uri, "numbered")
    module = models.number_module(tmp_path / "code", 1)
    registry.add(models.save(tmp_path / "made", "numbered", ships=[module]), "champion")
    home, nowhere = tmp_path / "home", f"http://127.0.0.1:{tracking.free_port()}"
    home.mkdir()

    with running_service([REF], tracking_uri, home, **SAME) as service:
        service.wait_until_ready()

    with running_service([REF], nowhere, home, **SAME) as service:
        service.wait_until_ready()
        answer = httpx.post(f"{service.url}/predict", json=ROW, timeout=SECONDS)
        assert (answer.json()["predictions"], answer.json()["model"]["version"]) == ([1], "1")
        slot, printed = service.slot(REF), io.StringIO()
        assert status(service.url, as_json=False, console=Console(file=printed, width=200)) == 0
    assert slot["last_known_good_since"] == slot["since"] is not None
    assert slot["look"]["failure"]["code"] == "registry_unreachable"
    since = f"on its last known good since {slot['since']}: the registry has not answered"
    assert since in printed.getvalue()


def test_o20_whatever_a_service_keeps_is_its_owners_alone(
    tracking_uri: str, tmp_path: Path
) -> None:
    """Its home, which was open, the cache, the ledger, and what all its processes make there."""
    registry = Registry(tracking_uri, "doubling")
    registry.add(models.save(tmp_path / "good", "temperamental"), "champion")
    home = tmp_path / "home" / "podium"
    home.mkdir(mode=0o755, parents=True)
    with running_service(["doubling@champion"], tracking_uri, home.parent) as service:
        service.wait_until_ready()
        wait_until(lambda: any(home.rglob("ledger.jsonl")), SECONDS, "the ledger is there")
        kept = [home, *home.rglob("*")]
        modes = {}
        for path in kept:
            with contextlib.suppress(FileNotFoundError):  # what is just being written is renamed
                modes[path.relative_to(home)] = path.lstat().st_mode & 0o077
    assert "MLmodel" in {path.name for path in modes}
    assert {str(path): oct(mode) for path, mode in modes.items() if mode} == {}


def test_p2_restart_while_the_alias_is_on_a_refused_version_serves_on(
    tracking_uri: str, tmp_path: Path
) -> None:
    """What it served before; and why the other one does not serve is told."""
    registry = Registry(tracking_uri, "doubling")
    registry.add(models.save(tmp_path / "good", "temperamental"), "champion")
    breaking = models.save(tmp_path / "other", "temperamental", models.doubles("y"), {"y": [1.0]})
    home = tmp_path / "home"
    home.mkdir()
    with running_service(["doubling@champion"], tracking_uri, home, **SAME) as service:
        service.wait_until_ready()

    registry.add(breaking, "champion")
    with running_service(["doubling@champion"], tracking_uri, home, **SAME) as service:
        service.wait_until_ready()
        slot = service.slot("doubling@champion")
    assert (slot["version"], slot["aspired"], slot["state"]) == ("1", "2", "refused")
    assert slot["last_failure"]["code"] == "signature_breaks_clients"
    assert slot["last_known_good_since"]
