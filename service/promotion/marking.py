"""Marks that operators set in the registry: an alias is held, a version is blocked.

Services see them at their next look. A mark that is there already is left as it is; of marks of one
kind there is one at most, so that the last one counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.blocked_tag import BLOCKED_TAG, blocked_by
from service.hold_tag import HOLD_PREFIX, Hold
from service.promotion.held import hold_of
from service.refs import ModelRef
from service.registry.writer.faults import WriteRefused
from service.registry.writer.writer import NamedVersion, RegisteredVersion, Writer

_FALSE: Final = "false"
_DENIED: Final = "PERMISSION_DENIED"


@dataclass(frozen=True, slots=True)
class MarkedAlias:
    """An alias that is held, or is not any more.

    Attributes:
        changed: whether this call has brought that about.
        on: what the alias is on; None where there is no such alias.
    """

    changed: bool
    on: str | None
    hold: Hold | None


@dataclass(frozen=True, slots=True)
class MarkedVersion:
    """A version that is blocked, or is not any more.

    Attributes:
        changed: whether this call has brought that about.
        aliases: those that are on it.
    """

    changed: bool
    version: str
    aliases: Sequence[str]


def hold(writer: Writer, ref: ModelRef, wanted: Hold, now: datetime) -> MarkedAlias:
    """Slots of the alias stay on what they serve. Raises `WriteRefused` and `Unreachable`."""
    found = writer.aliases(ref.name)
    changed = hold_of(found.tags, ref.alias, now) != wanted
    if changed:
        writer.tag_model(ref.name, f"{HOLD_PREFIX}{ref.alias}", wanted.value)
    return MarkedAlias(changed, found.aliases.get(ref.alias), wanted)


def release(writer: Writer, ref: ModelRef) -> MarkedAlias:
    """They follow it again. Raises `WriteRefused` and `Unreachable`."""
    found, key = writer.aliases(ref.name), f"{HOLD_PREFIX}{ref.alias}"
    value = found.tags.get(key)
    if value is not None:
        writer.untag_model(ref.name, key)
    held = value is not None and Hold.of(value) is not None
    return MarkedAlias(held, found.aliases.get(ref.alias), None)


def block(writer: Writer, named: NamedVersion, reason: str) -> MarkedVersion:
    """Nobody takes the version any more. Raises `WriteRefused` and `Unreachable`."""
    version = writer.version_of(named)
    changed = blocked_by(version.tags) is None or version.tags[BLOCKED_TAG] != reason
    if changed:
        writer.tag(version.name, version.number, BLOCKED_TAG, reason)
    return _marked(writer, version, changed=changed)


def unblock(writer: Writer, named: NamedVersion) -> MarkedVersion:
    """It may be taken again. Raises `WriteRefused` and `Unreachable`."""
    version = writer.version_of(named)
    blocked = blocked_by(version.tags) is not None
    if blocked:
        _untag(writer, version)
    return _marked(writer, version, changed=blocked)


def _untag(writer: Writer, version: RegisteredVersion) -> None:
    try:
        writer.untag(version.name, version.number, BLOCKED_TAG)
    except WriteRefused as refused:
        if refused.code != _DENIED:
            raise
        # Who may set the tag may have it say no; deleting it asks for more.
        writer.tag(version.name, version.number, BLOCKED_TAG, _FALSE)


def _marked(writer: Writer, version: RegisteredVersion, *, changed: bool) -> MarkedVersion:
    aliases = writer.aliases(version.name).aliases
    on = sorted(alias for alias, number in aliases.items() if number == version.number)
    return MarkedVersion(changed, version.number, on)
