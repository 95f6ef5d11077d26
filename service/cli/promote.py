"""`podium promote`: an alias moves to a version that was validated, and all instances serve it."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

import click
from pydantic import BaseModel

from service.cli.found import admin_token, admin_url, loaded
from service.cli.moving import (
    MoveReport,
    alias_option,
    environment_of,
    lease_option,
    mlflow,
    policy_asked_for,
    ref_of,
    resume_option,
    run,
    stop_for_stranger,
    timeout_option,
)
from service.cli.once import OnceCommand
from service.cli.options import SecondsRange, VersionArgument, urls_option, version_argument
from service.cli.report_files import report_files
from service.cli.told import json_option, kept, origin_options, teller
from service.exits import DONE, UNDECIDED
from service.origin import Origin
from service.refs import ModelRef
from service.typed import typed_on

if TYPE_CHECKING:
    from service.promotion.deciding import Stage
    from service.promotion.instances import Instances, Serving
    from service.promotion.journal import StepPlan
    from service.promotion.known import MoveKnown
    from service.promotion.mover import Mover
    from service.promotion.prepare import Prepared
    from service.promotion.promote import Promoted
    from service.promotion.stepped import Stepping


_STEP_SECONDS: Final = 60.0
_MOST_STEPS: Final = 20
# Of 10,000 buckets.
_SHARE: Final = re.compile(r"\d{1,2}(\.\d{1,2})?")


def _shares(context: click.Context, parameter: click.Parameter, value: Any) -> tuple[float, ...]:
    if value is None:
        return ()
    parts = [each.strip().removesuffix("%").strip() for each in str(value).split(",")]
    shares = tuple(float(part) if _SHARE.fullmatch(part) else 0.0 for part in parts)
    grow = all(one < other for one, other in pairwise((0.0, *shares, 100.0)))
    if not shares or len(shares) > _MOST_STEPS or not grow:
        said = "must be percents that grow, above 0 and below 100, as in 5,25,50"
        raise click.BadParameter(said, context, parameter)
    return shares


class InstancePrepared(BaseModel):
    """What an instance has made of the version before the alias moved."""

    url: str
    outcome: Literal["ready", "refused", "undecided", "unreachable"]
    code: str
    sentence: str


class InstanceServing(BaseModel):
    """Whether an instance has served it after; `proven`: whether it has baked there."""

    url: str
    verdict: Literal["serves", "refused", "undecided"]
    sentence: str
    proven: bool = True


class PromoteReport(MoveReport):
    """The one JSON object of `podium promote --json`."""

    unvalidated: str = ""
    prepared: Sequence[InstancePrepared] = ()
    serving: Sequence[InstanceServing] = ()


@click.command(cls=OnceCommand)
@version_argument
@alias_option
@urls_option
@click.option(
    "--instances",
    "count",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many instances answer behind the one --url, or where a service listens by default: "
    "so many have to be seen to serve the version. They cannot be asked one by one, so that none "
    "prepares it.",
)
@click.option(
    "--unvalidated",
    metavar="REASON",
    default="",
    help="Promote although the version was not validated, or not these files; the journal says so.",
)
@click.option(
    "--no-bake",
    "no_bake",
    is_flag=True,
    help="Return once all instances serve the version, without waiting until it has baked there.",
)
@click.option("--first", is_flag=True, help="Make the alias, if the model has none of that name.")
@click.option(
    "--steps",
    "shares",
    metavar="PERCENTS",
    callback=_shares,
    help="Bring the version by steps before the alias moves, as in 5,25,50: so many percent of the "
    "alias's requests each. Needs the --url of each instance.",
)
@click.option(
    "--step-seconds",
    type=SecondsRange(),
    default=_STEP_SECONDS,
    show_default=True,
    metavar="S",
    help="Seconds that each step lasts at least; it also lasts until the version has had a hundred "
    "answers in it.",
)
@timeout_option(
    "to prepare the version, then for each step beyond its own seconds, and to serve it"
)
@lease_option
@resume_option
@origin_options
@report_files
@json_option
def promote(  # noqa: PLR0913, PLR0917 - the command line's
    version: VersionArgument,
    alias: str | None,
    urls: tuple[str, ...],
    count: int | None,
    unvalidated: str,
    shares: tuple[float, ...],
    step_seconds: float,
    timeout: float,
    lease_seconds: float,
    origin: Origin,
    *,
    first: bool,
    no_bake: bool,
    resume: bool,
    as_json: bool,
) -> None:
    """Move an alias to a version that was validated, once every instance has it ready.

    The version is downloaded and its digest compared with that of `podium validate`. Each --url
    then fetches, loads and warms it up, with the admin token of PODIUM_ADMIN_TOKEN; if one refuses
    it, the alias never moves. The move is written to the journal, an MLflow run that
    `podium rollback` goes by. It returns when all instances serve the version and it has baked
    there; if one refuses it after all, the alias goes back, and where it did worse than the one
    before it is blocked, too. Without --url nothing is prepared, and nothing waited for.
    With --steps the version first gets a growing share of the alias's requests. If it does worse
    than the one before, or has too few answers by --timeout, it goes back, and the alias has never
    moved; if this command is killed, the share ends by itself within a minute.

    \b
    Exit status: 0 if the alias is there (and served, with --url), also if it
    was before; 1 refused, or not validated; 2 wrong use; 3 unreachable, or
    somebody else is at it, and nothing was changed: try again; 3 also if it
    is served, and most of the few requests so far have failed: the same call
    looks again; 4 changed in part: --resume goes on.
    podium promote iris 3 --url http://podium-1:8000 --url http://podium-2:8000
    """  # noqa: D301 - click wants a real backspace
    if timeout >= lease_seconds:
        raise click.UsageError("--timeout must be shorter than --lease")
    if shares and (count is not None or not urls):
        raise click.UsageError("--steps needs the --url of each instance: they count the answers")
    if count is not None and len(urls) > 1:
        raise click.UsageError("--instances counts those behind one address: give one --url")
    stop_for_stranger(ref_of(version.name, alias))
    if count is not None:
        urls = urls or (admin_url(),)
    ref, addresses, tell = ref_of(version.name, alias), mlflow(), teller(as_json=as_json)
    bakes = not no_bake
    instances = _instances(urls, count, timeout, lease_seconds, origin.told, tell, bakes=bakes)
    from service.promotion.known import MoveKnown
    from service.promotion.mover import Mover
    from service.promotion.promote import Promotion, Wanted
    from service.promotion.registry_bytes import digest_now
    from service.registry.writer.writer import Writer

    writer = Writer(addresses)
    tell(f"MLflow   {writer.server()}")
    if count is not None or not urls:
        tell("no instance prepares the version before the alias moves: give each its own --url")
    known = MoveKnown()
    told = partial(_told, tell, _says(urls, count), known)
    mover = Mover(writer, ref, origin, lease_seconds, told, known)
    settings = loaded()
    digest = partial(digest_now, settings=settings, environment=environment_of(addresses))
    stepping = _stepping(mover, urls, tell) if urls and count is None else None
    work = Promotion(
        mover,
        instances,
        digest,
        settings.status_tag.passing,
        policy_asked_for(),
        settings.validated_as or "",
        bakes,
        stepping,
    )
    blank = PromoteReport(
        server=writer.server(),
        name=ref.name,
        alias=ref.alias,
        status=DONE,
        code="done",
        sentence="",
        version=version.version,
        unvalidated=kept(unvalidated),
    )
    steps = _plan_of(shares, step_seconds, timeout)
    run(
        lambda: work.run(Wanted(version, kept(unvalidated), first, resume, steps)),
        known,
        blank,
        on_done=partial(_done, blank),
        as_json=as_json,
    )


def _plan_of(shares: Sequence[float], step_seconds: float, seconds: float) -> "StepPlan | None":
    from service.promotion.journal import StepPlan

    if not shares:
        return None
    return StepPlan(shares=tuple(shares), step_seconds=step_seconds, seconds=seconds)


def _stepping(mover: "Mover", urls: Sequence[str], tell: Callable[[str], None]) -> "Stepping":
    from service.promotion.instance_arms import ArmsAt
    from service.promotion.stepped import Stepping

    return Stepping(mover, ArmsAt(mover.ref, urls, admin_token()), tell)


_SAYS = {
    "check": "downloading the version, and comparing it with what was validated",
    "prepare": "preparing it on every instance",
    "intend": "writing down what is meant",
    "move": "moving the alias",
    "wait": "waiting until all instances serve it",
}


def _says(urls: Sequence[str], count: int | None) -> Mapping[str, str]:
    """What is told of each stage, without those in which nothing is done."""
    unprepared = {"prepare"} if count is not None or not urls else set[str]()
    idle = unprepared if urls else {*unprepared, "wait"}
    return {stage: said for stage, said in _SAYS.items() if stage not in idle}


def _told(
    tell: Callable[[str], None], says: Mapping[str, str], known: "MoveKnown", stage: "Stage"
) -> None:
    known.reached.add(stage)
    if stage in says:
        tell(says[stage])


def _instances(  # noqa: PLR0913, PLR0917 - what the command line says
    urls: Sequence[str],
    count: int | None,
    seconds: float,
    keep_seconds: float,
    reason: str,
    tell: Callable[[str], None],
    *,
    bakes: bool,
) -> "Instances":
    from service.promotion.instances import InstancesAt, InstancesBehind, NoInstances

    def told(each: "Prepared") -> None:
        tell(f"  {each.url}  {each.outcome}  {each.sentence}")

    def saw(each: "Serving") -> None:
        tell(f"  {each.url}  {each.sentence}")

    if not urls:
        return NoInstances()
    if count is not None:
        return InstancesBehind(urls[0], count, seconds, saw, bakes=bakes)
    token = admin_token()
    return InstancesAt(urls, token, seconds, keep_seconds, told, saw, reason=reason, bakes=bakes)


def _done(blank: PromoteReport, promoted: "Promoted") -> PromoteReport:
    code = "done" if promoted.outcome == "promoted" else "already"
    return blank.model_copy(
        update={
            "status": UNDECIDED if promoted.failing else DONE,
            "code": "unproven" if promoted.failing else code,
            "sentence": f"{_sentence(promoted)}{_failing(blank, promoted)}",
            "version": promoted.version,
            "before": promoted.before,
            "entry": promoted.entry,
            "prepared": [
                InstancePrepared(
                    url=each.url, outcome=each.outcome, code=each.code, sentence=each.sentence
                )
                for each in promoted.prepared
            ],
            "serving": [
                InstanceServing(
                    url=each.url,
                    verdict=each.verdict,
                    sentence=each.sentence,
                    proven=each.proven,
                )
                for each in promoted.serving
            ],
        }
    )


def _sentence(promoted: "Promoted") -> str:
    served = f", and {len(promoted.serving)} of {len(promoted.serving)} serve it"
    where = f"version {promoted.version}{served if promoted.serving else ''}"
    if promoted.outcome == "already":
        return f"is on {where} already"
    before = "" if promoted.before is None else f", from version {promoted.before}"
    return f"is on {where}{before}"


def _failing(blank: PromoteReport, promoted: "Promoted") -> str:
    """What speaks against it, and what there is to do; empty where nothing does."""
    if not promoted.failing:
        return ""
    said = "; ".join(f"{each.url}: {each.sentence}" for each in promoted.failing)
    back = typed_on(ModelRef(blank.name, blank.alias), "rollback")
    return (
        "; too few requests have come to take it back, and most of them have failed: "
        f"{said}. The same call looks again, and is done once it is proven; --no-bake asks for no "
        f"proof, and {back} takes it back"
    )
