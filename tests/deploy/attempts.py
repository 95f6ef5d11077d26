"""What accounts of an MLflow server try: each is really done, or refused by MLflow."""

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from service.registry.writer.once import EXPERIMENT

TEAM: Final = "security"
MODEL: Final = "fraud_blocker"
_numbers = itertools.count()


def model(environment: str) -> str:
    """The team's, in that environment."""
    return f"{environment}.{TEAM}.{MODEL}"


@dataclass(frozen=True, slots=True)
class Version:
    """Version 1 of a model: as what it was logged, and where its like are trained and copied to."""

    logged: str
    trained: str
    copies: str


@dataclass(frozen=True, slots=True)
class Ground:
    """One server, and what there is in each of its environments."""

    url: str
    client: MlflowClient
    versions: Mapping[str, Version]

    def log(self, experiment: str) -> str:
        """A logged model with one file; its id."""
        logged = self.client.create_logged_model(experiment, "model").model_id
        with _file("MLmodel", "flavors: {}") as folder:
            self.client.log_model_artifacts(logged, folder)
        self.client.finalize_logged_model(logged, "READY")
        return str(logged)

    def register(self, environment: str, logged: str) -> str:
        """The number of a new version of the model there."""
        made = self.client.create_model_version(
            model(environment), f"models:/{logged}", model_id=logged
        )
        return str(made.version)


def read(ground: Ground, environment: str) -> None:
    """As the service does at every look."""
    ground.client.get_model_version_by_alias(model(environment), "champion")


def download(ground: Ground, environment: str) -> None:
    """As the service does before it serves a version; at the server of the environment."""
    artifact = f"models:/{ground.versions[environment].logged}"
    with tempfile.TemporaryDirectory() as folder:
        mlflow.artifacts.download_artifacts(artifact, dst_path=folder)


def overwrite(ground: Ground, environment: str) -> None:
    """The files of a version that is registered already."""
    with _file("more.txt", "altered") as folder:
        ground.client.log_model_artifacts(ground.versions[environment].logged, folder)


def log(ground: Ground, environment: str) -> None:
    """Nothing is registered yet."""
    ground.log(ground.versions[environment].trained)


def register(ground: Ground, environment: str) -> None:
    """What is logged already."""
    ground.register(environment, ground.versions[environment].logged)


def copy(ground: Ground, environment: str) -> None:
    """The bytes of a version from the environment before, as `podium copy` does."""
    before = {"staging": "dev", "prod": "staging"}.get(environment, environment)
    download(ground, before)
    ground.register(environment, ground.log(ground.versions[environment].copies))


def move(ground: Ground, environment: str) -> None:
    """An alias that may be new."""
    ground.client.set_registered_model_alias(model(environment), f"moved{next(_numbers)}", "1")


def remove(ground: Ground, environment: str) -> None:
    """Deleting one that is not there is allowed to those who might delete it."""
    ground.client.delete_registered_model_alias(model(environment), "nothing")


def tag(ground: Ground, environment: str) -> None:
    """As `podium validate` tells its verdict."""
    ground.client.set_model_version_tag(model(environment), "1", "validation_status", "passed")


def untag(ground: Ground, environment: str) -> None:
    """As `podium unblock` would."""
    ground.client.delete_model_version_tag(model(environment), "1", "validation_status")


def tag_model(ground: Ground, environment: str) -> None:
    """As `podium hold` does."""
    ground.client.set_registered_model_tag(model(environment), "podium.hold.other", "a test")


def validations(ground: Ground, environment: str) -> None:
    """A run with a metric, as `podium validate` makes one that may not write to logged models."""
    run = _run(ground, f"{environment}.{TEAM}.validations")
    ground.client.log_batch(run, [Metric("accuracy", 0.9, 0, 0)])


def journal(ground: Ground, _: str) -> None:
    """A run there, as `podium promote` makes one."""
    _run(ground, EXPERIMENT)


def squat(ground: Ground, environment: str) -> None:
    """A model of a name that nobody has taken yet; whoever makes it has MANAGE on it."""
    ground.client.create_registered_model(f"{environment}.{TEAM}.taken{next(_numbers)}")


def webhooks(ground: Ground, _: str) -> None:
    """As `podium webhook list` does."""
    ground.client.list_webhooks()


ATTEMPTS: Final[Mapping[str, Callable[[Ground, str], None]]] = {
    "read aliases": read,
    "download versions": download,
    "log a model": log,
    "alter the files of a version": overwrite,
    "register a version": register,
    "copy a version there": copy,
    "move an alias": move,
    "delete an alias": remove,
    "tag a version": tag,
    "delete a version's tag": untag,
    "tag a model": tag_model,
    "record a validation": validations,
    "write the journal": journal,
    "make a model of a free name": squat,
    "list webhooks": webhooks,
}
"""By the words of docs/permissions.md."""


def may(attempt: str, ground: Ground, environment: str) -> bool:
    """Whether it was done; a refusal for any other reason fails."""
    try:
        ATTEMPTS[attempt](ground, environment)
    except (MlflowException, requests.HTTPError) as error:
        if "403" not in str(error) and "PERMISSION_DENIED" not in str(error):
            raise
        return False
    return True


def _run(ground: Ground, experiment: str) -> str:
    found = ground.client.get_experiment_by_name(experiment)
    assert found is not None, experiment
    return str(ground.client.create_run(found.experiment_id).info.run_id)


@contextlib.contextmanager
def _file(name: str, text: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(text)
        yield folder
