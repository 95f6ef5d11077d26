"""The models of a registry with their tags and aliases, and the tags of versions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from service.registry.writer.faults import asked
from service.registry.writer.writer import Writer

_PAGE: Final = 1000
_NEEDS: Final = "READ on the models"


@dataclass(frozen=True, slots=True)
class Labels:
    """Of one model, its own tags whole.

    `version_tags` are the keys of those of its versions that aliases are on.
    """

    tags: Mapping[str, str]
    aliases: Mapping[str, str]
    version_tags: Mapping[str, Collection[str]] = field(default_factory=dict)


def labels_in(writer: Writer, names: Collection[str]) -> Mapping[str, Labels]:
    """Of every model that this account may read; of versions, those of models that are named.

    Raises `WriteRefused` and `Unreachable`.
    """
    found: dict[str, Labels] = {}
    token: str | None = None
    while True:
        search = partial(writer.client.search_registered_models, None, _PAGE, None, token)
        page = asked(search, _NEEDS)
        for model in page:
            name = str(model.name)
            aliases = {str(alias): str(number) for alias, number in model.aliases.items()}
            of_versions = _version_tags(writer, name, aliases) if name in names else {}
            tags = {str(key): str(value) for key, value in model.tags.items()}
            found[name] = Labels(tags, aliases, of_versions)
        token = page.token
        if not token:
            return found


def _version_tags(
    writer: Writer, name: str, aliases: Mapping[str, str]
) -> Mapping[str, Collection[str]]:
    return {number: tuple(writer.tags(name, number)) for number in set(aliases.values())}
