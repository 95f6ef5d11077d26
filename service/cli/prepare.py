"""`podium prepare`: every instance has a version ready before the alias moves there."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal

import click
from pydantic import BaseModel

from service.cli.exits import DONE, REFUSED, UNDECIDED
from service.cli.found import admin_token, service_url
from service.cli.moving import alias_option, mlflow, ref_of, timeout_option
from service.cli.once import OnceCommand
from service.cli.options import VersionArgument, urls_option, version_argument
from service.cli.registered import asking, registered
from service.cli.told import AskedReport, Origin, emit, json_option, origin_options, teller
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


class PrepareReport(AskedReport):
    """The one JSON object of `podium prepare --json`; `status` is its exit status.

    `server` is empty where the version is named by its number: MLflow is not asked then.
    """

    name: str
    alias: str
    version: str
    status: int
    instances: Sequence[PreparedInstance]

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
    type=click.FloatRange(min=1, max=MOST_KEEP_SECONDS),
    default=600.0,
    show_default=True,
    metavar="S",
    help="Seconds for which each keeps it warm, unless the alias moves there.",
)
@timeout_option("for it")
@origin_options
@json_option
def prepare(  # noqa: PLR0913, PLR0917 - the command line's
    version: VersionArgument,
    alias: str,
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
    server, number = _resolved(version)
    from service.promotion.prepare import PrepareWish, prepare_all

    def told(each: Prepared) -> None:
        tell(f"  {each.url}  {each.outcome}  {each.sentence}")

    def stage(url: str, begun: str) -> None:
        tell(f"  {url}  {begun}")

    if server:
        tell(f"MLflow   {server}")
    urls = urls or (service_url(),)
    tell(f"service  {', '.join(urls)}")
    with asking():
        wish = PrepareWish(ref, number, token, keep_seconds, timeout)
        prepared = prepare_all(urls, wish, told, stage)
    statuses = {_STATUSES[each.outcome] for each in prepared}
    report = PrepareReport(
        server=server,
        **asdict(origin),
        name=ref.name,
        alias=ref.alias,
        version=number,
        status=next(each for each in _WORST_FIRST if each in statuses),
        instances=[_instance(each) for each in prepared],
    )
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _resolved(version: VersionArgument) -> tuple[str, str]:
    """Which MLflow was asked, if one was, and the version's number."""
    if version.version is not None:
        return "", version.version
    writer, found = registered(mlflow(), version)
    return writer.server(), found.number


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
