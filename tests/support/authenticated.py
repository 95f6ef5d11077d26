"""An MLflow server that asks who is there (`--app-name basic-auth`), and its administrator."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.server_process import started
from tests.support.tracking import copy_database, free_port, mlflow_process

ADMIN: Final = {
    "MLFLOW_TRACKING_USERNAME": "admin",
    "MLFLOW_TRACKING_PASSWORD": "the administrator's own",
}
# As MLflow ships it, everybody may read everything; here nothing is allowed that is not granted.
# Without its cache MLflow spends half a second of a core on the password of every request.
_SETTINGS: Final = """\
[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{database}
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 300
"""


@dataclass(frozen=True, slots=True)
class AuthenticatedServer:
    """The server, and what its administrator does with accounts."""

    url: str

    def create_workspace(self, name: str) -> None:
        """One more, of a server that was started with workspaces."""
        self._post("3.0/mlflow/workspaces", {"name": name})

    def create_account(self, name: str, password: str) -> None:
        """An account that may do nothing yet."""
        self._post("2.0/mlflow/users/create", {"username": name, "password": password})

    def may_read(self, account: str, kind: str, resource: str) -> None:
        """READ on a `registered_model`, by its name, or on an `experiment`, by its id."""
        self._grant(account, kind, resource, "READ")

    def may_edit(self, account: str, kind: str, resource: str) -> None:
        """EDIT, likewise."""
        self._grant(account, kind, resource, "EDIT")

    def take_away(self, account: str, kind: str, resource: str) -> None:
        """The account's own grant on that."""
        taken = {"username": account, "resource_type": kind, "resource_id": resource}
        self._post("3.0/mlflow/users/permissions/revoke", taken)

    def _grant(self, account: str, kind: str, resource: str, permission: str) -> None:
        granted = {"resource_type": kind, "resource_id": resource, "permission": permission}
        self._post("3.0/mlflow/users/permissions/grant", {"username": account, **granted})

    def _post(self, route: str, body: Mapping[str, str]) -> None:
        httpx.post(
            f"{self.url}/api/{route}",
            json=body,
            auth=(ADMIN["MLFLOW_TRACKING_USERNAME"], ADMIN["MLFLOW_TRACKING_PASSWORD"]),
            timeout=240,
            trust_env=False,
        ).raise_for_status()

    def experiment_id(self, name: str) -> str:
        """Of the experiment of that name."""
        from mlflow import MlflowClient

        with environment(ADMIN):
            found = MlflowClient(self.url).get_experiment_by_name(name)
        assert found is not None, name
        return str(found.experiment_id)


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """While it lasts, this process has these in its environment."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in variables.items():
            patch.setenv(key, value)
        yield


@contextlib.contextmanager
def authenticated_server(
    migrated: Path, folder: Path, *arguments: str
) -> Iterator[AuthenticatedServer]:
    """A running one, on databases of its own; `arguments` are more of `mlflow server`."""
    database = copy_database(migrated, folder, "mlflow-artifacts:/")
    settings = folder / "basic_auth.ini"
    settings.write_text(_SETTINGS.format(database=folder / "accounts.db"))
    port = free_port()
    server = mlflow_process(
        folder,
        *("--app-name", "basic-auth", *arguments),
        *("--artifacts-destination", (folder / "artifacts").as_uri()),
        port=port,
        backend_store_uri=f"sqlite:///{database}",
        environment={
            "MLFLOW_AUTH_CONFIG_PATH": os.fspath(settings),
            "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN["MLFLOW_TRACKING_PASSWORD"],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "signs the forms of its pages",
        },
    )
    with started(server):
        yield AuthenticatedServer(f"http://127.0.0.1:{port}")
