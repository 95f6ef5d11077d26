"""`podium copy`: a version comes into another registered model, here or on another server."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from service.cli.found import loaded, stop
from service.cli.mistakes import mistake_in
from service.cli.moving import mlflow
from service.cli.names import mistake_in_model
from service.cli.once import OnceCommand
from service.cli.options import VersionArgument, version_argument
from service.cli.report_files import report_files
from service.cli.told import (
    AskedReport,
    EndedReport,
    emit,
    interruptible,
    json_option,
    origin_of,
    teller,
)
from service.exits import DONE
from service.origin import Origin

if TYPE_CHECKING:
    from service.copying.copy_version import Copied, CopyServers

COPIED_TAG: Final = "podium.copied"
_OURS: Final = "podium."


class CopyReport(AskedReport, EndedReport):
    """The one JSON object of `podium copy --json`.

    `status` is its exit status, and `code` a stable word for how it ended: `done`, `already`, or
    why not. `target` is the target's MLflow; `version` and `to_version` are numbers, null where
    they are not known; `source` is the copy's tag `podium.source`; `digest` is empty for a link,
    `experiment` also for a copy that was there before.
    """

    target: str
    name: str
    version: str | None
    to: str
    to_version: str | None = None
    linked: bool
    source: str = ""
    digest: str = ""
    experiment: str = ""
    notes: Sequence[str] = ()

    def facts(self) -> Mapping[str, object]:
        """The copy, which is what the next command has to do with."""
        named = {"NAME": self.to, "VERSION": self.to_version, "DIGEST": self.digest}
        return {**named, **super().facts()}

    def lines(self) -> list[str]:
        """One sentence, and what else one should know."""
        return [f"{self.to}  {self.sentence}", *(f"  {note}" for note in self.notes)]


def _address(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    if given is not None and (wrong := mistake_in(given)):
        stop(f"--to-uri: {wrong}")
    return given


def _model(_: click.Context, __: click.Parameter, given: str) -> str:
    if wrong := mistake_in_model(given):
        raise click.BadParameter(wrong)
    return given


def _keys(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for key in given:
        if key.startswith(_OURS) or key == loaded().status_tag.key:
            raise click.BadParameter(f"{key} says what was found out of the source; it stays there")
    return tuple(dict.fromkeys(given))


@click.command(cls=OnceCommand)
@version_argument
@click.option(
    "--to",
    required=True,
    metavar="NAME",
    callback=_model,
    help="The registered model; made if it is absent.",
)
@click.option(
    "--to-uri",
    metavar="URI",
    callback=_address,
    help="Another MLflow server that has it.  [default: the source's own]",
)
@click.option(
    "--link",
    "linked",
    is_flag=True,
    help="Register a link to the source's files instead: whoever may write there may alter them.",
)
@click.option(
    "--tag",
    "tags",
    metavar="KEY",
    multiple=True,
    callback=_keys,
    help="A tag of the source that comes along; may be repeated.",
)
@click.option(
    "--experiment",
    metavar="NAME",
    default="",
    help="Where the files are kept.  [default: podium/copies/ and the name of the model]",
)
@click.option("--by", metavar="TEXT", help="Who does it.  [default: as podium promote]")
@click.option("--reason", metavar="TEXT", help="Why.  [default: as podium promote]")
@click.option("--see", metavar="TEXT", help="Where one reads more.  [default: as podium promote]")
@report_files
@json_option
def copy(  # noqa: PLR0913, PLR0917 - the command line's
    version: VersionArgument,
    to: str,
    to_uri: str | None,
    tags: tuple[str, ...],
    experiment: str,
    by: str | None,
    reason: str | None,
    see: str | None,
    *,
    linked: bool,
    as_json: bool,
) -> None:
    """Copy a version into another registered model: its files, not a link to them.

    They are downloaded, uploaded to an experiment of the target's own, read back and compared; then
    they are registered, with the description, validation_status=pending and none of what was found
    out of the source. So who may write where the source is alters nothing of the copy. Called
    again, it finds the copy, or finishes what was begun; no alias is moved.

    Needs READ on the source and its experiment; EDIT on the target and its experiment, or to be
    allowed to make them; in PODIUM_HOME room for the files, and PODIUM_LOAD_TIMEOUT_SECONDS for
    the download.

    With --to-uri the target's server is asked with none of the credentials of MLFLOW_ variables.
    Give it its own: each PODIUM_TO_X is X for that server alone, as
    PODIUM_TO_MLFLOW_TRACKING_TOKEN, PODIUM_TO_MLFLOW_TRACKING_USERNAME and
    PODIUM_TO_MLFLOW_TRACKING_PASSWORD, PODIUM_TO_MLFLOW_WORKSPACE, or PODIUM_TO_AWS_PROFILE where
    clients write to the bucket themselves. A file ~/.mlflow/credentials MLflow reads for both.

    \b
    Exit status: 0 the copy is there; 1 refused; 2 wrong use; 3 unreachable,
    or undecided, and nothing was made: try again; 4 something was made, which
    is named, and not all of it: the same call goes on from there.
    podium copy dev.security.fraud 3 --to staging.security.fraud
    """  # noqa: D301 - click wants a real backspace
    origin = origin_of(os.environ, by, reason, see)
    tell = teller(as_json=as_json)
    servers = _servers(to_uri)
    from service.copying.copy_version import CopyWish, copy_version

    blank = _blank(servers, version, to, origin, linked=linked)
    tell(f"MLflow   {blank.server}")
    if to_uri is not None:
        tell(f"target   {blank.target}")
    wish = CopyWish(version, to, tags, {COPIED_TAG: _copied(origin)}, experiment, linked)
    work = partial(copy_version, servers, wish, loaded(), tell)
    report = _reported(blank, work)
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _servers(to_uri: str | None) -> "CopyServers":
    addresses = mlflow()
    from service.copying.copy_version import CopyServers
    from service.copying.mlflow_server import MlflowServer

    source = MlflowServer.source(addresses, os.environ)
    target = source if to_uri is None else MlflowServer.target(to_uri, os.environ)
    return CopyServers(source, target)


def _blank(
    servers: "CopyServers", version: VersionArgument, to: str, origin: Origin, *, linked: bool
) -> CopyReport:
    with servers.source.asked() as writer:
        server = writer.server()
    with servers.target.asked() as writer:
        target = writer.server()
    return CopyReport(
        server=server,
        target=target,
        name=version.name,
        version=version.version,
        to=to,
        linked=linked,
        status=DONE,
        code="",
        sentence="",
        by=origin.by,
        reason=origin.reason,
        link=origin.link,
    )


def _copied(origin: Origin) -> str:
    time = datetime.now(UTC).replace(microsecond=0).isoformat()
    return json.dumps({"by": origin.by, "reason": origin.reason, "link": origin.link, "time": time})


def _reported(blank: CopyReport, work: "Callable[[], Copied]") -> CopyReport:
    """What comes of it, whatever comes of it."""
    from service.promotion.stopped import STOPS, stopped_by

    try:
        with interruptible():
            return _done(blank, work())
    except STOPS as error:
        stopped = stopped_by(error)
        told = {"status": stopped.status, "code": stopped.code, "sentence": str(stopped)}
        return blank.model_copy(update=told)


def _done(blank: CopyReport, copied: "Copied") -> CopyReport:
    told: dict[str, Any] = {
        "code": "done" if copied.outcome == "copied" else "already",
        "version": copied.source.version,
        "to_version": copied.version,
        "source": copied.source.text(),
        "digest": copied.digest,
        "experiment": copied.experiment,
        "sentence": _sentence(copied),
        "notes": [*copied.notes, *_warned(copied)],
    }
    return blank.model_copy(update=told)


def _sentence(copied: "Copied") -> str:
    source = f"{copied.source.name} {copied.source.version}"
    kind = "a copy" if copied.digest else "a link to the files"
    already = ", and was before" if copied.outcome == "already" else ""
    return f"version {copied.version} is {kind} of {source}{already}"


def _warned(copied: "Copied") -> Sequence[str]:
    if copied.digest:
        return ()
    source = f"{copied.source.name} {copied.source.version}"
    warning = (
        f"whoever may write to the experiment that has the files of {source} may still alter what "
        "this version downloads, and a service needs READ there; without --link the files are the "
        "target's own"
    )
    return (warning,)
