"""Services for the tests of this folder."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.rollouts import TOKEN, Rollouts
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import running_service


@pytest.fixture
def podium_service(
    tmp_path: Path,
) -> Callable[[list[str], str], AbstractContextManager[str]]:
    """Starts a service that follows these refs of that MLflow; yields its address."""

    @contextmanager
    def start(refs: list[str], tracking_uri: str) -> Iterator[str]:
        with running_service(refs, tracking_uri, tmp_path) as service:
            yield service.url

    return start


@pytest.fixture
def rollouts(mlflow_server: str, tmp_path: Path) -> Iterator[Rollouts]:
    """Version 1 serves as champion."""
    registry = Registry(mlflow_server, f"stepped-{tmp_path.name}")
    folder = tmp_path / "versions"
    folder.mkdir()
    first = registry.log(models.worsening(folder / "made-0"))
    registry.move("champion", first)
    ref = f"{registry.name}@champion"
    with running_service([ref], mlflow_server, tmp_path, PODIUM_ADMIN_TOKEN=TOKEN) as service:
        service.wait_until_ready()
        yield Rollouts(registry, service, folder)
