"""Marks that operators set in the registry: an alias is held, a version is blocked.

Services see them at their next look. Beside each stands whose it is. A mark that is there is left
as it is, unless it is one's own: two people's reasons find no room in one tag, and the first one's
still holds. Whose it is comes first and the mark after, so that no mark is taken for another's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from service.blocked_tag import BLOCKED_TAG, blocked_by
from service.hold_tag import HOLD_PREFIX, Hold
from service.origin import Origin
from service.promotion.held import hold_of
from service.promotion.mark_origin import MarkOrigin, behind, marked_by, origin_key
from service.promotion.steering import SteeredAlias, steered_in
from service.promotion.stopped import refused
from service.refs import ModelRef
from service.registry.writer.faults import DENIED, WriteRefused
from service.registry.writer.writer import (
    ModelAliases,
    NamedVersion,
    RegisteredVersion,
    Writer,
    no_alias,
)
from service.rollout_tags import rollouts_in
from service.typed import typed_on

_FALSE: Final = "false"


@dataclass(frozen=True, slots=True)
class MarkedAlias:
    """An alias that is held, or is not any more.

    Attributes:
        changed: whether this call has brought that about.
        on: what the alias is on; None where there is no such alias.
        hold: what holds it now, and `origin` whose that is; None where nobody says.
        split: who gets its requests beside what it is on, as its tag says; empty: nobody.
    """

    changed: bool
    on: str | None
    hold: Hold | None = None
    origin: MarkOrigin | None = None
    split: str = ""


@dataclass(frozen=True, slots=True)
class ArmOf:
    """That a version has a share of an alias's requests, or hears of them and answers none."""

    alias: str
    share: int
    hears: bool = False


@dataclass(frozen=True, slots=True)
class MarkedVersion:
    """A version that is blocked, or is not any more.

    Attributes:
        changed: whether this call has brought that about.
        aliases: those that are on it.
        shares: of which aliases it has a share, or hears, by tags that steer these.
        reason: why it is blocked, and `origin` whose that is; None where nobody says.
    """

    changed: bool
    version: str
    aliases: Sequence[str]
    reason: str = ""
    origin: MarkOrigin | None = None
    shares: Sequence[ArmOf] = ()


def hold(writer: Writer, ref: ModelRef, wanted: Hold, origin: Origin, now: datetime) -> MarkedAlias:
    """Slots of the alias stay on what they serve, at least for as long as is wanted.

    Raises `MoveStopped` where somebody else holds it, and not for so long; `WriteRefused`, also
    where there is no such alias; `Unreachable`.
    """
    found, key = writer.aliases(ref.name), f"{HOLD_PREFIX}{ref.alias}"
    on = found.aliases.get(ref.alias)
    if on is None:
        raise no_alias(ref.name, ref.alias, found.aliases)
    there, whose = hold_of(found.tags, ref.alias, now), MarkOrigin.read(found.tags, key)
    own = whose is not None and whose.by == origin.by
    if there is not None and own and not origin.reason:
        wanted = replace(wanted, reason=there.reason)
    if there is not None and (there == wanted or not own):
        _require_as_long(ref, there, whose, wanted)
        split = _split_of(found, ref, now)
        return MarkedAlias(changed=False, on=on, hold=there, origin=whose, split=split)
    written = marked_by(origin, wanted.value)
    writer.tag_model(ref.name, origin_key(key), written.model_dump_json())
    writer.tag_model(ref.name, key, wanted.value)
    split = _split_of(found, ref, now)
    return MarkedAlias(changed=True, on=on, hold=wanted, origin=written, split=split)


def _split_of(found: ModelAliases, ref: ModelRef, now: datetime) -> str:
    return steered_in(found, ref, now).plan.split.value


def _require_as_long(ref: ModelRef, there: Hold, whose: MarkOrigin | None, wanted: Hold) -> None:
    if there.until is None or (wanted.until is not None and wanted.until <= there.until):
        return
    raise refused(
        "held_otherwise",
        f"it is held already, {there.sentence}{behind(whose, there.reason)}, and that ends before "
        f"what is asked for; {typed_on(ref, 'release')} takes that back",
    )


def release(writer: Writer, ref: ModelRef, origin: Origin) -> MarkedAlias:
    """They follow it again. Raises `WriteRefused` and `Unreachable`."""
    found, key = writer.aliases(ref.name), f"{HOLD_PREFIX}{ref.alias}"
    value = found.tags.get(key)
    held = value is not None and Hold.of(value) is not None
    if value is not None:
        writer.untag_model(ref.name, key)
    if held:
        writer.tag_model(ref.name, origin_key(key), marked_by(origin, None).model_dump_json())
    return MarkedAlias(held, found.aliases.get(ref.alias))


def block(writer: Writer, named: NamedVersion, reason: str, origin: Origin) -> MarkedVersion:
    """Nobody takes the version any more. Raises `WriteRefused` and `Unreachable`."""
    version = writer.version_of(named)
    there, whose = blocked_by(version.tags), MarkOrigin.read(version.tags, BLOCKED_TAG)
    own = whose is not None and whose.by == origin.by
    is_that = version.tags.get(BLOCKED_TAG) == reason or not origin.reason
    if there is not None and (is_that or not own):
        on, shares = _on(writer, version)
        return MarkedVersion(False, version.number, on, there, whose, shares)
    written = marked_by(origin, reason)
    _tag(writer, version, origin_key(BLOCKED_TAG), written.model_dump_json())
    _tag(writer, version, BLOCKED_TAG, reason)
    on, shares = _on(writer, version)
    return MarkedVersion(True, version.number, on, reason, written, shares)


def unblock(writer: Writer, named: NamedVersion, origin: Origin) -> MarkedVersion:
    """It may be taken again. Raises `WriteRefused` and `Unreachable`."""
    version = writer.version_of(named)
    blocked = blocked_by(version.tags) is not None
    if blocked:
        _untag(writer, version)
        written = marked_by(origin, None).model_dump_json()
        _tag(writer, version, origin_key(BLOCKED_TAG), written)
    on, shares = _on(writer, version)
    return MarkedVersion(blocked, version.number, on, shares=shares)


def _tag(writer: Writer, version: RegisteredVersion, key: str, value: str) -> None:
    writer.tag(version.name, version.number, key, value)


def _untag(writer: Writer, version: RegisteredVersion) -> None:
    try:
        writer.untag(version.name, version.number, BLOCKED_TAG)
    except WriteRefused as denied:
        if denied.code != DENIED:
            raise
        # Who may set the tag may have it say no; deleting it asks for more.
        _tag(writer, version, BLOCKED_TAG, _FALSE)


def _on(writer: Writer, version: RegisteredVersion) -> tuple[Sequence[str], Sequence[ArmOf]]:
    """The aliases that are on it, and those of which it has a share or hears."""
    found, now = writer.aliases(version.name), datetime.now(UTC)
    on = sorted(alias for alias, number in found.aliases.items() if number == version.number)
    steered = [
        steered_in(found, ModelRef(version.name, alias), now)
        for alias in sorted(rollouts_in(found.tags))
    ]
    return on, [arm for each in steered for arm in _arms_in(each, version.number)]


def _arms_in(steered: SteeredAlias, number: str) -> Iterator[ArmOf]:
    alias, plan = steered.ref.alias, steered.plan
    for arm in plan.split.arms:
        if steered.versions.get(arm.alias) == number:
            yield ArmOf(alias, arm.share)
    if plan.shadow is not None and steered.versions.get(plan.shadow.alias) == number:
        yield ArmOf(alias, plan.shadow.share, hears=True)
