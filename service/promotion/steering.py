"""Marks that operators set to steer who gets an alias's requests: its split, header and shadow.

They are tags of the model, `podium.split.ALIAS` and so on, which people may write on MLflow's page
as well; beside each stands whose it is. Services see them at their next look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from service.hold_tag import HOLD_PREFIX
from service.origin import Origin
from service.promotion.deciding import AliasStanding
from service.promotion.held import hold_of, require_released
from service.promotion.journal import Journal
from service.promotion.mark_origin import MarkOrigin, marked_by, origin_key
from service.promotion.step_split import StepSplit
from service.promotion.stopped import MoveStopped, refused
from service.promotion.validated import require_fit
from service.refs import ModelRef
from service.registry.writer.writer import ModelAliases, NumberedVersion, Writer, no_alias
from service.rollout.rollout_plan import Plan, planned
from service.rollout_tags import NO_TAGS, RolloutTags, rollouts_in, tag_name
from service.shadow_tag import aliases_named
from service.split_tag import version_number
from service.typed import typed_on

_NOBODY: Final[Mapping[str, MarkOrigin]] = {}


@dataclass(frozen=True, slots=True)
class SteeredAlias:
    """How tags steer an alias at one moment.

    Attributes:
        on: the number that the alias is on; None where there is no such alias.
        tags: what they say, and `plan` what a service that never saw others makes of them.
        versions: the number of each alias that they name; None where there is none of that name.
        origins: whose each tag is, by its kind, where somebody says.
        steps: what `podium promote --steps` has written there, if it has.
        changed: whether this call has brought that about.
    """

    ref: ModelRef
    on: str | None
    tags: RolloutTags
    plan: Plan
    versions: Mapping[str, str | None]
    origins: Mapping[str, MarkOrigin] = field(default_factory=lambda: _NOBODY)
    steps: StepSplit | None = None
    changed: bool = False

    @property
    def wrong(self) -> Mapping[str, str]:
        """What is wrong with each tag, by its kind."""
        missing = {kind: said for kind in ("split", "shadow") if (said := self._missing(kind))}
        return {**missing, **self.plan.wrong}

    def _missing(self, kind: str) -> str:
        alone = RolloutTags.of({kind: self.tags.said.get(kind, "")})
        named = aliases_named(alone, self.ref.alias)
        gone = [alias for alias in named if self.versions.get(alias) is None]
        return f"The model has no alias {', '.join(gone)}." if gone else ""


def steered_in(found: ModelAliases, ref: ModelRef, now: datetime) -> SteeredAlias:
    """By the model's tags."""
    tags = RolloutTags.of(rollouts_in(found.tags).get(ref.alias, {}))
    named = {each: version_number(each) or found.aliases.get(each) for each in _named(tags, ref)}
    origins = {
        kind: origin
        for kind in tags.said
        if (origin := MarkOrigin.read(found.tags, tag_name(kind, ref.alias))) is not None
    }
    plan = planned(tags, NO_TAGS, ref.alias, now.timestamp())
    steps = StepSplit.in_tags(found.tags, ref.alias)
    return SteeredAlias(ref, found.aliases.get(ref.alias), tags, plan, named, origins, steps)


def _named(tags: RolloutTags, ref: ModelRef) -> Sequence[str]:
    return list(dict.fromkeys(aliases_named(tags, ref.alias)))


def steered(writer: Writer, ref: ModelRef, now: datetime) -> SteeredAlias:
    """How it is. Raises `WriteRefused` and `Unreachable`."""
    return steered_in(writer.aliases(ref.name), ref, now)


@dataclass(frozen=True, slots=True)
class Steering:
    """What is to stand in an alias's tags, by their kind; None: that tag is to go.

    Attributes:
        arms: the aliases and versions that they name, which have to be there.
        moves_traffic: whether answers come of other versions by it: not while the alias is held.
    """

    values: Mapping[str, str | None]
    arms: Sequence[str] = ()
    moves_traffic: bool = False


def steer(
    writer: Writer, ref: ModelRef, wanted: Steering, origin: Origin, now: datetime
) -> SteeredAlias:
    """The tags say that, and nobody wrote what said so already.

    Raises `MoveStopped` where the alias is held, or comes by steps, or an arm may not serve;
    `WriteRefused`, also where the alias or an arm is not there; `Unreachable`.
    """
    found = writer.aliases(ref.name)
    before = steered_in(found, ref, now)
    if any(value is not None for value in wanted.values.values()):
        _require(writer, found, before, wanted, now)
    changed = False
    for kind, value in wanted.values.items():
        changed = _write(writer, found, ref, (kind, value), origin) or changed
    if not changed:
        return before
    return replace(steered(writer, ref, now), changed=True)


def _write(
    writer: Writer,
    found: ModelAliases,
    ref: ModelRef,
    wanted: tuple[str, str | None],
    origin: Origin,
) -> bool:
    kind, value = wanted
    key = tag_name(kind, ref.alias)
    if found.tags.get(key) == value:
        return False
    whose = marked_by(origin, value).model_dump_json()
    if value is None:
        writer.untag_model(ref.name, key)
        writer.tag_model(ref.name, origin_key(key), whose)
    else:
        # Whose it is comes first, so that no mark is taken for another's.
        writer.tag_model(ref.name, origin_key(key), whose)
        writer.tag_model(ref.name, key, value)
    return True


def _require(
    writer: Writer, found: ModelAliases, before: SteeredAlias, wanted: Steering, now: datetime
) -> None:
    ref = before.ref
    if before.on is None:
        raise no_alias(ref.name, ref.alias, found.aliases)
    if wanted.moves_traffic:
        hold = hold_of(found.tags, ref.alias, now)
        by = MarkOrigin.read(found.tags, f"{HOLD_PREFIX}{ref.alias}")
        held = AliasStanding(ref, before.on, found.created, Journal(), hold, held_by=by)
        require_released(held)
        _require_no_steps(before, now)
    for arm in wanted.arms:
        number = version_number(arm) or found.aliases.get(arm)
        if number is None:
            raise no_alias(ref.name, arm, found.aliases)
        try:
            require_fit(writer.version_of(NumberedVersion(ref.name, number)))
        except MoveStopped as unfit:
            raise refused(unfit.code, f"{arm}: {unfit}") from unfit


def _require_no_steps(before: SteeredAlias, now: datetime) -> None:
    steps = before.steps
    if steps is not None and not steps.is_over(now):
        undo = typed_on(before.ref, "rollback", options=["--resume"])
        raise refused(
            "under_way",
            f"version {steps.version} comes by the steps of podium promote, and is at "
            f"{steps.share:g}%: wait for its end, or {undo} takes it back",
        )
