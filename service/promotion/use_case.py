"""A use case across its environments: one model for each, told apart by what its name begins with.

`dev.security.fraud`, `staging.security.fraud` and `prod.security.fraud` are one use case,
`security.fraud`; so is a model of that very name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.blocked_tag import BLOCKED_TAG, blocked_by
from service.copy_source import SOURCE_TAG
from service.hold_tag import HOLD_PREFIX, Hold, holds_in
from service.promotion.held import hold_of
from service.promotion.mark_origin import MarkOrigin
from service.promotion.steering import SteeredAlias, steered_in
from service.refs import ModelRef
from service.registry.writer.faults import DENIED, NOT_FOUND, WriteRefused
from service.registry.writer.writer import ModelAliases, NumberedVersion, Writer
from service.rollout_tags import NO_TAGS, rollouts_in
from service.tombstones import WITHDRAWN_TAG, reason_of
from service.validation_tag import BadValidation, Validation

PREFIXES: Final = ("dev.", "staging.", "prod.")
"""Of the environments' models, in the order in which versions pass through them."""


@dataclass(frozen=True, slots=True)
class FoundAlias:
    """An alias of a model.

    Attributes:
        version: what it is on; None where there is no such alias, and yet a tag of it.
        hold: what holds it now, and `held_by` whose that is; None where nobody says.
        steered: how tags steer who gets its requests.
    """

    alias: str
    version: str | None
    hold: Hold | None
    held_by: MarkOrigin | None
    steered: SteeredAlias


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A version that an alias is on, or the newest.

    Attributes:
        source: what it was copied from, else the run or the files that it was made of.
        validation: its status tag's value; empty where it has none.
        judged: the version that `podium validate` has judged, if it was another one: a copy carries
            the tags along.
        blocked: why it is blocked; None: it is not. `withdrawn` likewise.
        blocked_by: whose that is; None where nobody says.
    """

    version: str
    source: str
    validation: str
    judged: str
    blocked: str | None
    withdrawn: str | None
    blocked_by: MarkOrigin | None


@dataclass(frozen=True, slots=True)
class FoundModel:
    """One model of the use case: its aliases and versions, the newest version first."""

    name: str
    aliases: Sequence[FoundAlias]
    versions: Sequence[FoundVersion]


@dataclass(frozen=True, slots=True)
class UseCase:
    """Its models, and the names of which MLflow does not say whether there is a model.

    Where it knows accounts, it tells of what is not there as of what this one may not read.
    """

    models: Sequence[FoundModel]
    not_shown: Sequence[str]


def names_of(name: str, prefixes: Sequence[str] = PREFIXES) -> Sequence[str]:
    """What the models of that use case may be called; `name` is its own, or that of one of them."""
    of = next((name.removeprefix(each) for each in prefixes if name.startswith(each)), name)
    return [*(f"{prefix}{of}" for prefix in prefixes), of]


def found(writer: Writer, names: Sequence[str], status_tag: str, now: datetime) -> UseCase:
    """Those of these models that there are. Raises `WriteRefused` and `Unreachable`."""
    told = {name: _told(writer, name) for name in names}
    models = [
        _model(writer, name, each, status_tag, now)
        for name, each in told.items()
        if isinstance(each, ModelAliases)
    ]
    return UseCase(models, [name for name, each in told.items() if each == DENIED])


def _told(writer: Writer, name: str) -> ModelAliases | str:
    try:
        return writer.aliases(name)
    except WriteRefused as refused:
        if refused.code in {NOT_FOUND, DENIED}:
            return refused.code
        raise


def _model(
    writer: Writer, name: str, told: ModelAliases, status_tag: str, now: datetime
) -> FoundModel:
    numbers = {*told.aliases.values(), *told.newest}
    tagged = {*holds_in(told.tags), *rollouts_in(told.tags)}
    aliases = [
        each
        for alias in sorted({*told.aliases, *tagged})
        if (each := _alias(told, name, alias, now)).version is not None
        or each.hold is not None
        or each.steered.tags != NO_TAGS
    ]
    versions = [
        _version(writer, name, number, status_tag)
        for number in sorted(numbers, key=int, reverse=True)
    ]
    return FoundModel(name, aliases, versions)


def _alias(told: ModelAliases, name: str, alias: str, now: datetime) -> FoundAlias:
    hold, by = hold_of(told.tags, alias, now), MarkOrigin.read(told.tags, f"{HOLD_PREFIX}{alias}")
    steered = steered_in(told, ModelRef(name, alias), now)
    return FoundAlias(alias, told.aliases.get(alias), hold, by, steered)


def _version(writer: Writer, name: str, number: str, status_tag: str) -> FoundVersion:
    there = writer.version_of(NumberedVersion(name, number))
    tags = there.tags
    return FoundVersion(
        version=number,
        source=tags.get(SOURCE_TAG) or there.source,
        validation=tags.get(status_tag, ""),
        judged=_judged_elsewhere(name, number, tags),
        blocked=blocked_by(tags),
        withdrawn=reason_of(tags.get(WITHDRAWN_TAG)),
        blocked_by=MarkOrigin.read(tags, BLOCKED_TAG),
    )


def _judged_elsewhere(name: str, number: str, tags: Mapping[str, str]) -> str:
    try:
        told = Validation.of(tags)
    except BadValidation:
        return ""
    if told is None or (told.name, told.version) == (name, number):
        return ""
    return f"{told.name} {told.version}"
