"""Tags and aliases of a registry that Podium does not know; no I/O."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from service.doctor.trouble import Trouble

_OURS: Final = "podium."
_OF_MODELS: Final = ("podium.hold.",)
KNOWN_TAGS: Final = frozenset(
    {
        *("podium.allow_breaking", "podium.batching", "podium.blocked", "podium.copied"),
        "podium.blocked.by",
        *("podium.digest", "podium.linked", "podium.retry", "podium.source", "podium.validation"),
        *("podium.validation.of", "podium.verdict", "podium.withdrawn"),
    }
)


def unknown_tags(subject: str, tags: Collection[str]) -> Iterator[Trouble]:
    """Those that begin as Podium's own do, and that nothing reads."""
    for tag in sorted(tags):
        if not tag.startswith(_OURS) or tag in KNOWN_TAGS or tag.startswith(_OF_MODELS):
            continue
        near = difflib.get_close_matches(tag, sorted(KNOWN_TAGS), n=1)
        hint = f"did you mean {near[0]}?" if near else "take it away"
        yield Trouble(subject, "unknown_tag", f"Nothing reads the tag {tag} of {subject}: {hint}")


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
