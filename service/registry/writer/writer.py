"""MLflow's registry and its runs, read and written with the operator's own credentials.

In the process of a command alone; the service never writes.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion, RegisteredModel

from service.config.addresses import MlflowAddresses, shown_registry
from service.refs import VersionId
from service.registry.writer.faults import NOT_FOUND, WriteRefused, asked

# MLflow's own defaults keep a caller for 246 s when nothing listens.
_PATIENCE: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
# MLflow looks at the rights first, and then refuses both: it counts from 1, and keeps that alias.
_NO_VERSION: Final = "0"
_NO_ALIAS: Final = "latest"
_NOT_ALLOWED: Final = frozenset({"PERMISSION_DENIED", "UNAUTHENTICATED"})


class NamedVersion(Protocol):
    """A version as an operator names it: by its number, or by an alias that is on it."""

    @property
    def name(self) -> str:
        """The model's."""

    @property
    def version(self) -> str | None:
        """Its number, if it is named by that."""

    @property
    def alias(self) -> str | None:
        """An alias that is on it, if it is named by that."""


@dataclass(frozen=True, slots=True)
class NumberedVersion:
    """A `NamedVersion` by its number."""

    name: str
    version: str
    alias: None = None


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One version, as the registry has it at that moment.

    Attributes:
        created: when the model was made, in milliseconds; see `service.refs.VersionId`.
        ready: whether its registration has succeeded.
        tags: the version's own.
    """

    name: str
    created: int
    number: str
    source: str
    ready: bool
    tags: Mapping[str, str]

    @property
    def id(self) -> VersionId:
        """As slots and caches know it."""
        return VersionId(self.name, self.created, self.number)


@dataclass(frozen=True, slots=True)
class ModelAliases:
    """A model's aliases and tags at one moment.

    Attributes:
        created: when the model was made, in milliseconds.
        newest: the number of its newest version, and of the newest of each stage.
    """

    created: int
    aliases: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    newest: Sequence[str] = ()


class Writer:
    """One MLflow. Every method raises `WriteRefused` and `Unreachable`."""

    def __init__(self, addresses: MlflowAddresses) -> None:
        """Variables of the environment that set MLflow's retries and time limits are obeyed."""
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        self._addresses = addresses
        self.client = MlflowClient(addresses.tracking or addresses.registry, addresses.registry)
        """MLflow's own, for runs, artifacts and metrics; ask it by `asked`."""

    def server(self) -> str:
        """The registry's address without passwords, and the workspace if one is set."""
        return shown_registry(self._addresses, os.environ)

    def aliases(self, name: str) -> ModelAliases:
        """Every alias of the model, the number that it is on, and the model's own tags."""
        found = self._model(name)
        aliases = {str(alias): str(number) for alias, number in found.aliases.items()}
        tags = {str(key): str(value) for key, value in found.tags.items()}
        newest = [str(each.version) for each in found.latest_versions or ()]
        return ModelAliases(int(found.creation_timestamp), aliases, tags, newest)

    def alias(self, name: str, alias: str) -> str | None:
        """The number of the version that the alias is on; None if there is no such alias."""
        return self.aliases(name).aliases.get(alias)

    def version_of(self, named: NamedVersion) -> RegisteredVersion:
        """The version that is named. Code `RESOURCE_DOES_NOT_EXIST` if there is none."""
        model = self._model(named.name)
        number = named.version or model.aliases.get(named.alias)
        if number is None:
            raise no_alias(named.name, str(named.alias), model.aliases)
        found = self._version(named.name, str(number))
        if found is None:
            raise WriteRefused(f"the model {named.name} has no version {number}", NOT_FOUND)
        return _registered(model, found)

    def tags(self, name: str, version: str) -> Mapping[str, str]:
        """Every tag of the version, as it is now."""
        found = self._version(name, version)
        if found is None:
            raise WriteRefused(f"the model {name} has no version {version}", NOT_FOUND)
        return {str(key): str(value) for key, value in found.tags.items()}

    def move(self, name: str, alias: str, version: str) -> None:
        """The alias is on that version."""
        asked(
            lambda: self.client.set_registered_model_alias(name, alias, version),
            f"EDIT on the model {name}",
        )

    def require_moves(self, name: str) -> None:
        """Raises `WriteRefused` unless this account may move the model's aliases; moves none."""
        _require(lambda: self.move(name, _NO_ALIAS, _NO_VERSION))

    def require_tags(self, name: str, key: str) -> None:
        """Raises `WriteRefused` unless this account may tag the model's versions; tags none."""
        _require(lambda: self.tag(name, _NO_VERSION, key, ""))

    def remove(self, name: str, alias: str) -> None:
        """There is no such alias any more."""
        asked(
            lambda: self.client.delete_registered_model_alias(name, alias),
            f"MANAGE on the model {name}, to delete an alias",
        )

    def tag(self, name: str, version: str, key: str, value: str) -> None:
        """The version has that tag."""
        asked(
            lambda: self.client.set_model_version_tag(name, version, key, value),
            f"EDIT on the model {name}",
        )

    def untag(self, name: str, version: str, key: str) -> None:
        """The version has no such tag any more."""
        asked(
            lambda: self.client.delete_model_version_tag(name, version, key),
            f"MANAGE on the model {name}, to delete a tag",
        )

    def tag_model(self, name: str, key: str, value: str) -> None:
        """The model has that tag."""
        asked(
            lambda: self.client.set_registered_model_tag(name, key, value),
            f"EDIT on the model {name}",
        )

    def untag_model(self, name: str, key: str) -> None:
        """The model has no such tag any more."""
        asked(
            lambda: self.client.delete_registered_model_tag(name, key),
            f"EDIT on the model {name}",
        )

    def _model(self, name: str) -> RegisteredModel:
        try:
            return asked(
                lambda: self.client.get_registered_model(name), f"READ on the model {name}"
            )
        except WriteRefused as refused:
            if refused.code == NOT_FOUND:
                raise WriteRefused(f"the registry has no model {name}", NOT_FOUND) from refused
            raise

    def _version(self, name: str, number: str) -> ModelVersion | None:
        try:
            return asked(
                lambda: self.client.get_model_version(name, number), f"READ on the model {name}"
            )
        except WriteRefused as refused:
            if refused.code == NOT_FOUND:
                return None
            raise


def no_alias(name: str, alias: str, others: Iterable[str]) -> WriteRefused:
    """That the model has no such alias, and which it has."""
    has = ", ".join(sorted(map(str, others))) or "none"
    return WriteRefused(f"the model {name} has no alias {alias}; it has {has}", NOT_FOUND)


def _require(refused_anyhow: Callable[[], None]) -> None:
    try:
        refused_anyhow()
    except WriteRefused as refused:
        if refused.code in _NOT_ALLOWED:
            raise


def _registered(model: RegisteredModel, found: ModelVersion) -> RegisteredVersion:
    tags = {str(key): str(value) for key, value in found.tags.items()}
    ready, source = found.status == "READY", str(found.source)
    created = int(model.creation_timestamp)
    return RegisteredVersion(model.name, created, str(found.version), source, ready, tags)
