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


class SteeredReport(AliasReport):
    """What `podium split` and `podium shadow` have to say of an alias.

    `on` is the version that the alias is on, null where there is no such alias. `split` has the
    arms beside the alias's own, until `until`, null where they stay; what is over is none. `sticky`
    is the header by which a caller keeps an arm. `tags` are as they stand in the registry, by their
    kind; `wrong` says what is wrong with those that cannot be followed, and `set_by` whose each is
    as far as anybody says. `steps` is the version that `podium promote --steps` brings.
    """

    by: str
    reason: str
    link: str
    on: str | None = None
    split: Sequence[SteeredArm] = ()
    until: datetime | None = None
    sticky: str = ""
    shadow: SteeredArm | None = None
    steps: str | None = None
    tags: Mapping[str, str] = {}
    wrong: Mapping[str, str] = {}
    set_by: Mapping[str, str] = {}
    instances: Sequence[SteeredInstance] = ()

    def lines(self) -> list[str]:
        """One sentence, what is wrong, and what instances have said."""
        return [
            *super().lines(),
            *(f"  podium.{kind}.{self.alias}  {said}" for kind, said in self.wrong.items()),
            *(f"  {each.url}  {each.sentence}" for each in self.instances),
        ]


def steered_alias(  # noqa: PLR0913 - what both commands say
    ref: ModelRef,
    wanted: "Steering | None",
    origin: Origin,
    urls: Sequence[str],
    sentence: Callable[[SteeredReport], str],
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


def _ended(sentence: Callable[[SteeredReport], str], report: SteeredReport) -> SteeredReport:
    said = sentence(report)
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
    plan, steps = found.plan, found.steps
    arms = [_arm(found, each.alias, each.share) for each in plan.split.arms]
    shadow = plan.shadow and _arm(found, plan.shadow.alias, plan.shadow.share)
    return blank.model_copy(
        update={
            "on": found.on,
            "split": arms,
            "until": plan.split.until,
            "sticky": plan.sticky,
            "shadow": shadow,
            "steps": None if steps is None else steps.version,
            "tags": found.tags.said,
            "wrong": plan.wrong,
            "set_by": {kind: origin.by for kind, origin in found.origins.items()},
        }
    )


def _arm(found: "SteeredAlias", alias: str, share: int) -> SteeredArm:
    return SteeredArm(alias=alias, percent=float(percent(share)), version=found.versions.get(alias))


def split_sentence(report: SteeredReport) -> str:
    """Who gets an alias's requests, for people."""
    if not report.split:
        return f"all requests go to {_own(report)}"
    arms = ", ".join(_named(each) for each in report.split)
    until = "" if report.until is None else f", until {report.until.isoformat()}"
    steps = f", by the steps of podium promote to version {report.steps}" if report.steps else ""
    return (
        f"{arms}, the rest to {_own(report)}{until}{steps}; callers are told apart by "
        f"{report.sticky}"
    )


def shadow_sentence(report: SteeredReport) -> str:
    """Who hears of an alias's requests, for people."""
    if report.shadow is None:
        return "nobody else hears of its requests"
    return f"{_named(report.shadow)} as well, unseen"


def _own(report: SteeredReport) -> str:
    return "nothing: there is no such alias" if report.on is None else f"version {report.on}"


def _named(arm: SteeredArm) -> str:
    on = "which the model has not" if arm.version is None else f"version {arm.version}"
    named = "" if arm.alias == f"v{arm.version}" else f"{arm.alias}, "
    return f"{arm.percent:g}% to {named}{on}"
