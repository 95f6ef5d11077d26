"""Versions in a registry, made of saved models."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException


class Registry:
    """One model of one registry, as an operator would fill it."""

    def __init__(self, tracking_uri: str, name: str) -> None:
        self.tracking_uri = tracking_uri
        self.name = name
        self.client = MlflowClient(tracking_uri)

    def add(self, place: Path, alias: str | None = None, **tags: str) -> str:
        """Registers what lies there as the next version; its number."""
        self._make()
        made = self.client.create_model_version(self.name, str(place), tags=dict(tags))
        if alias is not None:
            self.move(alias, str(made.version))
        return str(made.version)

    def log(self, place: Path) -> str:
        """Uploads what lies there and registers that, as a server's clients do; its number."""
        run = self.client.create_run("0")
        self.client.log_artifacts(run.info.run_id, str(place), "model")
        self._make()
        source = f"{run.info.artifact_uri}/model"
        return str(self.client.create_model_version(self.name, source, run.info.run_id).version)

    def move(self, alias: str, version: str) -> None:
        """Points the alias there."""
        self.client.set_registered_model_alias(self.name, alias, version)

    def _make(self) -> None:
        try:
            self.client.get_registered_model(self.name)
        except MlflowException:
            self.client.create_registered_model(self.name)
