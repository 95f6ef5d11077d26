"""`podium validate`: one version, judged as the service would serve it."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.found import loaded, stop
from service.cli.moving import mlflow
from service.cli.once import OnceCommand
from service.cli.options import VersionArgument, version_argument
from service.cli.report_files import junit_option, report_files
from service.cli.told import emit, interruptible, json_option, origin_options
from service.cli.validation_report import ValidateReport, reported
from service.exits import UNDECIDED
from service.origin import Origin
from service.status_tag import BadStatus, StatusTag

if TYPE_CHECKING:
    from service.config.addresses import MlflowAddresses
    from service.config.settings import Settings
    from service.engine import Given
    from service.registry.writer.writer import Writer
    from service.validation.policy.reading import PolicyInForce
    from service.validation.trial_run import TrialObserver
    from service.validation.validating import LeftBehind, Validated, ValidationWish

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


@click.command(cls=OnceCommand)
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
    help="What the tag says.  [default: as PODIUM_VALIDATION_STATUS has it]",
)
@click.option(
    "--verbose", is_flag=True, help="What its processes print, on stderr: it may hold rows."
)
@origin_options
@junit_option
@report_files
@json_option
def validate(  # noqa: PLR0913, PLR0917 - the command line's
    version: VersionArgument,
    policy_file: Path | None,
    settings: tuple[str, ...],
    status_tag: str | None,
    status_values: str | None,
    origin: Origin,
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

    try:
        given = _by_place(flags, settings, data_of_run=data_of_run)
        in_force = read_policy(policy_file, given)
        status = _status(status_tag, status_values)
    except (BadPolicy, BadStatus) as error:
        stop(str(error))
    wish = ValidationWish(version, status, demote, whole, may_write)
    report = _report(wish, in_force, origin, verbose=verbose, as_json=as_json)
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _status(key: str | None, values: str | None) -> StatusTag:
    """By the flags, else as the gate of validation asks for it; raises `BadStatus`."""
    asked = loaded().status_tag
    return StatusTag.of(key or asked.key, values or ",".join(asked.words))


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
    wish: "ValidationWish",
    in_force: "PolicyInForce",
    origin: Origin,
    *,
    verbose: bool,
    as_json: bool,
) -> ValidateReport:
    """What comes of it, whatever comes of it."""
    addresses = mlflow()
    from service.cli.progress import shown_on_stderr
    from service.registry.writer.writer import Writer
    from service.validation.validating import LeftBehind

    writer, left = Writer(addresses), LeftBehind()
    blank = ValidateReport(
        server=writer.server(),
        name=wish.named.name,
        version=wish.named.version,
        status=UNDECIDED,
        code="",
        sentence="",
        policy=in_force.sha256,
    )
    click.echo(f"MLflow   {writer.server()}", err=as_json)

    def validated() -> "Validated":
        with interruptible(), shown_on_stderr(verbose=verbose) as told:
            return _validated(writer, wish, in_force, _Around(addresses, origin, told, left))

    return reported(blank, left, validated)


@dataclass(frozen=True, slots=True)
class _Around:
    """What a validation is given beside what is wanted of it."""

    addresses: "MlflowAddresses"
    origin: Origin
    told: "TrialObserver"
    left: "LeftBehind"


def _validated(
    writer: "Writer", wish: "ValidationWish", in_force: "PolicyInForce", around: _Around
) -> "Validated":
    from service.config.home import keep_private
    from service.validation.around import data_of, record_of
    from service.validation.record.shown_settings import shown_settings
    from service.validation.validating import Validating
    from service.zygote_command import zygote_begun

    settings = loaded()
    environment = {**os.environ, **around.addresses.variables}
    given = _given(settings, environment)
    keep_private(settings.home)
    with zygote_begun(settings, environment) as zygote:
        work = Validating(
            writer,
            in_force,
            data_of(writer, in_force, around.addresses),
            record_of(writer, in_force, shown_settings(settings), around.origin),
            around.told,
        )
        return work.run(wish, replace(given, zygote=zygote), around.left)


def _given(settings: "Settings", environment: Mapping[str, str]) -> "Given":
    from service.config.surroundings import BadSurroundings, surroundings
    from service.engine import Given

    try:
        return Given(settings, environment, None, surroundings(settings, os.environ))
    except BadSurroundings as error:
        stop(str(error))
