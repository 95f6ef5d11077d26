"""A real MLflow server whose models, experiments and runs are each in one workspace."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.registered import Registry
from tests.support.server_process import started
from tests.support.tracking import copy_database, free_port, mlflow_process


@dataclass(frozen=True, slots=True)
class WorkspacesServer:
    """The server, with `default` and what is made."""

    url: str

    def make(self, name: str) -> None:
        """One more workspace."""
        httpx.post(
            f"{self.url}/api/3.0/mlflow/workspaces",
            json={"name": name},
            timeout=240,
            trust_env=False,
        ).raise_for_status()

    @contextlib.contextmanager
    def within(self, workspace: str, model: str) -> Iterator[Registry]:
        """That model there; this process asks within the workspace while it lasts."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_WORKSPACE", workspace)
            yield Registry(self.url, model)


@contextlib.contextmanager
def workspaces_server(migrated: Path, folder: Path) -> Iterator[WorkspacesServer]:
    """A running one, on a database of its own."""
    database, port = copy_database(migrated, folder, "mlflow-artifacts:/"), free_port()
    server = mlflow_process(
        folder,
        *("--artifacts-destination", (folder / "artifacts").as_uri(), "--enable-workspaces"),
        port=port,
        backend_store_uri=f"sqlite:///{database}",
    )
    with started(server):
        yield WorkspacesServer(f"http://127.0.0.1:{port}")
