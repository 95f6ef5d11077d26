"""Holds of an alias, as whoever moves it meets them."""

from collections.abc import Mapping
from datetime import datetime

from service.hold_tag import HOLD_PREFIX, Hold
from service.promotion.deciding import AliasStanding
from service.promotion.mark_origin import behind
from service.promotion.stopped import refused
from service.typed import typed_on


def hold_of(tags: Mapping[str, str], alias: str, now: datetime) -> Hold | None:
    """What a model's tags say of that alias; None where nothing holds it now."""
    value = tags.get(f"{HOLD_PREFIX}{alias}")
    hold = None if value is None else Hold.of(value)
    return None if hold is None or hold.is_over(now) else hold


def why_held(standing: AliasStanding) -> str:
    """Why nobody is to move the alias; empty if nothing holds it."""
    if standing.hold is None:
        return ""
    by = behind(standing.held_by, standing.hold.reason)
    said = f"{standing.ref} is held {standing.hold.sentence}{by}"
    return f"{said}; {typed_on(standing.ref, 'release')} takes that back"


def require_released(standing: AliasStanding) -> None:
    """Raises `MoveStopped` while the alias is held."""
    if why := why_held(standing):
        raise refused("held", why)
