"""Tags that steer how aliases are rolled out, and cannot be followed, or not in time; no I/O."""

import difflib
from collections.abc import Iterator
from datetime import datetime

from service.doctor.registered_labels import Labels
from service.doctor.trouble import Trouble
from service.promotion.steering import SteeredAlias, steered_in
from service.refs import ModelRef
from service.registry.writer.writer import ModelAliases
from service.rollout_tags import POLLED_IN_TIME, rollouts_in, tag_name
from service.split_tag import BadRolloutTag, Split
from service.typed import typed_on


def troubles_of_rollout(
    name: str, labels: Labels, poll_seconds: float, now: datetime
) -> Iterator[Trouble]:
    """Of one model; `poll_seconds` is how far looks of its service are apart."""
    found = ModelAliases(0, labels.aliases, labels.tags)
    steered = [
        steered_in(found, ModelRef(name, alias), now) for alias in sorted(rollouts_in(labels.tags))
    ]
    for each in steered:
        if each.on is None:
            yield _of_nothing(each, labels)
        else:
            yield from _wrong(each, now)
    if poll_seconds > POLLED_IN_TIME and any(each.tags.is_steered for each in steered):
        yield Trouble(
            "PODIUM_POLL_SECONDS",
            "tags_late",
            f"Tags steer {name}, MLflow's webhooks do not tell of them, and they are looked at "
            f"every {poll_seconds:g} s alone: set PODIUM_POLL_SECONDS to {POLLED_IN_TIME:g} or "
            "less.",
        )


def _of_nothing(steered: SteeredAlias, labels: Labels) -> Trouble:
    ref = steered.ref
    near = difflib.get_close_matches(ref.alias, list(labels.aliases), n=1)
    hint = f"if {near[0]} is meant, set them for that; delete these" if near else "delete them"
    named = ", ".join(tag_name(kind, ref.alias) for kind in steered.tags.said)
    said = f"The model {ref.name} has no alias {ref.alias}, and tags of it, {named}: {hint}."
    return Trouble(str(ref), "tag_of_no_alias", said)


def _wrong(steered: SteeredAlias, now: datetime) -> Iterator[Trouble]:
    for kind, wrong in steered.wrong.items():
        if kind == "split" and _has_ended(steered, now):
            continue
        mend = "write it anew, or delete it"
        if kind in {"split", "shadow"}:
            mend = f"{typed_on(steered.ref, kind, options=['--clear'])} takes it back"
        tag, name = tag_name(kind, steered.ref.alias), steered.ref.name
        said = f"Nobody can follow the tag {tag} of {name}: {wrong} So {mend}."
        yield Trouble(str(steered.ref), "tag_wrong", said)


def _has_ended(steered: SteeredAlias, now: datetime) -> bool:
    """Whether its split was followed, and has ended by itself."""
    try:
        return Split.of(steered.tags.split or "", steered.ref.alias).is_over(now)
    except BadRolloutTag:
        return False
