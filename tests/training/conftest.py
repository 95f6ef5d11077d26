"""One training for all tests that only look at what it left."""

import contextlib
from pathlib import Path

import pytest

from tests.support import tracking
from training.job import Settings, Step, Trained


@pytest.fixture(scope="session")
def steps() -> list[tuple[Step, str]]:
    """What the training below has reported."""
    return []


@pytest.fixture(scope="session")
def trained(
    migrated_database: Path,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[Step, str]],
) -> Trained:
    """A version trained into a store of its own, `champion` pointing to it; look, do not change."""
    from training.train import train

    folder = tmp_path_factory.mktemp("trained")
    database = tracking.copy_database(migrated_database, folder)
    settings = Settings(alias="champion", tracking_uri=f"sqlite:///{database}")
    # MLflow puts a new experiment's artifacts below the current folder.
    with contextlib.chdir(folder):
        return train(settings, lambda step, detail: steps.append((step, detail)))
