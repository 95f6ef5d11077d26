"""Models whose versions are in MLflow's stages, as registries from before aliases have them."""

import warnings
from collections.abc import Mapping

from mlflow import MlflowClient


def put(
    client: MlflowClient,
    name: str,
    stages: Mapping[str, str],
    aliases: Mapping[str, str],
    versions: int = 2,
) -> None:
    """A model of so many versions without files; `stages` says which number is in which stage."""
    client.create_registered_model(name)
    for _ in range(versions):
        client.create_model_version(name, "nowhere")
    for number, stage in stages.items():
        promote_to_stage(client, name, number, stage)
    for alias, number in aliases.items():
        client.set_registered_model_alias(name, alias, number)


def promote_to_stage(client: MlflowClient, name: str, number: str, stage: str) -> None:
    """As people did before there were aliases."""
    with warnings.catch_warnings():
        # MLflow's own, of stages.
        warnings.simplefilter("ignore", FutureWarning)
        client.transition_model_version_stage(name, number, stage)


def aliases(client: MlflowClient, name: str) -> Mapping[str, str]:
    """Where the model's aliases are."""
    found = client.get_registered_model(name).aliases
    return {str(alias): str(number) for alias, number in found.items()}
