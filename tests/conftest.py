"""What every test may ask for: real MLflow, migrated once per session, and a quiet environment."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import tracking
from tests.support.zygotes import zygote

__all__ = ["zygote"]

# Before anything imports MLflow; child processes inherit it.
os.environ |= {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",  # MLflow asks for git, which a test machine may lack
    "NO_PROXY": "127.0.0.1,localhost",
}
# The tests talk to their own servers, whatever the developer's shell points at.
for _name in [name for name in os.environ if name.startswith("PODIUM_")]:
    del os.environ[_name]
for _name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_NAME"):
    os.environ.pop(_name, None)

# Warnings are errors; these are raised inside libraries by what the libraries do.
_OTHERS_WARNINGS = (
    # MLflow's database models use a loader strategy that SQLAlchemy 2.1 deprecates.
    "ignore:The ``noload`` loader strategy:DeprecationWarning",
    # MLflow infers a schema from its own type hints when `mlflow.pyfunc` is imported.
    "ignore:.*Any type hint is inferred as AnyType:UserWarning:mlflow",
    # MLflow's own use of pandas, deprecated since pandas 3.
    "ignore:Starting with pandas version 4.0 all arguments:DeprecationWarning:mlflow",
    "ignore:Operation with range is deprecated:DeprecationWarning:mlflow",
)


def pytest_configure(config: pytest.Config) -> None:
    """Adds the narrow exceptions to `error`."""
    for line in _OTHERS_WARNINGS:
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with MLflow's tables; copy it with `tests.support.tracking.copy_database`."""
    return tracking.migrate(tmp_path_factory.mktemp("migrated"))


@pytest.fixture
def tracking_uri(migrated_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh MLflow store of this test's own, as `sqlite:///...`.

    MLflow puts the artifacts of a new experiment below the current folder when it writes to a
    database itself, so the test runs in its temporary folder.
    """
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{tracking.copy_database(migrated_database, tmp_path)}"


@pytest.fixture(scope="session")
def session_server(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tracking.MlflowServer]:
    """One real `mlflow server` for the session; use model names of your own on it.

    A test that stops its server takes `tests.support.tracking.mlflow_server` instead.
    """
    folder = tmp_path_factory.mktemp("mlflow-server")
    with tracking.mlflow_server(migrated_database, folder) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_server(session_server: tracking.MlflowServer) -> str:
    """The URL of the session's server."""
    return session_server.url
