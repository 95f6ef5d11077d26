"""What cases of `podium doctor` are made on; servers are started when the first asks for one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.doctor.ground import NAME, Ground
from tests.support import models
from tests.support.authenticated import AuthenticatedServer, authenticated_server
from tests.support.registered import Registry
from tests.support.server_process import ServerProcess, started
from tests.support.tracking import copy_database, free_port, mlflow_process
from tests.support.workspaces import WorkspacesServer, workspaces_server


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model."""
    return models.save(tmp_path_factory.mktemp("saved"), "confiding")


@pytest.fixture
def ground(
    tracking_uri: str, tmp_path: Path, saved: Path, request: pytest.FixtureRequest
) -> Ground:
    """Nothing is wrong yet."""
    registry = Registry(tracking_uri, NAME)
    registry.add(saved, "champion")
    variables = {"MLFLOW_TRACKING_URI": tracking_uri, "PODIUM_MODELS": f"{NAME}@champion"}
    return Ground(registry, tmp_path, saved, request.getfixturevalue, variables)


@pytest.fixture(scope="module")
def accounts(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthenticatedServer]:
    """A server that asks who is there."""
    folder = tmp_path_factory.mktemp("accounts")
    with authenticated_server(migrated_database, folder) as server:
        yield server


@pytest.fixture(scope="module")
def workspaces(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkspacesServer]:
    """A server with workspaces."""
    with workspaces_server(migrated_database, tmp_path_factory.mktemp("workspaces")) as server:
        yield server


def _server(
    migrated: Path, folder: Path, port: int, *arguments: str, **environment: str
) -> ServerProcess:
    database = folder / "mlflow.db"
    if not database.exists():
        copy_database(migrated, folder, "mlflow-artifacts:/")
    return mlflow_process(
        folder,
        *("--artifacts-destination", (folder / "artifacts").as_uri(), *arguments),
        port=port,
        backend_store_uri=f"sqlite:///{database}",
        environment=environment,
    )


@pytest.fixture(scope="module")
def webhooks_server(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server that sends webhooks to this machine too."""
    folder, port = tmp_path_factory.mktemp("webhooks"), free_port()
    server = _server(
        migrated_database,
        folder,
        port,
        MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY=Fernet.generate_key().decode(),
        MLFLOW_WEBHOOK_ALLOWED_SCHEMES="http,https",
        MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS="true",
    )
    with started(server):
        yield f"http://127.0.0.1:{port}"


@dataclass
class GuardedServer:
    """One that answers to some host names alone; it may be started anew with others."""

    migrated: Path
    folder: Path
    port: int = field(default_factory=free_port)
    _process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """By a name that is not among them at first."""
        return f"http://127.0.0.1:{self.port}"

    def start_with(self, *arguments: str) -> None:
        """Started, anew if it runs."""
        self.stop()
        self._process = _server(self.migrated, self.folder, self.port, *arguments)
        self._process.start()

    def stop(self) -> None:
        """Gone; may be called again."""
        if self._process is not None:
            self._process.stop()


@pytest.fixture
def guarded_server(migrated_database: Path, tmp_path: Path) -> Iterator[GuardedServer]:
    """It takes requests to mlflow.example alone."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    server = GuardedServer(migrated_database, folder)
    try:
        server.start_with("--allowed-hosts=mlflow.example")
        yield server
    finally:
        server.stop()
