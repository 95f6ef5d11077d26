"""A version that needs libraries of its own: what applications notice of its environment."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from functools import partial
from importlib import metadata
from pathlib import Path

import httpx
import pytest
from uv import find_uv_bin

from tests.environments.package_index import package_index
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import running_service
from tests.support.waiting import until, wait_until

# What is built here, beside clients that ask without a pause, takes a busy machine long.
pytestmark = pytest.mark.timeout(1800)
CLIENTS, SECONDS = 32, 1200
ROW = {"dataframe_records": [{"x": 1.0}]}
OWN = {"PODIUM_ENV_MANAGER": "auto"}
DOWN = {"UV_DEFAULT_INDEX": "http://127.0.0.1:1/simple"}
# An environment of no more than a host needs.
OLDER = ("mlflow-skinny", "pandas==2.2.3")


@pytest.fixture
def public_index() -> None:
    """Skips where nobody is reached that has packages: nothing could be built there."""
    asked = [find_uv_bin(), "pip", "compile", "-", "--no-header", "-q"]
    done = subprocess.run(asked, input=b"orjson", capture_output=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"no package index answers: {done.stderr.decode()[-200:]}")


async def test_p7_p17_swap_to_an_environment_that_is_not_built_costs_no_request(
    public_index: None, tracking_uri: str, tmp_path: Path
) -> None:
    """32 clients throughout: the old version answers until the new one does, with its own pandas.

    The stages of the swap are printed; a restart finds the environment where it was.
    """
    registry = Registry(tracking_uri, "pandas")
    registry.add(models.save(tmp_path / "1", "pandas_release"), alias="champion")
    newer = models.save(tmp_path / "2", "pandas_release", requirements=OLDER)
    replies, done = Counter[tuple[int, str, tuple[int, ...]]](), asyncio.Event()
    with running_service(["pandas@champion"], tracking_uri, tmp_path, **OWN) as service:
        await asyncio.to_thread(service.wait_until_ready)
        limits = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(
            base_url=service.url, limits=limits, timeout=SECONDS, trust_env=False
        ) as client:

            async def ask_without_pause() -> None:
                while not done.is_set():
                    answer = await client.post("/predict", json=ROW)
                    body = answer.json()
                    version, found = body["model"]["version"], tuple(body["predictions"])
                    replies[answer.status_code, version, found] += 1

            clients = [asyncio.create_task(ask_without_pause()) for _ in range(CLIENTS)]
            try:
                await asyncio.to_thread(registry.add, newer, "champion")
                asked_for = (200, "2", (2,))
                await until(lambda: replies[asked_for] > CLIENTS, SECONDS, "version 2 answers")
            finally:
                done.set()
                await asyncio.gather(*clients)
        environment = (await asyncio.to_thread(service.slot, "pandas@champion"))["environment"]
        stages = service.events("swapped")[-1]["seconds"]
        assert await asyncio.to_thread(service.stop) == 0
    sys.stderr.write(f"from the move to the first answer, in seconds: {stages}\n")
    assert set(replies) == {(200, "1", (3,)), asked_for}
    assert {"look", "fetch", "gates", "environment", "load"} <= set(stages)
    assert (tmp_path / "podium" / "environments" / environment["key"]).is_dir()
    with running_service(["pandas@champion"], tracking_uri, tmp_path, **OWN, **DOWN) as again:
        await asyncio.to_thread(again.wait_until_ready)
        assert again.slot("pandas@champion")["environment"]["key"] == environment["key"]
        assert not again.events("environment_found")[0]["built"]


def test_p2_package_that_is_nowhere_keeps_the_old_version(
    tracking_uri: str, tmp_path: Path
) -> None:
    """The reason is told, in the service's own words."""
    registry = Registry(tracking_uri, "pandas")
    registry.add(models.save(tmp_path / "1", "pandas_release"), alias="champion")
    nowhere = models.save(tmp_path / "2", "pandas_release", requirements=["mlflow", "is-nowhere"])
    with package_index() as index:
        # As MLflow has noted it beside the models that are saved here.
        index.add("setuptools", metadata.version("setuptools"))
        given = {**OWN, "PIP_CONFIG_FILE": os.devnull, "UV_DEFAULT_INDEX": index.url}
        with running_service(["pandas@champion"], tracking_uri, tmp_path, **given) as service:
            service.wait_until_ready()
            registry.add(nowhere, alias="champion")
            refused = partial(service.events, "version_refused")
            wait_until(refused, SECONDS, "version 2 is refused")
            (told,) = refused()
            answer = httpx.post(f"{service.url}/predict", json=ROW, trust_env=False, timeout=60)
            slot = service.slot("pandas@champion")
    assert (told["stage"], told["code"]) == ("environment", "package_nowhere")
    assert "is-nowhere" in told["message"]
    assert (answer.status_code, slot["version"], slot["state"]) == (200, "1", "refused")
