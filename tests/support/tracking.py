"""Real MLflow for tests: databases that cost a copy instead of a migration, and a server.

MLflow makes the tables of an empty SQLite file in 2.5 s, so one file is migrated per session and
copied from then on. Every artifact lands below the folder that the caller names.
"""

import contextlib
import secrets
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx

from tests.support.server_process import ServerProcess


def migrate(folder: Path) -> Path:
    """A SQLite file in `folder` with all of MLflow's tables and its experiment `Default`."""
    from mlflow import MlflowClient

    database = folder / "migrated.db"
    MlflowClient(f"sqlite:///{database}").search_experiments()
    return database


def copy_database(migrated: Path, folder: Path, artifact_root: str | None = None) -> Path:
    """A fresh database in `folder`; `Default` keeps its artifacts below `artifact_root`.

    The migration has recorded the folder that the tests were started in; without another place
    given, that becomes `folder/artifacts`.
    """
    database = folder / "mlflow.db"
    shutil.copyfile(migrated, database)
    location = f"{artifact_root or (folder / 'artifacts').as_uri() + '/'}0"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE experiments SET artifact_location = ?", (location,))
    return database


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on a moment ago.

    Below those that the kernel gives to connections, one of which could take it before its server.
    """
    while True:
        port = secrets.randbelow(12_000) + 20_000
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def mlflow_process(
    folder: Path,
    *arguments: str,
    port: int,
    backend_store_uri: str,
    environment: Mapping[str, str] | None = None,
) -> ServerProcess:
    """`mlflow server` on 127.0.0.1 with one worker, its output in `folder`; not started yet."""
    command = [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", backend_store_uri),
        *arguments,
    ]
    # The job consumers take 235 MB each and serve nothing that is tested here.
    fixed = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    answers = answering(f"http://127.0.0.1:{port}/health")
    return ServerProcess("mlflow-server", command, folder, answers, fixed | dict(environment or {}))


def answering(url: str) -> Callable[[], bool]:
    """Whether a GET there succeeds at this moment."""

    def answers() -> bool:
        try:
            return httpx.get(url, timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return answers


class MlflowServer:
    """`mlflow server` on a SQLite file, with its artifacts below `folder`.

    It may be stopped and started again on the same port and database.
    """

    def __init__(self, folder: Path, database: Path) -> None:
        self.database = database
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = mlflow_process(
            folder,
            *("--artifacts-destination", (folder / "artifacts").as_uri()),
            port=port,
            backend_store_uri=f"sqlite:///{database}",
        )

    def start(self) -> None:
        """Returns when the server answers; fails with its last output otherwise."""
        self._process.start()

    def stop(self) -> None:
        """Kills every process of the server and returns when it is gone; may be called again."""
        self._process.stop()


@contextlib.contextmanager
def mlflow_server(migrated: Path, folder: Path) -> Iterator[MlflowServer]:
    """A running server on a database of its own; gone afterwards for certain."""
    database = copy_database(migrated, folder, "mlflow-artifacts:/")
    server = MlflowServer(folder, database)
    server.start()
    try:
        yield server
    finally:
        server.stop()
