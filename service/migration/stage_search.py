"""All models of a registry with their aliases, and all versions with their stages."""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Final, TypeVar

from mlflow.store.entities.paged_list import PagedList

from service.copy_source import SOURCE_TAG
from service.migration.staged import InStage, StagesFound
from service.registry.writer.faults import NOT_FOUND, WriteRefused, asked
from service.registry.writer.writer import Writer

_PAGE: Final = 1000
_T = TypeVar("_T")


def stages_in(writer: Writer) -> StagesFound:
    """Everything that this account may read. Raises `WriteRefused` and `Unreachable`."""
    client = writer.client
    models = _all(
        lambda token: client.search_registered_models(max_results=_PAGE, page_token=token)
    )
    aliases = {
        str(model.name): {str(alias): str(number) for alias, number in model.aliases.items()}
        for model in models
    }
    versions = _all(lambda token: client.search_model_versions(max_results=_PAGE, page_token=token))
    found = (
        InStage(
            str(each.name),
            str(each.version),
            str(each.current_stage),
            str(each.tags.get(SOURCE_TAG, "")),
        )
        for each in versions
    )
    return StagesFound(aliases, tuple(each for each in found if each.name in aliases))


def known(found: StagesFound, names: Collection[str]) -> Collection[str]:
    """These names. Raises `WriteRefused` if there is no model of one."""
    for name in names:
        if name not in found.aliases:
            raise WriteRefused(f"the registry has no model {name}", NOT_FOUND)
    return names


def _all(page_of: Callable[[str | None], PagedList[_T]]) -> Iterator[_T]:
    token: str | None = None
    while True:
        page = asked(partial(page_of, token), "READ on the models")
        yield from page
        token = page.token
        if not token:
            return
