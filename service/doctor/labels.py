"""Tags and aliases of a registry that Podium does not know; no I/O."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from service.doctor.trouble import Trouble
from service.hold_tag import HOLD_PREFIX
from service.rollout_tags import ROLLOUT_PREFIXES

_OURS: Final = "podium."
VERSION_TAGS: Final = frozenset(
    {
        *("podium.allow_breaking", "podium.batching", "podium.blocked", "podium.copied"),
        "podium.blocked.by",
        *("podium.digest", "podium.env_manager", "podium.linked", "podium.retry"),
        *("podium.shadow", "podium.source", "podium.validation", "podium.withdrawn"),
    }
)
"""What is read of versions, or written for people."""
_MODEL_TAGS: Final = (HOLD_PREFIX, *ROLLOUT_PREFIXES)
"""What the names of those that are read of models begin with."""


def unknown_model_tags(name: str, tags: Collection[str]) -> Iterator[Trouble]:
    """Those that begin as Podium's own do, and that nothing reads of a model."""
    for tag in sorted(tags):
        if not tag.startswith(_OURS) or tag.startswith(_MODEL_TAGS):
            continue
        if tag in VERSION_TAGS:
            hint = "it is a tag of versions: set it on the version, and delete it here"
        else:
            near = difflib.get_close_matches(tag, (*VERSION_TAGS, *_MODEL_TAGS), n=1)
            hint = _of_versions(near[0]) if near and near[0] in VERSION_TAGS else _hint(near)
        yield _unknown(f"the model {name}", name, tag, hint)


def unknown_version_tags(name: str, number: str, tags: Collection[str]) -> Iterator[Trouble]:
    """The same of one of its versions."""
    for tag in sorted(tags):
        if not tag.startswith(_OURS) or tag in VERSION_TAGS:
            continue
        hint = _hint(difflib.get_close_matches(tag, sorted(VERSION_TAGS), n=1))
        if tag.startswith(HOLD_PREFIX):
            hint = "delete it; podium hold sets it on the model"
        elif tag.startswith(ROLLOUT_PREFIXES):
            hint = "it is a tag of models: set it on the model, and delete it here"
        yield _unknown(f"version {number} of {name}", f"{name} {number}", tag, hint)


def unknown_aliases(
    name: str, aliases: Mapping[str, str], known: Collection[str]
) -> Iterator[Trouble]:
    """Those that PODIUM_ALIASES does not name, where it names any."""
    for alias in sorted(aliases):
        if known and alias not in known:
            yield Trouble(
                f"{name}@{alias}",
                "unknown_alias",
                f"The alias {alias} of {name} is not one of PODIUM_ALIASES ({', '.join(known)}): "
                "add it there, or delete it.",
            )


def _of_versions(near: str) -> str:
    return f"if {near} is meant, set that on the version; delete this one"


def _hint(near: Collection[str]) -> str:
    return f"if {next(iter(near))} is meant, set that; delete this one" if near else "delete it"


def _unknown(where: str, subject: str, tag: str, hint: str) -> Trouble:
    return Trouble(subject, "unknown_tag", f"Nothing reads the tag {tag} of {where}: {hint}.")
