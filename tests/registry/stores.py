"""Registries as an operator changes them: the fake, and MLflow over SQLite or its own server."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from service.following.ports import Registry
from service.hold_tag import HOLD_PREFIX, Hold
from service.refs import ModelRef, VersionId
from service.rollout_tags import RolloutTags, rollouts_in, unknown_in
from tests.following.fakes import FakeRegistry

MLMODEL = """\
flavors:
  python_function:
    loader_module: mlflow.sklearn
    env: {}
  sklearn: {}
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: null
"""
EXAMPLE = b'{"inputs":{"x":[1.0]}}'


def artifact(folder: Path, mlmodel: str | None = MLMODEL, example: bytes | None = EXAMPLE) -> Path:
    """What MLflow stores of a model, as far as a registry looks at it."""
    folder.mkdir(parents=True)
    if mlmodel is not None:
        (folder / "MLmodel").write_text(mlmodel)
    if example is not None:
        (folder / "serving_input_example.json").write_bytes(example)
    (folder / "data").mkdir()
    (folder / "data" / "weights").write_bytes(b"weights")
    return folder


class Store(Protocol):
    """A registry, and the hand that changes what is in it."""

    @property
    def registry(self) -> Registry:
        """What is tested."""
        ...

    def register(self, name: str) -> str:
        """The number of the model's next version; the model is made with its first one."""
        ...

    def point(self, ref: ModelRef, version: str) -> None:
        """Sets the alias."""
        ...

    def unpoint(self, ref: ModelRef) -> None:
        """Deletes the alias."""
        ...

    def tag(self, name: str, version: str, key: str, value: str) -> None:
        """Sets a tag of the version."""
        ...

    def hold(self, ref: ModelRef, value: str) -> None:
        """Sets the model's tag that holds the alias."""
        ...

    def tag_model(self, name: str, key: str, value: str) -> None:
        """Sets a tag of the model."""
        ...

    def delete_version(self, name: str, version: str) -> None:
        """With the aliases that point there."""
        ...

    def rename_model(self, name: str, to: str) -> None:
        """With everything that it has."""
        ...

    def delete_model(self, name: str) -> None:
        """With everything that it has."""
        ...


@dataclass
class FakeStore:
    """The fake, changed by its own methods."""

    registry: FakeRegistry = field(default_factory=FakeRegistry)
    model_tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def register(self, name: str) -> str:
        return self.registry.register(name).version

    def point(self, ref: ModelRef, version: str) -> None:
        self.registry.aliases[ref] = self._version(ref.name, version)

    def unpoint(self, ref: ModelRef) -> None:
        del self.registry.aliases[ref]

    def tag(self, name: str, version: str, key: str, value: str) -> None:
        fields = self.registry.fetched_fields.setdefault(self._version(name, version), {})
        fields.setdefault("tags", {})[key] = value

    def hold(self, ref: ModelRef, value: str) -> None:
        hold = Hold.of(value)
        if hold is None:
            self.registry.holds.pop(ref, None)
        else:
            self.registry.holds[ref] = hold

    def tag_model(self, name: str, key: str, value: str) -> None:
        tags = self.model_tags.setdefault(name, {})
        tags[key] = value
        found = rollouts_in(tags)
        self.registry.rollout = {
            ModelRef(name, alias): RolloutTags.of(said) for alias, said in found.items()
        }
        self.registry.unknown_tags = {name: unknown_in(tags)}

    def delete_version(self, name: str, version: str) -> None:
        self.registry.delete_version(self._version(name, version))

    def rename_model(self, name: str, to: str) -> None:
        self.registry.rename_model(name, to)

    def delete_model(self, name: str) -> None:
        self.registry.delete_model(name)

    def _version(self, name: str, version: str) -> VersionId:
        return next(each for each in self.registry.models[name] if each.version == version)


class MlflowStore:
    """MLflow, changed by its own client. Artifacts are made below `folder` and logged to a run."""

    def __init__(self, registry: Registry, uri: str, folder: Path) -> None:
        self.registry = registry
        self.client = MlflowClient(uri)
        self._folder = folder
        self._artifacts = 0

    def register(self, name: str) -> str:
        return self.log(name, artifact(self.new_folder()))

    def new_folder(self) -> Path:
        """A place for an artifact that no other has."""
        self._artifacts += 1
        return self._folder / f"made-{self._artifacts}"

    def log(self, name: str, made: Path, **tags: str) -> str:
        """Logs what lies there to a run and registers it from there; the version's number."""
        run = self.client.create_run("0")
        self.client.log_artifacts(run.info.run_id, str(made), "model")
        self._make(name)
        source = f"{run.info.artifact_uri}/model"
        version = self.client.create_model_version(name, source, run.info.run_id, tags=dict(tags))
        return str(version.version)

    def add(self, name: str, place: Path, **tags: str) -> str:
        """Registers what lies there as it is; for stores that take paths. The version's number."""
        self._make(name)
        return str(self.client.create_model_version(name, str(place), tags=dict(tags)).version)

    def point(self, ref: ModelRef, version: str) -> None:
        self.client.set_registered_model_alias(ref.name, ref.alias, version)

    def unpoint(self, ref: ModelRef) -> None:
        self.client.delete_registered_model_alias(ref.name, ref.alias)

    def tag(self, name: str, version: str, key: str, value: str) -> None:
        self.client.set_model_version_tag(name, version, key, value)

    def hold(self, ref: ModelRef, value: str) -> None:
        self.tag_model(ref.name, f"{HOLD_PREFIX}{ref.alias}", value)

    def tag_model(self, name: str, key: str, value: str) -> None:
        self.client.set_registered_model_tag(name, key, value)

    def delete_version(self, name: str, version: str) -> None:
        self.client.delete_model_version(name, version)

    def rename_model(self, name: str, to: str) -> None:
        self.client.rename_registered_model(name, to)

    def delete_model(self, name: str) -> None:
        self.client.delete_registered_model(name)

    def identity(self, name: str, version: str) -> VersionId:
        """What resolving an alias of that version would give."""
        return VersionId(name, self.client.get_registered_model(name).creation_timestamp, version)

    def _make(self, name: str) -> None:
        try:
            self.client.get_registered_model(name)
        except MlflowException:
            self.client.create_registered_model(name)
