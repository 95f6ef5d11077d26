"""What every test may ask for: real MLflow, migrated once per session, and a quiet environment."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import tracking
from tests.support.exploring import seed_of_today
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
# Models of the tests run in the tests' own environment, whatever they ask for: nothing is built by
# accident. Tests of environments say otherwise.
os.environ["PODIUM_ENV_MANAGER"] = "local"
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


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    """A home that a test makes closes what this process makes; for that test alone."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Adds the narrow exceptions to `error`, and seeds what explores, here and in all workers."""
    for line in _OTHERS_WARNINGS:
        config.addinivalue_line("filterwarnings", line)
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(seed_of_today())


def pytest_report_header(config: pytest.Config) -> str:
    """What to start the tests with to see the same cases."""
    return f"property tests: TEST_SEED={config.option.hypothesis_seed}"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The same, below what has failed."""
    if terminalreporter.stats.get("failed"):
        terminalreporter.write_line(pytest_report_header(config))


# Files of these folders start services and servers. They come first, so that none of them is left
# to one worker at the end while the others have nothing to do; the longest ones lead.
_LONG_FILES = (
    *("end_to_end/test_quickstart", "end_to_end/test_tutorial", "end_to_end/test_following"),
    *("end_to_end/test_stopping", "end_to_end/test_front_ends", "end_to_end/test_ends"),
    *("end_to_end/", "soak/", "training/", "benchmarks/", "differential/", "fuzz/", "local/"),
    *("registry/", "hosting/", "host/", "decoder/", "contract/"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; files stay whole, and their tests in order."""
    items.sort(key=lambda item: next(_places(item.nodeid)))


def _places(nodeid: str) -> Iterator[int]:
    name = nodeid.removeprefix("tests/")
    yield from (place for place, each in enumerate(_LONG_FILES) if name.startswith(each))
    yield len(_LONG_FILES)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with MLflow's tables; copy it with `tests.support.tracking.copy_database`.

    One for all workers: the first who needs it makes it, and the others wait.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return tracking.migrate(tmp_path_factory.mktemp("migrated"))
    folder = tmp_path_factory.getbasetemp().parent / "migrated"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            done.write_text(str(tracking.migrate(folder)))
        return Path(done.read_text())


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
