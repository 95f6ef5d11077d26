"""`podium migrate-stages`: stages of MLflow become aliases, over a whole registry."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click
from pydantic import BaseModel

from service.cli.found import loaded
from service.cli.moving import lease_option, mlflow, stop_for_stranger
from service.cli.names import mistake_in_alias, mistake_in_model
from service.cli.once import OnceCommand
from service.cli.options import VersionArgument
from service.cli.registered import asking
from service.cli.told import (
    AskedReport,
    EndedReport,
    emit,
    interruptible,
    json_option,
    origin_options,
    teller,
)
from service.config.addresses import MlflowAddresses
from service.exits import DONE, IN_PART, UNDECIDED
from service.migration.staged import FIELD
from service.origin import Origin
from service.refs import BadRef, ModelRef

if TYPE_CHECKING:
    from service.migration.migrating import MeantVersion, Migrated, Migration
    from service.migration.staged import StageMeaning

_STAGES = ("Production", "Staging", "Archived")
_MAPPING = "Production=champion"


class StageMigrated(BaseModel):
    """What has become of one stage of one model.

    `version` is what the stage means, the highest number in it; `others` are the lower ones.
    `was` is where the alias was, null for nowhere. `outcome`: `moved`, `already`, `elsewhere`: the
    alias is on another version and was left there, `would_move`, or `refused`, with why in `code`.
    `search` is what programs load by, and `replace` what they shall. With --to the alias is on a
    copy: `on` is its number, null where there is none.
    """

    name: str
    stage: str
    alias: str
    version: str
    others: Sequence[str]
    was: str | None
    on: str | None
    search: str
    replace: str
    outcome: str
    code: str
    sentence: str

    def line(self) -> str:
        """For people."""
        others = f"; also in it, without an alias: {', '.join(self.others)}" if self.others else ""
        return f"{self.name}  {self.stage}: {self.sentence}{others}"


class MigrateStagesReport(AskedReport, EndedReport):
    """The one JSON object of `podium migrate-stages --json`.

    `code` is `done`, `dry_run`, or why not.
    """

    dry_run: bool
    migrated: Sequence[StageMigrated] = ()

    def lines(self) -> list[str]:
        """A line for each stage; then what to search for, and what to put in its place."""
        pairs = [
            f"{each.search} -> {each.replace}" for each in self.migrated if each.outcome in _PAIRED
        ]
        told = ["", "search for, and replace by:", *pairs] if pairs else []
        return [*(each.line() for each in self.migrated), *told, "", self.sentence]


_PAIRED = ("moved", "already", "would_move")


def _mapping(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> Mapping[str, str]:
    mapping: dict[str, str] = {}
    for each in given:
        stage, _, alias = (part.strip() for part in each.partition("="))
        known = next((name for name in _STAGES if name.lower() == stage.lower()), None)
        if known is None:
            said = f"{stage!r} is not a stage; MLflow's are {', '.join(_STAGES)}"
            raise click.BadParameter(said, context, parameter)
        if known in mapping:
            raise click.BadParameter(f"{known} is given twice", context, parameter)
        if wrong := mistake_in_alias(alias):
            raise click.BadParameter(f"{each!r}: {wrong}", context, parameter)
        mapping[known] = alias
    if len(set(mapping.values())) < len(mapping):
        raise click.BadParameter("one alias cannot stand for two stages", context, parameter)
    return mapping


def _template(context: click.Context, parameter: click.Parameter, given: str) -> str:
    others = given.split(FIELD)
    if len(others) == 1 or any(brace in part for part in others for brace in "{}"):
        said = f"must hold {FIELD}, just so and with no other braces, as in 'prod.ml_team.{FIELD}'"
        raise click.BadParameter(said, context, parameter)
    if wrong := mistake_in_model(given):
        raise click.BadParameter(wrong, context, parameter)
    try:
        name = ModelRef.parse(f"{given}@any").name
    except BadRef as error:
        raise click.BadParameter(str(error), context, parameter) from error
    if name != given:
        raise click.BadParameter(f"{given!r} begins with a space", context, parameter)
    return given


@click.command("migrate-stages", cls=OnceCommand)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every model that this account may read.")
@click.option(
    "--map",
    "mapping",
    metavar="STAGE=ALIAS",
    multiple=True,
    default=(_MAPPING,),
    callback=_mapping,
    show_default=True,
    help="Which alias stands for which stage; may be repeated.",
)
@click.option(
    "--to",
    metavar="TEMPLATE",
    default=FIELD,
    callback=_template,
    help="The model that has the alias, as in 'prod.ml_team.{name}': the version is copied there "
    "first, as podium copy does.  [default: the model itself]",
)
@click.option(
    "--force", is_flag=True, help="Move an alias too that is on another version than its stage's."
)
@click.option("--dry-run", "dry", is_flag=True, help="Say what would be done; change nothing.")
@lease_option
@origin_options
@json_option
def migrate_stages(  # noqa: PLR0913 - the command line's
    names: tuple[str, ...],
    mapping: Mapping[str, str],
    to: str,
    lease_seconds: float,
    origin: Origin,
    *,
    everything: bool,
    force: bool,
    dry: bool,
    as_json: bool,
) -> None:
    """Have aliases stand where MLflow's stages stand, for some models or for all.

    For each model and stage the alias is set to the highest number in it, which is what
    models:/NAME/Production loads; other versions of the stage are named. A stage without versions
    is passed over, prompts are too. An alias that is on another version already stays there without
    --force. No stage is changed. At the end it prints what to search for in programs, and what to
    put in its place. Each move is in the journal, as one that was not validated; podium rollback
    takes it back. A second run changes nothing.

    \b
    Exit status: 0 done, or there already; aliases that were left elsewhere are
    named; 1 refused; 2 wrong use; 3 unreachable, and nothing was changed:
    try again; 4 some were moved, and others not: the same call goes on.
    podium migrate-stages --all --map Production=champion --map Staging=challenger --dry-run
    podium migrate-stages --all --to 'prod.ml_team.{name}'
    """  # noqa: D301 - click wants a real backspace
    if bool(names) == everything:
        raise click.UsageError("give the NAMEs of models, or --all for every one")
    for alias in mapping.values():
        stop_for_stranger(ModelRef("any", alias))
    addresses, tell = mlflow(), teller(as_json=as_json)
    from service.migration.migrating import Migration
    from service.migration.stage_search import known, stages_in
    from service.migration.staged import clashes, staged
    from service.registry.writer.writer import Writer

    writer = Writer(addresses)
    tell(f"MLflow   {writer.server()}")
    blank = MigrateStagesReport(
        server=writer.server(), **asdict(origin), dry_run=dry, status=DONE, code="", sentence=""
    )
    with asking(blank, as_json=as_json):
        found = stages_in(writer)
        wanted = staged(found, known(found, names) or found.aliases, mapping, to)
    if twice := clashes(wanted):
        raise click.UsageError(f"one alias cannot stand for two stages: {'; '.join(twice)}")
    copy = partial(_copied, addresses, tell)
    migration = Migration(writer, origin, lease_seconds, force, dry, copy, tell)
    with interruptible():
        done = list(_one_after_the_other(migration, wanted))
    report = _report(blank, done, left=len(wanted) - len(done))
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _copied(
    addresses: MlflowAddresses, tell: Callable[[str], None], staged: "StageMeaning"
) -> "MeantVersion":
    """The version in the model of its alias, whether it was there or not."""
    from service.copying.copy_version import CopyServers, CopyWish, copy_version
    from service.copying.mlflow_server import MlflowServer
    from service.migration.migrating import MeantVersion

    server = MlflowServer.source(addresses, os.environ)
    wish = CopyWish(VersionArgument(staged.name, staged.version), staged.ref.name)
    copied = copy_version(CopyServers(server, server), wish, loaded(), tell)
    return MeantVersion(copied.version, copied.outcome == "copied")


def _one_after_the_other(
    migration: "Migration", wanted: Sequence["StageMeaning"]
) -> Iterator["Migrated"]:
    for each in wanted:
        migrated = migration.migrate(each)
        yield migrated
        if migrated.is_last:
            return


def _report(
    blank: MigrateStagesReport, done: Sequence["Migrated"], *, left: int
) -> MigrateStagesReport:
    status, code = _ended(done, dry=blank.dry_run)
    counts = Counter[str](each.outcome for each in done)
    told = [f"{counts[outcome]} {said}" for outcome, said in _SAID.items() if counts[outcome]]
    told += [f"{left} not looked at"] if left else []
    return blank.model_copy(
        update={
            "migrated": [_row(each, dry=blank.dry_run) for each in done],
            "status": status,
            "code": code,
            "sentence": ", ".join(told) or "no version is in any of these stages",
        }
    )


_SAID = {
    "moved": "moved",
    "would_move": "would be moved",
    "already": "there already",
    "elsewhere": "left elsewhere",
    "refused": "not moved",
}


def _ended(done: Sequence["Migrated"], *, dry: bool) -> tuple[int, str]:
    stopped = [each.stopped for each in done if each.stopped is not None]
    if not stopped:
        return DONE, "dry_run" if dry else "done"
    statuses = {each.status for each in stopped}
    if any(each.outcome == "moved" for each in done):
        statuses.add(IN_PART)
    # What says most of what was changed, and then what a retry may mend.
    worst = next(status for status in (IN_PART, UNDECIDED, *statuses) if status in statuses)
    return worst, stopped[-1].code


def _row(migrated: "Migrated", *, dry: bool) -> StageMigrated:
    staged, stopped = migrated.staged, migrated.stopped
    return StageMigrated(
        name=staged.name,
        stage=staged.stage,
        alias=staged.ref.alias,
        version=staged.version,
        others=staged.others,
        was=staged.at,
        on=migrated.version,
        search=f"models:/{staged.name}/{staged.stage}",
        replace=f"models:/{staged.ref}",
        outcome=migrated.outcome,
        code=stopped.code if stopped else migrated.outcome,
        sentence=_sentence(migrated, dry=dry),
    )


def _sentence(migrated: "Migrated", *, dry: bool) -> str:
    staged = migrated.staged
    ref, was = staged.ref, staged.at
    copy = f" of {staged.name}, copied" if staged.is_copied else ""
    before = f", from version {was}" if was else ""
    meant = f"version {staged.version}{copy}"
    return {
        "moved": f"{ref} is on {meant}{before}",
        "would_move": f"{ref} would be on {meant}{before}",
        "already": f"{ref} is on {meant} already",
        "elsewhere": f"{ref} is on version {was}, not on {meant}: left there; --force moves it",
        "refused": f"{ref} {'would not be' if dry else 'was not'} moved to {meant}: "
        f"{migrated.stopped}",
    }[migrated.outcome]
