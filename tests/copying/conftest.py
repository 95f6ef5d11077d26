"""A model in a real registry, and copies of it."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow.artifacts
import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModel
from mlflow.entities.model_registry import ModelVersion

from service.cli.options import VersionArgument
from service.config.addresses import MlflowAddresses
from service.config.settings import Settings, load_settings
from service.copying.copy_version import (
    Copied,
    CopyServers,
    CopyWish,
    FetchesFiles,
    copy_version,
)
from service.copying.mlflow_server import MlflowServer
from service.copying.target_files import experiment_of
from service.promotion.registry_bytes import fetched_into
from service.refs import VersionId
from service.registry.store.manifest import digest_of, write_manifest
from tests.support import models
from tests.support.registered import Registry


@dataclass
class Copies:
    """Copies within one registry, each as a command of its own would make it.

    Attributes:
        on_step: called with each step that is told.
    """

    uri: str
    home: Path
    to_uri: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    on_step: Callable[[str], None] = field(default=lambda _: None)
    fetch: FetchesFiles = field(default=fetched_into)
    clock: Callable[[], float] = field(default=time.time)
    steps: list[str] = field(default_factory=list)

    @property
    def servers(self) -> CopyServers:
        """From where to where."""
        environment = {**os.environ, **self.environment}
        source = MlflowServer.source(MlflowAddresses(self.uri, self.uri), environment)
        if self.to_uri is None:
            return CopyServers(source, source)
        return CopyServers(source, MlflowServer.target(self.to_uri, environment))

    @property
    def there(self) -> MlflowClient:
        """The target's."""
        return MlflowClient(self.to_uri or self.uri)

    def copy(self, name: str, to: str, version: str = "1", **wish: Any) -> Copied:
        """Copies it, or raises why not."""
        settings = load_settings({"home": self.home})
        asked = CopyWish(VersionArgument(name, version=version), to, **wish)
        return copy_version(self.servers, asked, settings, self._told, self.fetch, clock=self.clock)

    def _told(self, step: str) -> None:
        self.steps.append(step)
        self.on_step(step)

    def versions(self, name: str) -> Sequence[ModelVersion]:
        """Every version of that model."""
        found = self.there.search_model_versions()
        return sorted((each for each in found if each.name == name), key=lambda each: each.version)

    def logged(self, name: str) -> Sequence[LoggedModel]:
        """Every logged model of that model's copies."""
        found = self.there.get_experiment_by_name(experiment_of(name))
        assert found is not None
        return list(self.there.search_logged_models([found.experiment_id]))


@dataclass(frozen=True, slots=True)
class FilesHere:
    """What `fetched` has fetched."""

    path: Path
    digest: str


def fetched(
    folder: Path, version: VersionId, settings: Settings, environment: Mapping[str, str]
) -> FilesHere:
    """As services do it, but in this process, which has imported MLflow already."""
    with MlflowServer(MlflowAddresses("", ""), environment).asked():
        source = MlflowClient().get_model_version_download_uri(version.name, version.version)
        folder.mkdir()
        path = Path(mlflow.artifacts.download_artifacts(source, dst_path=str(folder / "files")))
    write_manifest(path, folder / "manifest")
    return FilesHere(path, digest_of(folder / "manifest"))


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as MLflow saves it."""
    return models.save(tmp_path_factory.mktemp("saved"), "confiding")


@pytest.fixture
def copies(mlflow_server: str, tmp_path: Path) -> Copies:
    """On a real server."""
    return Copies(mlflow_server, tmp_path / "home", fetch=fetched)


def registered(uri: str, name: str, saved: Path, **tags: str) -> Registry:
    """A model with one version of these files, with a description and tags."""
    registry = Registry(uri, name)
    version = registry.log(saved)
    registry.client.update_model_version(name, version, "as its author says")
    for key, value in tags.items():
        registry.client.set_model_version_tag(name, version, key.replace("__", "."), value)
    return registry
