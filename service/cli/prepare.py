"""`podium prepare`: every instance has a version ready before the alias moves there."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal

import click
from pydantic import BaseModel

from service.cli.found import admin_token, admin_url
from service.cli.moving import alias_option, ref_of, timeout_option, told_writer
from service.cli.once import OnceCommand
from service.cli.options import SecondsRange, VersionArgument, urls_option, version_argument
from service.cli.registered import asking
from service.cli.report_files import report_files
from service.cli.told import VersionReport, emit, json_option, origin_options, teller
from service.exits import DONE, REFUSED, UNDECIDED
from service.origin import Origin
from service.promotion.prepare import MOST_KEEP_SECONDS, Prepared

_STATUSES: Mapping[str, int] = {
    "ready": DONE,
    "refused": REFUSED,
    "undecided": UNDECIDED,
    "unreachable": UNDECIDED,
}
# What a retry does not mend counts first.
_WORST_FIRST = (REFUSED, UNDECIDED, DONE)


class PreparedFinding(BaseModel):
    """What a gate of an instance has seen, and let pass."""

    gate: str
    code: str
    sentence: str


class PreparedInstance(BaseModel):
    """What an instance has made of the version; `stages` are seconds.

    `digest` is that of the files that it has, empty where it does not say.
    """

    url: str
    outcome: Literal["ready", "refused", "undecided", "unreachable"]
    code: str
    sentence: str
    digest: str
    findings: Sequence[PreparedFinding]
    stages: Mapping[str, float]


class PrepareReport(VersionReport):
    """The one JSON object of `podium prepare --json`; `status` is its exit status.

    `code` is `told`, or why that is all, which `sentence` says for people.
    `server` is empty where the version is named by its number: MLflow is not asked then. Where it
    was asked and has no such alias, or does not answer, `code` and `sentence` say so.
    """

    instances: Sequence[PreparedInstance] = ()

    def lines(self) -> list[str]:
        """What each has found, and how many are ready."""
        ready = sum(each.outcome == "ready" for each in self.instances)
        findings = [
            f"  {each.url}  {found.gate}: {found.sentence}"
            for each in self.instances
            for found in each.findings
        ]
        says = f"version {self.version} is ready at {ready} of {len(self.instances)}"
        return [*findings, f"{self.name}@{self.alias}  {says}"]


@click.command(cls=OnceCommand)
@version_argument
@alias_option
@urls_option
@click.option(
    "--keep",
    "keep_seconds",
    type=SecondsRange(most=MOST_KEEP_SECONDS),
    default=600.0,
    show_default=True,
    metavar="S",
    help="Seconds for which each keeps it warm, unless the alias moves there.",
)
@timeout_option("for it")
@origin_options
@report_files
@json_option
def prepare(  # noqa: PLR0913, PLR0917 - the command line's
    version: VersionArgument,
    alias: str | None,
    urls: tuple[str, ...],
    keep_seconds: float,
    timeout: float,
    origin: Origin,
    *,
    as_json: bool,
) -> None:
    """Have every instance fetch, check, load and warm up a version, and keep it warm.

    Nobody is answered by it before the alias moves; then it answers at once. Asks with the admin
    token that PODIUM_ADMIN_TOKEN holds, or the file that PODIUM_ADMIN_TOKEN_FILE names. How many
    versions an instance keeps ready is its PODIUM_MAX_PREPARED; a newer wish for the same alias
    takes the place of an older one.

    \b
    Exit status: 0 if all have it ready; 1 if one refuses it; 2 wrong use; 3
    if one does not answer, or not in time, or could not for now: try again.
    podium prepare iris 3 --url http://podium-1:8000 --url http://podium-2:8000
    """  # noqa: D301 - click wants a real backspace
    ref, token, tell = ref_of(version.name, alias), admin_token(), teller(as_json=as_json)
    blank = PrepareReport(
        server="",
        **asdict(origin),
        name=ref.name,
        alias=ref.alias,
        version=version.version,
        status=DONE,
    )
    blank, number = _resolved(blank, version, as_json=as_json)
    from service.promotion.prepare import PrepareWish, prepare_all

    def told(each: Prepared) -> None:
        tell(f"  {each.url}  {each.outcome}  {each.sentence}")

    def stage(url: str, begun: str) -> None:
        tell(f"  {url}  {begun}")

    urls = urls or (admin_url(),)
    tell(f"service  {', '.join(urls)}")
    with asking(blank, as_json=as_json):
        wish = PrepareWish(ref, number, token, keep_seconds, timeout, reason=origin.told)
        prepared = prepare_all(urls, wish, told, stage)
    statuses = {_STATUSES[each.outcome] for each in prepared}
    report = blank.model_copy(
        update={
            "status": next(each for each in _WORST_FIRST if each in statuses),
            "instances": [_instance(each) for each in prepared],
        }
    )
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _resolved(
    blank: PrepareReport, version: VersionArgument, *, as_json: bool
) -> tuple[PrepareReport, str]:
    """With the MLflow that was asked, if one was, and the version's number."""
    if version.version is not None:
        return blank, version.version
    writer = told_writer(as_json=as_json)
    blank = blank.model_copy(update={"server": writer.server()})
    with asking(blank, as_json=as_json):
        number = writer.version_of(version).number
    return blank.model_copy(update={"version": number}), number


def _instance(prepared: Prepared) -> PreparedInstance:
    return PreparedInstance(
        url=prepared.url,
        outcome=prepared.outcome,
        code=prepared.code,
        sentence=prepared.sentence,
        digest=prepared.digest,
        findings=[
            PreparedFinding(gate=each.gate, code=each.code, sentence=each.sentence)
            for each in prepared.findings
        ],
        stages=prepared.stages,
    )
