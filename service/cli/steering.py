"""What `podium split` and `podium shadow` share: how an alias is steered, and how that is told."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import click
from pydantic import BaseModel

from service.cli.found import admin_token
from service.cli.moving import AliasReport, mlflow, run
from service.cli.told import teller
from service.exits import DONE, IN_PART
from service.origin import Origin
from service.refs import ModelRef
from service.split_tag import percent

if TYPE_CHECKING:
    from service.promotion.steering import SteeredAlias, Steering

_AT_ONCE = 16

clear_option = click.option("--clear", is_flag=True, help="Take it back.")


class SteeredArm(BaseModel):
    """Who gets requests, or hears of them, and how many percent.

    `alias` is an alias, or `v7` for version 7; `version` the number that it is on, null where the
    model has none of that name.
    """

    alias: str
    percent: float
    version: str | None


class SteeredInstance(BaseModel):
    """Whether an instance was told to look at the registry now, and what it said."""

    url: str
    told: bool
    sentence: str


class AliasRollout(BaseModel):
    """How the model's tags steer who gets an alias's requests, and how versions prove themselves.

    `split` has the arms beside the alias's own, until `until`, null where they stay; what is over
    is none. `sticky` is the header by which a caller keeps an arm. `fallback` is the version that
    serves for want of a better one. `tags` are as they stand in the registry, by their kind;
    `wrong` says what is wrong with those that cannot be followed, and `set_by` whose each is as far
    as anybody says. `steps` is the version that `podium promote --steps` brings.
    """

    split: Sequence[SteeredArm] = ()
    until: datetime | None = None
    sticky: str = ""
    shadow: SteeredArm | None = None
    fallback: str | None = None
    steps: str | None = None
    tags: Mapping[str, str] = {}
    wrong: Mapping[str, str] = {}
    set_by: Mapping[str, str] = {}


class SteeredReport(AliasReport):
    """What `podium split` and `podium shadow` have to say of an alias.

    `on` is the version that the alias is on, null where there is no such alias.
    """

    by: str
    reason: str
    link: str
    on: str | None = None
    rollout: AliasRollout = AliasRollout()
    instances: Sequence[SteeredInstance] = ()

    def lines(self) -> list[str]:
        """One sentence, what is wrong, and what instances have said."""
        return [
            *super().lines(),
            *wrong_lines(self.alias, self.rollout),
            *(f"  {each.url}  {each.sentence}" for each in self.instances),
        ]


def wrong_lines(alias: str, rollout: AliasRollout) -> Sequence[str]:
    """What is wrong with each tag, for people."""
    return [f"  podium.{kind}.{alias}  {said}" for kind, said in rollout.wrong.items()]


def steered_alias(  # noqa: PLR0913 - what both commands say
    ref: ModelRef,
    wanted: "Steering | None",
    origin: Origin,
    urls: Sequence[str],
    sentence: Callable[[str | None, AliasRollout], str],
    *,
    as_json: bool,
) -> NoReturn:
    """Has the tags say that, tells instances of it, and ends the command.

    None: the tags are shown.
    """
    addresses, tell = mlflow(), teller(as_json=as_json)
    token = admin_token() if urls and wanted is not None else ""
    from service.promotion.known import MoveKnown
    from service.promotion.steering import steer, steered
    from service.registry.writer.writer import Writer

    writer = Writer(addresses)
    tell(f"MLflow   {writer.server()}")
    blank = SteeredReport(
        server=writer.server(),
        **asdict(origin),
        name=ref.name,
        alias=ref.alias,
        status=DONE,
        code="told",
        sentence="",
    )

    def work() -> SteeredReport:
        now = datetime.now(UTC)
        if wanted is None:
            return _shown(blank, steered(writer, ref, now))
        found = steer(writer, ref, wanted, origin, now)
        code = "done" if found.changed else "already"
        report = _shown(blank.model_copy(update={"code": code}), found)
        return report.model_copy(update={"instances": _told(urls, ref, token)})

    run(work, MoveKnown(), blank, on_done=partial(_ended, sentence), as_json=as_json)


def _ended(
    sentence: Callable[[str | None, AliasRollout], str], report: SteeredReport
) -> SteeredReport:
    said = sentence(report.on, report.rollout)
    untold = [each.url for each in report.instances if not each.told]
    if not untold:
        return report.model_copy(update={"sentence": said})
    late = f"{said}; not told: {', '.join(untold)}, which sees it at its next look"
    return report.model_copy(update={"sentence": late, "status": IN_PART, "code": "not_all_told"})


def _told(urls: Sequence[str], ref: ModelRef, token: str) -> Sequence[SteeredInstance]:
    from service.checks.admin import asked_to_look

    def tell(url: str) -> SteeredInstance:
        status, said = asked_to_look(url, ref, token)
        return SteeredInstance(url=url, told=status == DONE, sentence=said)

    with ThreadPoolExecutor(_AT_ONCE) as beside:
        return list(beside.map(tell, urls))


def _shown(blank: SteeredReport, found: "SteeredAlias") -> SteeredReport:
    return blank.model_copy(update={"on": found.on, "rollout": rollout_of(found)})


def rollout_of(found: "SteeredAlias") -> AliasRollout:
    """As reports have it."""
    plan, steps = found.plan, found.steps
    hears = plan.shadow
    return AliasRollout(
        split=[_arm(found, each.alias, each.share) for each in plan.split.arms],
        until=plan.split.until,
        sticky=plan.sticky,
        shadow=None if hears is None else _arm(found, hears.alias, hears.share),
        fallback=plan.fallback,
        steps=None if steps is None else steps.version,
        tags=found.tags.said,
        wrong=found.wrong,
        set_by={kind: origin.by for kind, origin in found.origins.items()},
    )


def _arm(found: "SteeredAlias", alias: str, share: int) -> SteeredArm:
    return SteeredArm(alias=alias, percent=float(percent(share)), version=found.versions.get(alias))


def split_sentence(on: str | None, rollout: AliasRollout) -> str:
    """Who gets an alias's requests that is on that version, for people."""
    own = "nothing: there is no such alias" if on is None else f"version {on}"
    if not rollout.split:
        return f"all requests go to {own}"
    arms = ", ".join(_named(each) for each in rollout.split)
    until = "" if rollout.until is None else f", until {rollout.until.isoformat()}"
    steps = f", by the steps of podium promote to version {rollout.steps}" if rollout.steps else ""
    told_apart = f"callers are told apart by {rollout.sticky}"
    return f"{arms}, the rest to {own}{until}{steps}; {told_apart}"


def shadow_sentence(_: str | None, rollout: AliasRollout) -> str:
    """Who hears of an alias's requests, for people."""
    if rollout.shadow is None:
        return "nobody else hears of its requests"
    return f"{_named(rollout.shadow)} as well, unseen"


def rollout_sentences(on: str | None, rollout: AliasRollout) -> Sequence[str]:
    """All that tags say, for people; nothing where there are none."""
    said = [split_sentence(on, rollout)] if rollout.split else []
    said += [shadow_sentence(on, rollout)] if rollout.shadow else []
    said += [f"bakes by {rollout.tags['bake']}"] if _is_read("bake", rollout) else []
    return said + ([f"falls back on version {rollout.fallback}"] if rollout.fallback else [])


def _is_read(kind: str, rollout: AliasRollout) -> bool:
    return kind in rollout.tags and kind not in rollout.wrong


def _named(arm: SteeredArm) -> str:
    on = "which the model has not" if arm.version is None else f"version {arm.version}"
    named = "" if arm.alias == f"v{arm.version}" else f"{arm.alias}, "
    return f"{arm.percent:g}% to {named}{on}"
