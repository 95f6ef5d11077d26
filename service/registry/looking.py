"""One look at the registry: where the aliases of each followed model point."""

import contextlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.entities.model_registry import RegisteredModel

from service.registry.understanding import NOT_FOUND, RegistryFault, asked
from service.registry.wire import Fault

# A name that MLflow does not admit (utils/validation.py, _validate_model_name) is no model's name.
_NO_MODEL: Final = NOT_FOUND | {"INVALID_PARAMETER_VALUE"}
# Whoever asks about the next model is told the same.
_OF_ALL_MODELS: Final = frozenset(
    {
        *(Fault.UNREACHABLE, Fault.TIMED_OUT, Fault.UNAUTHENTICATED, Fault.HOST_REFUSED),
        *(Fault.ADDRESS, Fault.UNKNOWN_HOST, Fault.NO_TLS, Fault.UNTRUSTED, Fault.PROXY),
        *(Fault.CERTIFICATE_FILE, Fault.CLIENT_SETTING, Fault.DRIVER_MISSING, Fault.SCHEMA),
        Fault.DATABASE,
    }
)
# It goes into headers, paths, labels and pages; MLflow counts from 1.
_VERSION: Final = re.compile(r"[0-9]{1,18}")
_Answers = dict[str, dict[str, Any] | None]


def look(names: Sequence[str], most: int) -> dict[str, Any]:
    """What is known of each model: `created` and `aliases`; None if there is no such model.

    A model that gave no answer has `fault` and `error`. With `most` all models are searched for
    first, if there are no more; `complete` says whether there were not. Raises `RegistryFault` for
    what every model would fail with.
    """
    client = MlflowClient()
    found = _search(client, most) if most else None
    models: _Answers = dict(_followed(found or (), frozenset(names)))
    # Whatever the search has not shown, an account may not see, or another page would hold.
    models |= {name: _model_or_fault(client, name) for name in names if name not in models}
    return {"models": models, "complete": found is not None}


def _search(client: MlflowClient, most: int) -> Sequence[RegisteredModel] | None:
    # Without a filter: names may hold quotes and wildcards.
    try:
        page = asked(lambda: client.search_registered_models(max_results=most))
    except RegistryFault as failure:
        if failure.fault in _OF_ALL_MODELS:
            raise
        return None
    return None if page is None or page.token else page


def _followed(
    found: Iterable[RegisteredModel], names: frozenset[str]
) -> Iterable[tuple[str, dict[str, Any]]]:
    for model in found:
        if model.name in names:
            # Asked for once more by itself, it tells what is wrong, and keeps no other from that.
            with contextlib.suppress(RegistryFault):
                yield model.name, _known(model)


def _model_or_fault(client: MlflowClient, name: str) -> dict[str, Any] | None:
    # One model that may not be read must not keep the others from being followed.
    try:
        return _model(client, name)
    except RegistryFault as failure:
        if failure.fault in _OF_ALL_MODELS:
            raise
        return {"fault": failure.fault, "error": str(failure)[:2000]}


def _model(client: MlflowClient, name: str) -> dict[str, Any] | None:
    model = asked(lambda: client.get_registered_model(name), _NO_MODEL)
    if model is None:
        return None
    if model.name != name:
        raise RegistryFault(Fault.NONSENSE, "an answer about another model")
    return _known(model)


def _known(model: RegisteredModel) -> dict[str, Any]:
    try:
        return _aliases_of(model)
    except Exception as error:
        raise RegistryFault(Fault.NONSENSE, f"no model: {type(error).__name__}") from error


def _aliases_of(model: RegisteredModel) -> dict[str, Any]:
    # Over a database versions are numbers, over HTTP texts.
    aliases = {alias.encode().decode(): str(version) for alias, version in model.aliases.items()}
    if not all(_VERSION.fullmatch(version) for version in aliases.values()):
        raise RegistryFault(Fault.NONSENSE, "an alias of what is no version's number")
    return {"created": model.creation_timestamp, "aliases": aliases}
