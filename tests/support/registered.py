"""Versions in a registry over SQLite, made of saved models without logging a run for each."""

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
        try:
            self.client.get_registered_model(self.name)
        except MlflowException:
            self.client.create_registered_model(self.name)
        made = self.client.create_model_version(self.name, str(place), tags=dict(tags))
        if alias is not None:
            self.move(alias, str(made.version))
        return str(made.version)

    def move(self, alias: str, version: str) -> None:
        """Points the alias there."""
        self.client.set_registered_model_alias(self.name, alias, version)
