"""A few swaps of `make soak`: the whole of it takes most of an hour."""

from pathlib import Path

import pytest

from tests.soak.figures import Held, Record, draw
from tests.soak.soaking import ENVIRONMENT, NAME, Soak, registered
from tests.support import tracking
from tests.support.services import running_service

SWAPS = 2
FAULTS = 4

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # MLflow's own, of saving


def test_p1_p2_p7_p11_swaps_under_faults_lose_nothing(
    migrated_database: Path, tmp_path: Path
) -> None:
    """Every answer to a good request is right; nothing is left when the service has stopped."""
    uri = f"sqlite:///{tracking.copy_database(migrated_database, tmp_path)}"
    registry = registered(uri, tmp_path)
    with running_service([f"{NAME}@champion"], uri, tmp_path, **ENVIRONMENT) as service:
        service.wait_until_ready()
        soak = Soak(service, registry, seed=3)
        soak.run(SWAPS, lambda: None, FAULTS)
        assert soak.drained().processes > 0
        assert service.stop() == 0
    assert (soak.record.wrong, soak.record.failed, soak.record.unexpected) == ([], [], [])
    assert len(soak.record.swaps) == SWAPS
    assert soak.record.faults.total() >= FAULTS
    assert soak.record.answers["200"] > 0
    left = [path for path in (tmp_path / "podium" / "tmp").iterdir() if path.name != ".lock"]
    assert left == []


def test_soak_is_drawn(tmp_path: Path) -> None:
    """Latency and memory, with a line for each swap."""
    record = Record(latencies=[(0.1, 0.01)], memory=[(0.1, 1e8)], swaps=[0.2])
    draw(record, tmp_path / "soak.png")

    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")
    assert record.clean
    assert not Record(wrong=["x"]).clean
    assert Held(1, 2, 3).files == 2
