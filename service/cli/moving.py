"""What `podium promote` and `podium rollback` share: how they begin, and how they end."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from pydantic import Field

from service.cli.found import loaded, mlflow_of, stop, stop_for_mistakes
from service.cli.told import Report, emit, interruptible
from service.config.addresses import MlflowAddresses
from service.refs import BadRef, ModelRef

if TYPE_CHECKING:
    from service.promotion.known import MoveKnown
    from service.promotion.stopped import MoveStopped

_Outcome = TypeVar("_Outcome")
_LEASE_SECONDS = 600.0

alias_option = click.option(
    "--alias", default="champion", show_default=True, metavar="ALIAS", help="The alias to move."
)
lease_option = click.option(
    "--lease",
    "lease_seconds",
    type=click.FloatRange(min=1),
    default=_LEASE_SECONDS,
    show_default=True,
    metavar="S",
    help="Seconds for which others leave this move alone, should it never be finished.",
)


def timeout_option(of_what: str) -> Callable[[Any], Any]:
    """The option `--timeout`, of how long instances have for that."""
    return click.option(
        "--timeout",
        type=click.FloatRange(min=1),
        default=300.0,
        show_default=True,
        metavar="S",
        help=f"Seconds that instances have {of_what}.",
    )


resume_option = click.option(
    "--resume",
    is_flag=True,
    help="Go on at once from a move that was begun and not finished, whoever has begun it.",
)


class MoveReport(Report):
    """What a command that moves an alias has to say.

    `status` is its exit status, and `code` a stable word for how it ended: `done`, `already`, or
    why not. `from` and `version` are numbers, null for no alias, or where the command has ended
    before they were known; `entry` is the journal's.
    """

    name: str
    alias: str
    status: int
    code: str
    sentence: str
    version: str | None = None
    before: str | None = Field(default=None, serialization_alias="from")
    entry: int | None = None

    def lines(self) -> list[str]:
        """One sentence."""
        return [f"{self.name}@{self.alias}  {self.sentence}"]


def ref_of(name: str, alias: str) -> ModelRef:
    """The alias that is to be moved; what can be none ends the command."""
    try:
        return ModelRef.parse(f"{name}@{alias}")
    except BadRef as error:
        stop(f"--alias: {error}")


def mlflow() -> MlflowAddresses:
    """Where versions and aliases are; ends the command with one line if nobody says."""
    stop_for_mistakes()
    found = mlflow_of(loaded().home)
    if found is None:
        stop(
            "which MLflow? Set MLFLOW_TRACKING_URI, as in "
            "MLFLOW_TRACKING_URI=http://127.0.0.1:8080, or start one with `podium up`."
        )
    return found


def policy_asked_for() -> str | None:
    """The SHA-256 of the policy that PODIUM_REQUIRE_VALIDATION names; None where it names none."""
    _, _, policy = loaded().require_validation.partition("=")
    return policy or None


def environment_of(addresses: MlflowAddresses) -> Mapping[str, str]:
    """This process's, with that MLflow."""
    return {**os.environ, "MLFLOW_REGISTRY_URI": addresses.registry, **addresses.variables}


def run(
    work: Callable[[], _Outcome],
    known: "MoveKnown",
    blank: MoveReport,
    *,
    on_done: Callable[[_Outcome], MoveReport],
    as_json: bool,
) -> NoReturn:
    """Does it, tells what came of it, and ends the command with its exit status.

    `blank` is what there is to report before anything is known, and `known` what comes to be.
    """
    from service.promotion.stopped import MoveStopped, stopped_by
    from service.registry.writer.faults import Unreachable, WriteRefused

    try:
        with interruptible():
            report = on_done(work())
    except (WriteRefused, Unreachable, KeyboardInterrupt) as error:
        report = _stopped(stopped_by(error, known.reached), blank, known)
    except MoveStopped as error:
        report = _stopped(error, blank, known)
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _stopped(error: "MoveStopped", blank: MoveReport, known: "MoveKnown") -> MoveReport:
    told = {
        "status": error.status,
        "code": error.code,
        "sentence": f"{error}; {error.mend}" if error.mend else str(error),
        "version": known.version or blank.version,
        "before": known.before,
        "entry": known.entry,
    }
    return blank.model_copy(update=told)
