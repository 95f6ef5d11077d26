"""Which versions the registry says are withdrawn, by their tag: one search for all of them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from service.following.tombstones import WITHDRAWN_TAG, reason_of
from service.registry.understanding import RegistryFault, asked
from service.registry.versions import tags_of, tags_or_none
from service.registry.wire import Fault

# Any value: which of them are meant is not the registry's to say.
_FILTER: Final = f"tags.`{WITHDRAWN_TAG}` LIKE '%'"
_PAGE: Final = 1000
_MOST_PAGES: Final = 10
# Whoever asks about a single version is told the same.
_OF_ALL: Final = frozenset(
    {Fault.UNREACHABLE, Fault.TIMED_OUT, Fault.UNAUTHENTICATED, Fault.HOST_REFUSED}
)


def withdrawn(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """`withdrawn`: `[name, created, version, reason]` each; `free`: which of the asked ones is not.

    Of models named in `names`. Where the registry searches by tags all are found; else, and where
    `search` is false, those among `met`. Of `marked` ones is asked in any case, unless found. One
    that is not there any more is neither. `complete` says whether a search has shown all. Raises
    `RegistryFault`.
    """
    client = MlflowClient()
    found = _search(client, frozenset(wanted["names"])) if wanted["search"] else None
    said = [] if found is None else _identified(client, found)
    known = {(name, version) for name, _, version, _ in said}
    alone = [*wanted["marked"], *(wanted["met"] if found is None else ())]
    free = []
    for name, created, version in dict.fromkeys(map(tuple, alone)):
        if (name, version) in known:
            continue
        tags = tags_or_none(client, name, created, version)
        reason = None if tags is None else reason_of(tags.get(WITHDRAWN_TAG))
        if reason is not None:
            said.append([name, created, version, reason])
        elif tags is not None:
            free.append([name, created, version])
    return {"withdrawn": said, "free": free, "complete": found is not None}, b""


def _search(client: MlflowClient, names: Collection[str]) -> Sequence[ModelVersion] | None:
    """The tagged versions of these models; None where the registry does not show them all."""
    found: list[ModelVersion] = []
    token: str | None = None
    for _ in range(_MOST_PAGES):
        try:
            page = asked(lambda: client.search_model_versions(_FILTER, _PAGE, page_token=token))  # noqa: B023 - called at once
        except RegistryFault as failure:
            if failure.fault in _OF_ALL:
                raise
            return None
        if page is None:
            return None
        found += [each for each in page if each.name in names]
        token = page.token
        if not token:
            return found
    return None


def _identified(client: MlflowClient, found: Sequence[ModelVersion]) -> list[list[Any]]:
    said = [(each.name, str(each.version), _reason(each)) for each in found]
    meant = [each for each in said if each[2] is not None]
    created = {name: _created(client, name) for name in {name for name, _, _ in meant}}
    return [
        [name, created[name], version, reason]
        for name, version, reason in meant
        if created[name] is not None
    ]


def _reason(version: ModelVersion) -> str | None:
    return reason_of(tags_of(version).get(WITHDRAWN_TAG))


def _created(client: MlflowClient, name: str) -> int | None:
    model = asked(lambda: client.get_registered_model(name))
    return None if model is None else int(model.creation_timestamp)
