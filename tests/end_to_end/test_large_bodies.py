"""Bodies that the front does not read itself, through a whole service."""

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx
import pandas as pd
import pytest

from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

SECONDS = 240
LARGE = {"dataframe_split": {"columns": ["x"], "data": [[row + 0.25] for row in range(30_000)]}}
DOUBLED = [2.0 * (row + 0.25) for row in range(30_000)]


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, migrated_database: Path
) -> Iterator[RunningService]:
    """One service of a model that doubles, for all tests here."""
    folder = tmp_path_factory.mktemp("large")
    database = folder / "mlflow.db"
    database.write_bytes(migrated_database.read_bytes())
    registry = Registry(f"sqlite:///{database}", "model")
    registry.add(models.save(folder, "temperamental"), alias="champion")
    with running_service(["model@champion"], registry.tracking_uri, folder) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture
def client(service: RunningService) -> Iterator[httpx.Client]:
    """Talks to it."""
    with httpx.Client(base_url=service.url, trust_env=False, timeout=SECONDS) as made:
        yield made


def test_large_json_is_answered(client: httpx.Client) -> None:
    """Row for row."""
    answer = client.post("/predict", json=LARGE)

    assert answer.json()["predictions"] == DOUBLED
    assert answer.headers["Podium-Version"] == "1"


def test_large_csv_is_answered(client: httpx.Client) -> None:
    """The same rows as text."""
    text = "x\n" + "\n".join(str(row + 0.25) for row in range(30_000))
    answer = client.post("/invocations", content=text, headers={"Content-Type": "text/csv"})

    assert answer.json() == {"predictions": DOUBLED}


def test_parquet_is_answered(client: httpx.Client) -> None:
    """As pandas writes it."""
    file = BytesIO()
    pd.DataFrame({"x": [0.5, 1.5]}).to_parquet(file)
    media_type = {"Content-Type": "application/vnd.apache.parquet"}
    answer = client.post("/invocations", content=file.getvalue(), headers=media_type)

    assert answer.json() == {"predictions": [1.0, 3.0]}


def test_p14_large_body_with_errors_is_told_all_of_them(client: httpx.Client) -> None:
    """In both protocols' words, like a small one."""
    rows = [["x"] for _ in range(30_000)]
    body = {"dataframe_split": {"columns": ["x"], "data": rows}}
    podium = client.post("/predict", json=body)
    mlflow = client.post("/invocations", json=body)

    assert podium.status_code == 422
    assert len(podium.json()["detail"]) == 101
    assert podium.json()["detail"][-1]["type"] == "more"
    assert (mlflow.status_code, mlflow.json()["error_code"]) == (400, "BAD_REQUEST")


def test_p11_large_bodies_survive_the_decoders_death(
    client: httpx.Client, service: RunningService
) -> None:
    """It is killed while four clients send large bodies: every one is answered."""
    client.post("/predict", json=LARGE)
    for _ in range(3):
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(client.post, "/predict", json=LARGE) for _ in range(4)]
            with contextlib.suppress(ProcessLookupError):
                os.kill(decoder_of(service), signal.SIGKILL)
            answers = [each.result(SECONDS) for each in asked]
        assert [answer.status_code for answer in answers] == [200] * 4
        assert all(answer.json()["predictions"] == DOUBLED for answer in answers)


def decoder_of(service: RunningService) -> int:
    """The one process whose memory is limited; it is there again soon after it was killed."""
    wait_until(lambda: _limited(service), SECONDS, "a decoder")
    return _limited(service)[0]


def _limited(service: RunningService) -> list[int]:
    return [pid for pid in service.descendants() if _is_limited(pid)]


def _is_limited(pid: int) -> bool:
    with contextlib.suppress(OSError):
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        return any(
            line.startswith("Max data size") and line.split()[3] != "unlimited" for line in limits
        )
    return False
