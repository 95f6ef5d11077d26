"""What the registry says of one version: whether it is still there, and its tags."""

from collections.abc import Mapping
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from service.registry.child.faults import RegistryFault, asked
from service.registry.wire import Fault


def still_there(client: MlflowClient, name: str, version: str, created: int) -> ModelVersion:
    """The version of the model that was made then. Raises `RegistryFault`."""
    model = asked(lambda: client.get_registered_model(name))
    found = asked(lambda: client.get_model_version(name, version))
    if model is None or found is None or model.creation_timestamp != created:
        raise RegistryFault(Fault.VERSION_GONE)
    return _registered(found)


def _registered(found: ModelVersion) -> ModelVersion:
    if found.status == "FAILED_REGISTRATION":
        raise RegistryFault(Fault.REGISTRATION_FAILED)
    if found.status != "READY":
        raise RegistryFault(Fault.NOT_READY)
    return found


def tags_of(version: ModelVersion) -> dict[str, str]:
    """As texts, whatever the store made of them."""
    return {str(key): str(value) for key, value in version.tags.items()}


def again(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The tags that the version has now. Raises `RegistryFault`.

    One question instead of two: `made` is the version's own creation timestamp, by which a version
    of a model made anew is told from one of the same name and number before it.
    """
    found = asked(lambda: MlflowClient().get_model_version(wanted["name"], wanted["version"]))
    if found is None or found.creation_timestamp != wanted["made"]:
        raise RegistryFault(Fault.VERSION_GONE)
    return {"tags": tags_of(_registered(found))}, b""


def exists(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Whether there is a version of that number, whatever has become of it.

    Raises `RegistryFault`.
    """
    found = asked(lambda: MlflowClient().get_model_version(wanted["name"], wanted["version"]))
    return {"exists": found is not None}, b""


def tags(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The tags of each version now, None for one that nobody answers about.

    Raises `RegistryFault` where the registry cannot be reached.
    """
    client = MlflowClient()
    return {"tags": [tags_or_none(client, *version) for version in wanted["versions"]]}, b""


def tags_or_none(
    client: MlflowClient, name: str, created: int, version: str
) -> dict[str, str] | None:
    """Its tags; None for one that is gone, or that nobody answers about.

    Raises `RegistryFault` where the registry cannot be reached.
    """
    try:
        return tags_of(still_there(client, name, version, created))
    except RegistryFault as failure:
        if failure.fault is Fault.UNREACHABLE:
            raise
        return None
