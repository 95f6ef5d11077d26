"""The model tag `podium.shadow.ALIAS`: who hears of an alias's requests, and answers none.

Its value is `ARM` or `ARM=PERCENT`: an alias of the model, or a version of it as `v7`, and which
part of the requests it hears of. Empty, or `false`, is no shadow.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from service.rollout_tags import LONGEST_VALUE, RolloutTags
from service.split_tag import WHOLE, BadRolloutTag, Split, arm_alias, percent, share_of


@dataclass(frozen=True, slots=True)
class ShadowTag:
    """Who listens, and to how many of `WHOLE` requests."""

    alias: str
    share: int = WHOLE

    @classmethod
    def of(cls, value: str, own: str) -> Self | None:
        """By the tag's value, of the alias `own`; None for no shadow. Raises `BadRolloutTag`."""
        if len(value) > LONGEST_VALUE:
            raise BadRolloutTag(f"It is longer than {LONGEST_VALUE} characters.")
        if value.strip().lower() in {"", "false"}:
            return None
        name, sign, share = value.partition("=")
        found = cls(arm_alias(name.strip()), share_of(share) if sign else WHOLE)
        if found.alias == own:
            raise BadRolloutTag(f"{own} is the alias itself, which answers.")
        return found

    @property
    def value(self) -> str:
        """What the tag says."""
        return self.alias if self.share == WHOLE else f"{self.alias}={percent(self.share)}%"


def aliases_named(tags: RolloutTags, own: str) -> Iterator[str]:
    """Whom the tags of the alias `own` name, as far as they can be read."""
    with contextlib.suppress(BadRolloutTag):
        yield from (each.alias for each in Split.of(tags.split or "", own).arms)
    with contextlib.suppress(BadRolloutTag):
        shadow = ShadowTag.of(tags.shadow or "", own)
        if shadow is not None:
            yield shadow.alias
