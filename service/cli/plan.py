"""`podium plan`: what would happen if an alias moved to a version; nothing is changed."""

import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

import click
from pydantic import BaseModel

from service.cli.found import admin_token, loaded, stop
from service.cli.moving import (
    alias_option,
    environment_of,
    mlflow,
    policy_asked_for,
    ref_of,
    timeout_option,
)
from service.cli.once import OnceCommand
from service.cli.options import VersionArgument, urls_option, version_argument
from service.cli.registered import asking
from service.cli.report_files import report_files
from service.cli.rollback import JournalEntry, journal_entry, journal_line
from service.cli.steering import AliasRollout, rollout_of, rollout_sentences, wrong_lines
from service.cli.told import VersionReport, emit, json_option, origin_options, teller
from service.exits import DONE, REFUSED, UNDECIDED
from service.origin import Origin

if TYPE_CHECKING:
    from service.config.addresses import MlflowAddresses
    from service.promotion.deciding import AliasStanding
    from service.promotion.plan import Foreseen, PromotionOutlook
    from service.registry.writer.writer import RegisteredVersion, Writer

_STATUSES: Mapping[str, int] = {
    "serves": DONE,
    "would_serve": DONE,
    "refused": REFUSED,
    "undecided": UNDECIDED,
    "unreachable": UNDECIDED,
}
_WORST_FIRST = (REFUSED, UNDECIDED, DONE)
_TAKES = {True: "would take it", False: "would refuse it", None: "may take it"}
_MOST_ENTRIES = 5
_KIB = 1024
_MIB = 1024**2


class PlannedFinding(BaseModel):
    """What a gate has seen."""

    gate: str
    code: str
    sentence: str


class PlannedRefusal(BaseModel):
    """A gate that is closed, or what went wrong; `passing`: it may be otherwise later."""

    code: str
    message: str
    gate: str | None
    passing: bool


class PlannedMemory(BaseModel):
    """In bytes, null where it is not known: the files, and the processes of what serves now."""

    artifact_bytes: int | None
    serving_bytes: int | None


class PlannedService(BaseModel):
    """What one service would make of the version; `url` is null for the command's own settings.

    `verdict` is what that service has found of the version that the alias is on, where that has
    given way. `differences` are those of its contract from that of what serves, `environment` what
    it asks for and would not have.
    """

    url: str | None
    forecast: Literal["would_serve", "serves", "refused", "undecided", "unreachable"]
    code: str
    sentence: str
    verdict: str
    refusals: Sequence[PlannedRefusal]
    differences: Sequence[str]
    environment: Sequence[str]
    findings: Sequence[PlannedFinding]
    memory: PlannedMemory
    digest: str | None
    stages: Mapping[str, float]


class PlannedValidation(BaseModel):
    """Whether `podium promote` would take the version; else `code` and `sentence` say why not.

    `validated` is null where nothing is against it and the registry's files were not compared with
    those that were validated.
    """

    validated: bool | None
    code: str
    sentence: str
    digest: str
    run: str
    policy: str


class PlanReport(VersionReport):
    """The one JSON object of `podium plan --json`; `status` is its exit status.

    `code` is `told`, or why that is all, which `sentence` says for people.
    `on` is the version that the alias is on, and `rollout` how tags steer who gets its requests.
    `journal` has the newest entries, newest first, and
    `journal_says` what whoever moves the alias has to know of them. Where MLflow has no such
    version, or does not answer, `code` and `sentence` say so, and the rest is empty.
    """

    on: str | None = None
    rollout: AliasRollout | None = None
    services: Sequence[PlannedService] = ()
    validation: PlannedValidation | None = None
    journal: Sequence[JournalEntry] = ()
    journal_says: str = ""

    def lines(self) -> list[str]:
        """A paragraph for each service, then what promote and the journal say."""
        on = "nothing" if self.on is None else f"version {self.on}"
        steered = [] if self.rollout is None else rollout_sentences(self.on, self.rollout)
        wrong = [] if self.rollout is None else wrong_lines(self.alias, self.rollout)
        return [
            f"{self.name}@{self.alias}  is on {on}; to version {self.version}:",
            *(f"rollout  {sentence}" for sentence in steered),
            *wrong,
            *(line for each in self.services for line in _lines(each)),
            *([_promote_says(self.validation)] if self.validation else []),
            *([f"journal  {self.journal_says}"] if self.journal_says else []),
            *(journal_line(each) for each in self.journal),
        ]


def _promote_says(validation: PlannedValidation) -> str:
    return f"podium promote {_TAKES[validation.validated]}: {validation.sentence}"


@click.command(cls=OnceCommand)
@version_argument
@alias_option
@urls_option
@timeout_option("to fetch and judge it")
@origin_options
@report_files
@json_option
def plan(  # noqa: PLR0913 - the command line's
    version: VersionArgument,
    alias: str | None,
    urls: tuple[str, ...],
    timeout: float,
    origin: Origin,
    *,
    as_json: bool,
) -> None:
    """Show what would happen if an alias moved to a version. Nothing is changed.

    What every gate says of it, how its contract differs from that of what serves, what it asks
    for and would not have, how large it is, whether it was validated, and what the journal says.
    Each --url answers by its own settings, with the admin token of PODIUM_ADMIN_TOKEN; without one
    the settings of this command count, and the version that the alias is on is what serves. It is
    fetched, and not loaded: `podium prepare` does that.

    \b
    Exit status: 0 if it would serve; 1 if it would be refused, by a service
    or by podium promote; 2 wrong use; 3 if MLflow or an instance does not
    answer, or could not tell for now.
    podium plan iris 3 --url http://podium-1:8000
    """  # noqa: D301 - click wants a real backspace
    ref, addresses = ref_of(version.name, alias), mlflow()
    token = admin_token() if urls else ""
    tell = teller(as_json=as_json)
    from service.promotion.mover import Mover
    from service.promotion.steering import steered as steered_now
    from service.registry.writer.writer import Writer

    writer = Writer(addresses)
    blank = PlanReport(
        server=writer.server(),
        **asdict(origin),
        name=ref.name,
        alias=ref.alias,
        version=version.version,
        status=DONE,
    )
    tell(f"MLflow   {writer.server()}")
    with asking(blank, as_json=as_json):
        wanted = writer.version_of(version)
        standing = Mover(writer, ref, origin, 0.0).look()
        steered = steered_now(writer, ref, datetime.now(UTC))
        found = (
            _at(urls, standing, wanted.number, token, timeout, tell)
            if urls
            else _here(addresses, standing, wanted, tell)
        )
    with asking(blank, as_json=as_json):
        known = blank.model_copy(update={"rollout": rollout_of(steered)})
        report = _report(writer, known, standing, wanted, found)
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _at(  # noqa: PLR0913, PLR0917 - what an operator says
    urls: Sequence[str],
    standing: "AliasStanding",
    number: str,
    token: str,
    timeout: float,
    tell: Callable[[str], None],
) -> Sequence["Foreseen"]:
    from service.promotion.plan import foreseen_at, judged_there, question_of

    def known(each: "Foreseen") -> None:
        tell(f"  {each.url}  {each.forecast}")

    def stage(url: str, begun: str) -> None:
        tell(f"  {url}  {begun}")

    judged = partial(judged_there, standing=standing, number=number)
    question = question_of(standing.ref, number, token, timeout)
    return foreseen_at(urls, question, known, stage, judged)


def _here(
    addresses: "MlflowAddresses",
    standing: "AliasStanding",
    wanted: "RegisteredVersion",
    tell: Callable[[str], None],
) -> Sequence["Foreseen"]:
    from service.config.surroundings import BadSurroundings, surroundings
    from service.promotion.dry_run_here import Here, judged_here
    from service.promotion.plan import foreseen

    settings, environment = loaded(), environment_of(addresses)
    try:
        here = Here(settings, environment, surroundings(settings, os.environ))
    except BadSurroundings as error:
        stop(str(error))
    tell("  by the settings of this command: fetching it, and what the alias is on")
    answer = judged_here(here, standing.ref, wanted.id, standing.version)
    return [foreseen(None, answer)]


def _report(
    writer: "Writer",
    blank: PlanReport,
    standing: "AliasStanding",
    wanted: "RegisteredVersion",
    found: Sequence["Foreseen"],
) -> PlanReport:
    from service.promotion.held import why_held
    from service.promotion.judged_source import judged_by
    from service.promotion.plan import PromotionRules, journal_says, outlook

    settings = loaded()
    held = "" if standing.alias == wanted.number else why_held(standing)
    judged = partial(judged_by, writer, prefix=settings.validated_as or "")
    rules = PromotionRules(settings.status_tag.passing, policy_asked_for(), judged, held)
    foreseen = outlook(wanted, found, rules)
    statuses = {_STATUSES[each.forecast] for each in found}
    if foreseen.validated is False:
        statuses.add(REFUSED)
    journal = standing.journal
    entries = [
        journal_entry(each, is_open=each is journal.open)
        for each in journal.entries[: -_MOST_ENTRIES - 1 : -1]
    ]
    return blank.model_copy(
        update={
            "version": wanted.number,
            "on": standing.alias,
            "status": next(each for each in _WORST_FIRST if each in statuses),
            "services": [_service(each) for each in found],
            "validation": _validation(foreseen),
            "journal": entries,
            "journal_says": journal_says(standing),
        }
    )


def _validation(found: "PromotionOutlook") -> PlannedValidation:
    return PlannedValidation(
        validated=found.validated,
        code=found.code,
        sentence=found.sentence,
        digest=found.digest,
        run=found.run,
        policy=found.policy,
    )


def _service(found: "Foreseen") -> PlannedService:
    told = found.told
    return PlannedService(
        url=found.url,
        forecast=found.forecast,
        code=found.code,
        sentence=found.sentence,
        verdict=found.verdict,
        refusals=[
            PlannedRefusal(
                code=each.code, message=each.message, gate=each.gate, passing=each.passing
            )
            for each in (() if told is None else told.refusals)
        ],
        differences=found.differences,
        environment=found.environment,
        findings=[
            PlannedFinding(gate=each.gate, code=each.code, sentence=each.sentence)
            for each in (() if told is None else told.findings)
        ],
        memory=PlannedMemory(
            artifact_bytes=None if told is None else told.artifact_bytes,
            serving_bytes=None if told is None else told.serving_memory_bytes,
        ),
        digest=None if told is None else told.digest,
        stages={} if told is None else told.stages,
    )


def _lines(found: PlannedService) -> Iterator[str]:
    yield f"  {found.url or 'by the settings of this command'}  {found.sentence}"
    if found.verdict:
        yield f"    bake         {found.verdict}"
    for sentence in found.differences:
        yield f"    contract     {sentence}"
    for sentence in found.environment:
        yield f"    environment  {sentence}"
    other = [each for each in found.findings if each.sentence not in _shown(found)]
    for each in other:
        yield f"    {each.gate:<11}  {each.sentence}"
    if memory := _memory(found.memory):
        yield f"    memory       {memory}"


def _shown(found: PlannedService) -> Collection[str]:
    return {*found.differences, *found.environment}


def _memory(memory: PlannedMemory) -> str:
    said = []
    if memory.artifact_bytes is not None:
        said.append(f"its files are {_size(memory.artifact_bytes)}")
    if memory.serving_bytes is not None:
        said.append(f"what serves now takes {_size(memory.serving_bytes)} in its processes")
    return "; ".join(said)


def _size(size: int) -> str:
    return f"{size / _MIB:.1f} MiB" if size >= _MIB else f"{size / _KIB:.1f} KiB"
