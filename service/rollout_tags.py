"""Model tags that steer how an alias is rolled out, `podium.KIND.ALIAS`, as a look brings them.

What stands in them is anybody's: it is bounded here and read elsewhere (`split_tag`, `shadow_tag`,
...). Names that begin as Podium's own do, and mean nothing, are told.
"""

import difflib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Final, Self

from service.hold_tag import HOLD_PREFIX

OURS: Final = "podium."
LONGEST_VALUE: Final = 500
"""Whoever reads a value refuses longer ones; of these so much is brought that it is seen."""
_MOST_UNKNOWN: Final = 20
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class RolloutTags:
    """What a model's tags say of one alias, as their authors have written it; None: no such tag.

    Attributes:
        split: `podium.split.ALIAS`, the arms beside the slot's own, and their shares.
        sticky: `podium.sticky.ALIAS`, the header by which a caller keeps an arm.
        shadow: `podium.shadow.ALIAS`, who hears of requests and answers none.
        bake: `podium.bake.ALIAS`, how a version proves itself after a swap.
        fallback: `podium.fallback.ALIAS`, the version that serves for want of a better one.
    """

    split: str | None = None
    sticky: str | None = None
    shadow: str | None = None
    bake: str | None = None
    fallback: str | None = None

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Self:
        """By what `said` gives back; other kinds are left out, and what is too long is cut."""
        return cls(**{kind: _cut(value) for kind, value in said.items() if kind in KINDS})

    @property
    def is_steered(self) -> bool:
        """Whether an operator steers by them; `podium promote` keeps a fallback by itself."""
        return any(each != "fallback" for each in self.said)

    @property
    def said(self) -> Mapping[str, str]:
        """Each that there is, by its kind."""
        return {kind: value for kind, value in asdict(self).items() if value is not None}


POLLED_IN_TIME: Final = 5.0
"""Seconds between looks, at most: what tags say is meant at once, and no webhook tells of them."""
KINDS: Final = tuple(each.name for each in fields(RolloutTags))
NO_TAGS: Final = RolloutTags()
ROLLOUT_PREFIXES: Final = tuple(f"{OURS}{kind}." for kind in KINDS)
"""What the names of these tags begin with, in the order of `KINDS`."""


def tag_name(kind: str, alias: str) -> str:
    """The name of the tag of that kind for that alias."""
    return f"{OURS}{kind}.{alias}"


def rollouts_in(tags: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    """What a model's tags say of each alias, as `RolloutTags.said` has it."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for key, value in tags.items():
        kind, _, alias = key.removeprefix(OURS).partition(".")
        # MLflow admits no alias with a point.
        if key.startswith(OURS) and kind in KINDS and alias and "." not in alias:
            found[alias][kind] = _cut(value)
    return dict(found)


def unknown_in(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The names of a model's tags that begin as Podium's do and mean nothing; the first twenty."""
    ours = sorted(key for key in tags if key.startswith(OURS))
    meant = (HOLD_PREFIX, *ROLLOUT_PREFIXES)
    unknown = [key[:_LONGEST_NAME] for key in ours if not key.startswith(meant)]
    return tuple(unknown[:_MOST_UNKNOWN])


def nearest(tag: str) -> str | None:
    """The tag that may be meant by the name of one that means nothing."""
    kind, _, alias = tag.removeprefix(OURS).partition(".")
    near = difflib.get_close_matches(kind, (*KINDS, "hold"), n=1)
    return tag_name(near[0], alias) if near and alias else None


def _cut(value: str) -> str:
    # One more than is read: cut within, it might be taken for something that nobody has written.
    return value[: LONGEST_VALUE + 1]
