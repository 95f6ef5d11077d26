"""Real MLflow for tests: databases that cost a copy instead of a migration, and a server.

MLflow makes the tables of an empty SQLite file in 2.5 s, so one file is migrated per session and
copied from then on. Every artifact lands below the folder that the caller names.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx

from tests.support.waiting import wait_until

# 8 s on an idle machine with two cores, 33 s seen on a busy one.
_START_SECONDS = 90.0


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


@dataclass(slots=True)
class MlflowServer:
    """`mlflow server` on 127.0.0.1 with one worker and its artifacts below `folder`.

    It may be stopped and started again on the same port and database. Its processes are killed as
    a group, by `stop` or, however the tests end, when their end of a pipe closes.
    """

    folder: Path
    database: Path
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None
    _guard: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """What clients take as the tracking URI."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when the server answers; fails with its last output otherwise."""
        with (self.folder / "mlflow-server.log").open("ab") as log:
            self._process = self._spawn(log)
        self._guard = _guard(self._process.pid)
        try:
            wait_until(self._answers_or_ended, _START_SECONDS, "mlflow server answers")
            assert self._process.poll() is None, "mlflow server ended"
        except AssertionError as error:
            self.stop()
            log_end = (self.folder / "mlflow-server.log").read_text()[-2000:]
            raise AssertionError(f"{error}\n{log_end}") from None

    def stop(self) -> None:
        """Kills every process of the server and returns when it is gone; may be called again."""
        if self._process is None or self._guard is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._guard.communicate()
        self._process = self._guard = None

    def _spawn(self, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        command = [
            *(sys.executable, "-m", "mlflow", "server"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{self.database}"),
            *("--artifacts-destination", (self.folder / "artifacts").as_uri()),
        ]
        # The job consumers take 235 MB each and serve nothing that is tested here.
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _answers_or_ended(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            return True
        try:
            return httpx.get(f"{self.url}/health", timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False


def _guard(group: int) -> "subprocess.Popen[bytes]":
    # `read` returns when the pipe's other end, ours, is closed: also by `kill -9` of the tests.
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read _; kill -s KILL -- -{group} 2>/dev/null"],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


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
