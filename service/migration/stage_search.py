"""All models of a registry with their aliases, and all versions with their stages."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from mlflow.store.entities.paged_list import PagedList

from service.migration.staged import InStage
from service.registry.writer.faults import NOT_FOUND, WriteRefused, asked
from service.registry.writer.writer import Writer

_PAGE: Final = 1000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StagesFound:
    """What the search has found; prompts are no models, and not among them."""

    aliases: Mapping[str, Mapping[str, str]]
    versions: tuple[InStage, ...]

    def of(self, names: tuple[str, ...]) -> Mapping[str, Mapping[str, str]]:
        """The aliases of these models. Raises `WriteRefused` if there is none of such a name."""
        for name in names:
            if name not in self.aliases:
                raise WriteRefused(f"the registry has no model {name}", NOT_FOUND)
        return {name: self.aliases[name] for name in names}


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
        InStage(str(each.name), str(each.version), str(each.current_stage)) for each in versions
    )
    return StagesFound(aliases, tuple(each for each in found if each.name in aliases))


def _all(page_of: Callable[[str | None], PagedList[_T]]) -> Iterator[_T]:
    token: str | None = None
    while True:
        page = asked(partial(page_of, token), "READ on the models")
        yield from page
        token = page.token
        if not token:
            return
