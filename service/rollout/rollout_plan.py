"""What a slot's traffic is to be, by the tags of its model: a pure function of these and of time.

A tag that says nothing that could be done changes nothing: what the last one said that did is in
force still. What is wrong with it is told.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from service.bake_tag import NO_WISH, BakeWish
from service.fallback_tag import fallback_version
from service.rollout_tags import NO_TAGS, RolloutTags
from service.shadow_tag import ShadowTag
from service.split_tag import STICKY_HEADER, BadRolloutTag, Split, sticky_header

_Read = TypeVar("_Read")
_NOTHING: Final = Split()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wished for a slot. Replaced whole.

    Attributes:
        split: whom its requests are to go to beside its own version.
        shadow: who is to hear of them; None: nobody.
        sticky: the header by which a caller keeps an arm.
        tags: the words of what is in force: of a tag that cannot be read, those before it.
        bake: how versions prove themselves there, as far as it is not as the settings have it.
        fallback: the number of the version that serves for want of a better one; None: none does.
        wrong: what is wrong with each tag, by its kind: a sentence.
    """

    split: Split = _NOTHING
    shadow: ShadowTag | None = None
    sticky: str = STICKY_HEADER
    bake: BakeWish = NO_WISH
    fallback: str | None = None
    tags: RolloutTags = NO_TAGS
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def arms(self) -> frozenset[str]:
        """The aliases that are to be followed and loaded for it."""
        return frozenset(each.alias for each in self.split.arms)


NO_PLAN: Final = Plan()
_OFF: Final = "PODIUM_ARMS is off: this service takes no arm and no shadow from a tag."


def planned(
    said: RolloutTags, before: RolloutTags, alias: str, now: float, *, takes_arms: bool = True
) -> Plan:
    """By what the tags of that alias say now, and what was in force before.

    `now` is in seconds since 1970; `takes_arms`: whether tags may bring arms and shadows, which
    a fallback is not.
    """
    reading = _Reading(said, before)
    split = reading.read("split", lambda value: Split.of(value, alias), _NOTHING)
    shadow = reading.read("shadow", lambda value: ShadowTag.of(value, alias), None)
    sticky = reading.read("sticky", sticky_header, STICKY_HEADER)
    bake = reading.read("bake", BakeWish.of, NO_WISH)
    fallback = reading.read("fallback", fallback_version, None)
    if split.is_over(datetime.fromtimestamp(now, UTC)):
        # Of a tag that cannot be read it is told why; what is over is the one before it.
        reading.wrong.setdefault("split", f"Its time is over: {split.value}.")
        split = _NOTHING
    if not takes_arms:
        refused = {"split": bool(split.arms), "shadow": shadow is not None}
        reading.wrong |= {kind: _OFF for kind, is_refused in refused.items() if is_refused}
        split, shadow = _NOTHING, None
    return Plan(split, shadow, sticky, bake, fallback, reading.in_force, reading.wrong)


class _Reading:
    """Reads tags one after the other, and notes what is wrong with them."""

    def __init__(self, said: RolloutTags, before: RolloutTags) -> None:
        self._said = said
        self._before = before
        self.in_force = said
        self.wrong: dict[str, str] = {}

    def read(self, kind: str, of: Callable[[str], _Read], absent: _Read) -> _Read:
        value: str | None = getattr(self._said, kind)
        if value is None:
            return absent
        try:
            return of(value)
        except BadRolloutTag as error:
            self.wrong[kind] = str(error)
            return self._as_before(kind, of, absent)

    def _as_before(self, kind: str, of: Callable[[str], _Read], absent: _Read) -> _Read:
        value: str | None = getattr(self._before, kind)
        self.in_force = replace(self.in_force, **{kind: value})
        try:
            return absent if value is None else of(value)
        except BadRolloutTag:  # kept by a release that read more than this one
            return absent
