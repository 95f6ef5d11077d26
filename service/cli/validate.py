"""`podium validate`: one version, judged as the service would serve it."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from pydantic import BaseModel

from service.cli.exits import DONE, REFUSED, UNDECIDED, WRONG_USE
from service.cli.found import loaded, mlflow_of, stop, stop_for_mistakes
from service.cli.options import VersionArgument, version_argument
from service.cli.told import Report, emit, interruptible, json_option

if TYPE_CHECKING:
    from service.config.addresses import MlflowAddresses
    from service.config.settings import Settings
    from service.engine import Given
    from service.validation.policy.reading import PolicyInForce
    from service.validation.trial_run import TrialObserver
    from service.validation.validating import Validated, ValidationWish
    from service.validation.verdict_tags import StatusTag

_STATUS: Mapping[str, int] = {"passed": DONE, "failed": REFUSED, "undecided": UNDECIDED}


class JudgementReport(BaseModel):
    """One thing that was looked at."""

    name: str
    section: Literal["stage", "smoke", "load", "quality"]
    verdict: Literal["passed", "failed", "undecided"]
    sentence: str
    figures: Mapping[str, float]


class ValidateReport(Report):
    """The one JSON object of `podium validate --json`.

    `status` is the exit status, `code` the verdict, or why there is none. `policy` and `digest` are
    SHA-256: of the policy in force, and of all files of the version. `status_kept`: what serves and
    had passed has kept that, since an alias is on it.
    """

    name: str
    version: str | None = None
    status: int
    code: str
    sentence: str
    against: str | None = None
    run: str = ""
    policy: str
    digest: str = ""
    status_kept: bool = False
    judgements: Sequence[JudgementReport] = ()
    gates: Sequence[str] = ()

    def lines(self) -> list[str]:
        """What is not as it should be comes last, where it is read."""
        order = ("passed", "undecided", "failed")
        sorted_ = sorted(self.judgements, key=lambda each: order.index(each.verdict))
        found = [f"{each.verdict:<9}  {each.name:<20}  {each.sentence}" for each in sorted_]
        who = self.name if self.version is None else f"{self.name} {self.version}"
        return [*found, f"{who}  {self.sentence}"]


_FLAGS = (
    ("--data", "data", str, "Rows with labels: a file, s3://, runs:/RUN/path, models:/...", None),
    ("--label", "label", str, "The column of the data to predict.", None),
    ("--against", "against", str, "Compare with the version that this alias is on.", "ALIAS"),
    ("--timeout", "timeout_seconds", float, "Seconds for all of it; then undecided.", "S"),
    ("--load-seconds", "load.seconds", float, "Seconds of load on each version.", "S"),
    ("--rounds", "load.rounds", int, "Rounds of load, at least.", "N"),
    ("--rows", "load.rows", int, "Rows of a large request.", "N"),
    ("--at-once", "load.at_once", int, "Requests under way at one time.", "N"),
    ("--max-slower", "load.max_slower", float, "Times that it may be slower.", "X"),
    ("--experiment", "experiment", str, "Where the MLflow run is made.", "NAME"),
)
_PLACES = {flag.removeprefix("--").replace("-", "_"): place for flag, place, *_ in _FLAGS}


def _policy_flags(command: Any) -> Any:
    for flag, place, kind, described, metavar in reversed(_FLAGS):
        text = f"{described}  [policy: {place}]"
        command = click.option(flag, type=kind, metavar=metavar, help=text)(command)
    return command


@click.command()
@version_argument
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="validation.yaml: what the version must be, by docs/schemas/validation-policy.json.",
)
@_policy_flags
@click.option(
    "--data-of-run",
    is_flag=True,
    help="The test set that the version's own run has logged, as `podium train` does.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PLACE=VALUE",
    help="Anything else of the policy, as in load.max_p99_ms=50; may be repeated.",
)
@click.option(
    "--demote",
    is_flag=True,
    help="A version that has passed and that an alias is on may lose that.",
)
@click.option(
    "--whole-example", "whole", is_flag=True, help="Never take the rows of its example apart."
)
@click.option("--may-write", is_flag=True, help="It may write to its own files.")
@click.option(
    "--status-tag",
    metavar="KEY",
    help="The tag for the verdict.  [default: that of PODIUM_VALIDATION_STATUS]",
)
@click.option(
    "--status-values",
    metavar="PENDING,PASSED,FAILED",
    help="What the tag says.  [default: pending, the value of PODIUM_VALIDATION_STATUS, failed]",
)
@click.option(
    "--verbose", is_flag=True, help="What its processes print, on stderr: it may hold rows."
)
@json_option
def validate(  # noqa: PLR0913 - the command line's
    version: VersionArgument,
    policy_file: Path | None,
    settings: tuple[str, ...],
    status_tag: str | None,
    status_values: str | None,
    *,
    data_of_run: bool,
    demote: bool,
    whole: bool,
    may_write: bool,
    verbose: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Judge a version before an alias moves to it, as the service would serve it.

    It is fetched, passes the gates, is loaded and warmed up by this machine's Podium, with the
    PODIUM_ settings in force; it answers its example in every format, one row and many; it is
    put under load, and with --against in turns with the version of that alias; with --data its
    answers are scored. Everything is kept in one MLflow run. The version is tagged pending at
    the begin, and passed or failed at the end.

    \b
    Exit status: 0 it has passed; 1 it has failed; 2 wrong use; 3 undecided in
    the time allowed, or MLflow does not answer: try again.
    podium validate iris 3 --against champion --data-of-run
    """  # noqa: D301 - click wants a real backspace
    from service.validation.policy.reading import BadPolicy, read_policy
    from service.validation.validating import ValidationWish
    from service.validation.verdict_tags import BadStatus

    try:
        given = _by_place(flags, settings, data_of_run=data_of_run)
        in_force = read_policy(policy_file, given)
        status = _status(status_tag, status_values)
    except (BadPolicy, BadStatus) as error:
        stop(str(error))
    wish = ValidationWish(version, status, demote, whole, may_write)
    report = _report(wish, in_force, verbose=verbose, as_json=as_json)
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _status(key: str | None, values: str | None) -> "StatusTag":
    """By the flags, else as the gate of validation asks for it; raises `BadStatus`."""
    from service.validation.verdict_tags import StatusTag

    asked, _, passed = loaded().validation_status.partition("=")
    return StatusTag.of(key or asked, values or f"pending,{passed},failed")


def _by_place(
    flags: Mapping[str, Any], settings: Sequence[str], *, data_of_run: bool
) -> Mapping[str, Any]:
    import yaml

    from service.validation.policy.validation_policy import DATA_OF_RUN

    found = {_PLACES[name]: value for name, value in flags.items()}
    for each in settings:
        place, equals, text = each.partition("=")
        if not place or not equals:
            raise click.UsageError(f"--set {each}: write PLACE=VALUE, as in load.rounds=10")
        try:
            found[place] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise click.UsageError(f"--set {place}: its value cannot be read") from None
    if data_of_run:
        if found["data"] is not None:
            raise click.UsageError("--data and --data-of-run are two places")
        found["data"] = DATA_OF_RUN
    return found


def _report(
    wish: "ValidationWish", in_force: "PolicyInForce", *, verbose: bool, as_json: bool
) -> ValidateReport:
    """What comes of it, whatever comes of it."""
    addresses = _mlflow()
    from service.cli.progress import shown_on_stderr
    from service.registry.writer.faults import NOT_FOUND, Unreachable, WriteRefused
    from service.registry.writer.writer import Writer
    from service.validation.verdict_tags import Overtaken

    writer = Writer(addresses)
    blank = ValidateReport(
        server=writer.server(),
        name=wish.named.name,
        version=wish.named.version,
        status=UNDECIDED,
        code="interrupted",
        sentence="was interrupted; the version is left as pending",
        policy=in_force.sha256,
    )
    click.echo(f"MLflow   {writer.server()}", err=as_json)
    try:
        with interruptible(), shown_on_stderr(verbose=verbose) as told:
            return _told(blank, _validated(writer, wish, in_force, addresses, told))
    except KeyboardInterrupt:
        return blank
    except Overtaken as error:
        return _ended(blank, UNDECIDED, "overtaken", str(error))
    except Unreachable as error:
        return _ended(blank, UNDECIDED, "unreachable", str(error))
    except WriteRefused as error:
        status = WRONG_USE if error.code == NOT_FOUND else REFUSED
        return _ended(blank, status, error.code.lower() or "refused_by_mlflow", str(error))


def _ended(blank: ValidateReport, status: int, code: str, sentence: str) -> ValidateReport:
    return blank.model_copy(update={"status": status, "code": code, "sentence": sentence})


def _mlflow() -> "MlflowAddresses":
    stop_for_mistakes()
    found = mlflow_of(loaded().home)
    if found is None:
        stop(
            "which MLflow? Set MLFLOW_TRACKING_URI, as in "
            "MLFLOW_TRACKING_URI=http://127.0.0.1:8080, or start one with `podium up`."
        )
    return found


def _validated(
    writer: Any,
    wish: "ValidationWish",
    in_force: "PolicyInForce",
    addresses: "MlflowAddresses",
    told: "TrialObserver",
) -> "Validated":
    from service.config.home import HomeUnusable, keep_private
    from service.validation.around import MEANT_WRONGLY, data_of, record_of
    from service.validation.validating import Validating
    from service.zygote_command import zygote_begun

    settings = loaded()
    environment = {**os.environ, **addresses.variables}
    given = _given(settings, environment)
    keep_private(settings.home)
    try:
        with zygote_begun(settings, environment) as zygote:
            work = Validating(
                writer,
                in_force,
                data_of(writer, in_force, addresses),
                record_of(writer, in_force, settings.model_dump(mode="json")),
                told,
            )
            return work.run(wish, replace(given, zygote=zygote))
    except (HomeUnusable, *MEANT_WRONGLY) as error:
        stop(str(error))


def _given(settings: "Settings", environment: Mapping[str, str]) -> "Given":
    from service.config.surroundings import BadSurroundings, surroundings
    from service.engine import Given

    try:
        return Given(settings, environment, None, surroundings(settings, os.environ))
    except BadSurroundings as error:
        stop(str(error))


_SENTENCES: Mapping[str, str] = {
    "passed": "has passed",
    "failed": "has failed",
    "undecided": "is undecided: nothing was found against it, and not everything could be told",
}


def _told(blank: ValidateReport, found: "Validated") -> ValidateReport:
    fetched = found.findings.fetched
    kept = found.kept and found.verdict == "failed"
    rest = "; its status stays, for an alias is on it (--demote takes it back)" if kept else ""
    judgements = [
        JudgementReport(
            name=each.name,
            section=each.section,
            verdict=each.verdict,
            sentence=each.sentence,
            figures=each.figures,
        )
        for each in found.findings.judgements
    ]
    return blank.model_copy(
        update={
            "version": found.version.number,
            "status": _STATUS[found.verdict],
            "code": found.verdict,
            "sentence": f"{_SENTENCES[found.verdict]}{rest}",
            "against": found.against,
            "run": found.run,
            "digest": "" if fetched is None else fetched.digest,
            "status_kept": found.kept,
            "judgements": judgements,
            "gates": list(found.findings.gates),
        }
    )
