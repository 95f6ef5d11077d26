"""What commands that write to the registry share: how they begin, and how they end."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from pydantic import BaseModel, Field

from service.cli.found import loaded, mlflow_of, stop, stop_for_mistakes
from service.cli.names import NO_MODEL, mistake_in_alias, mistake_in_model
from service.cli.options import SecondsRange, VersionArgument
from service.cli.told import AskedReport, EndedReport, emit, interruptible, teller
from service.config.addresses import MlflowAddresses
from service.exits import DONE
from service.origin import Origin
from service.refs import BadRef, ModelRef

if TYPE_CHECKING:
    from service.promotion.known import MoveKnown
    from service.promotion.marking import MarkedAlias, MarkedVersion
    from service.promotion.stopped import MoveStopped
    from service.registry.writer.writer import Writer

_Outcome = TypeVar("_Outcome")
_Ended = TypeVar("_Ended", bound=EndedReport)
_LEASE_SECONDS = 600.0

alias_option = click.option(
    "--alias",
    metavar="ALIAS",
    help="The alias that is meant.  [default: the first of PODIUM_ALIASES, else champion]",
)
lease_option = click.option(
    "--lease",
    "lease_seconds",
    type=SecondsRange(),
    default=_LEASE_SECONDS,
    show_default=True,
    metavar="S",
    help="Seconds for which others leave this move alone, should it never be finished.",
)


def timeout_option(of_what: str) -> Callable[[Any], Any]:
    """The option `--timeout`, of how long instances have for that."""
    return click.option(
        "--timeout",
        type=SecondsRange(),
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


class AliasReport(EndedReport):
    """What a command has to say of one alias; `code` is `done`, `already`, or why not."""

    name: str
    alias: str

    def lines(self) -> list[str]:
        """One sentence."""
        return [f"{self.name}@{self.alias}  {self.sentence}"]


class MoveReport(AliasReport):
    """What a command that moves an alias has to say.

    `from` and `version` are numbers, null for no alias, or where the command has ended before they
    were known; `entry` is the journal's.
    """

    version: str | None = None
    before: str | None = Field(default=None, serialization_alias="from")
    entry: int | None = None

    def facts(self) -> Mapping[str, object]:
        """The version that the alias was to go to, and where it was."""
        named = {"NAME": self.name, "VERSION": self.version, "ALIAS": self.alias}
        return {**named, "FROM": self.before, "ENTRY": self.entry, **super().facts()}


class MarkedShare(BaseModel):
    """How many percent of an alias's requests a version has, or hears of and does not answer."""

    alias: str
    percent: float
    hears: bool


class MarkedVersionReport(AskedReport, EndedReport):
    """What a command that marks a version has to say; `aliases` are on it.

    `shares` are of other aliases, whose tags name it as an arm or a shadow.

    `code` is `done`, `already`, or why not. `version` is null where no version could be found.
    `blocked_for` is why it is blocked now, as the tag has it; `blocked_by` and `blocked_link` are
    of whoever has done it, empty where nobody says.
    """

    name: str
    version: str | None
    aliases: Sequence[str] = ()
    shares: Sequence[MarkedShare] = ()
    blocked_for: str = ""
    blocked_by: str = ""
    blocked_link: str = ""

    def lines(self) -> list[str]:
        """One sentence, which aliases are on it, and whose requests it has a share of."""
        named = f"{self.name} {self.version}" if self.version else self.name
        on = f"; on it: {', '.join(self.aliases)}" if self.aliases else ""
        shares = "".join(
            f"; {'hears of' if each.hears else 'has'} {each.percent:g}% of @{each.alias}"
            for each in self.shares
        )
        return [f"{named}  {self.sentence}{on}{shares}"]


class MarkedAliasReport(AliasReport):
    """What a command that holds an alias, or releases it, has to say.

    `on` is the version that the alias is on, `until` when the hold ends by itself; null where there
    is none. `split` is who gets requests beside that, as its tag says, and goes on to while it is
    held. `held_for` is why, as the tag has it; `held_by` and `held_link` are of whoever has done
    it, empty where nobody says. Of a hold that was not set all of them are empty or null.
    """

    by: str
    reason: str
    link: str
    on: str | None = None
    until: datetime | None = None
    split: str = ""
    held_for: str = ""
    held_by: str = ""
    held_link: str = ""


def ref_of(name: str, alias: str | None) -> ModelRef:
    """The alias that is to be moved; what can be none ends the command."""
    meant = next(iter(loaded().aliases), "champion") if alias is None else alias
    # An empty one stands for no other: it is a variable of a pipeline that nobody has set.
    if wrong := mistake_in_alias(meant):
        stop(f"--alias: {wrong}")
    if not name.strip():
        stop(NO_MODEL)
    try:
        ref = ModelRef.parse(f"{name}@{meant}")
    except BadRef as error:
        stop(str(error))
    if wrong := mistake_in_model(ref.name):
        stop(wrong)
    return ref


def stop_for_stranger(ref: ModelRef) -> None:
    """Ends the command where the alias is not one of the house's: most often it is misspelt."""
    house = loaded().aliases
    if house and ref.alias not in house:
        stop(f"--alias: {ref.alias} is not among PODIUM_ALIASES, which are {', '.join(house)}")


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


def told_writer(*, as_json: bool) -> "Writer":
    """What writes to that MLflow, whose address is told."""
    addresses, tell = mlflow(), teller(as_json=as_json)
    from service.registry.writer.writer import Writer

    writer = Writer(addresses)
    tell(f"MLflow   {writer.server()}")
    return writer


def run(
    work: Callable[[], _Outcome],
    known: "MoveKnown",
    blank: _Ended,
    *,
    on_done: Callable[[_Outcome], _Ended],
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


def marked_alias(
    ref: ModelRef,
    origin: Origin,
    work: Callable[["Writer"], "MarkedAlias"],
    sentence: Callable[["MarkedAlias"], str],
    *,
    as_json: bool,
) -> NoReturn:
    """Holds the alias, or releases it, tells what came of it, and ends the command."""
    writer = told_writer(as_json=as_json)
    from service.promotion.known import MoveKnown

    blank = MarkedAliasReport(
        server=writer.server(),
        **asdict(origin),
        name=ref.name,
        alias=ref.alias,
        status=DONE,
        code="done",
        sentence="",
    )

    def done(marked: "MarkedAlias") -> MarkedAliasReport:
        code = "done" if marked.changed else "already"
        told = {"code": code, "sentence": sentence(marked), "on": marked.on, "split": marked.split}
        return blank.model_copy(update={**told, **_held(marked)})

    run(lambda: work(writer), MoveKnown(), blank, on_done=done, as_json=as_json)


def _held(marked: "MarkedAlias") -> Mapping[str, Any]:
    hold, whose = marked.hold, marked.origin
    told: dict[str, Any] = {}
    if hold is not None:
        told = {"until": hold.until, "held_for": hold.reason}
    return told if whose is None else {**told, "held_by": whose.by, "held_link": whose.link}


def marked_version(
    version: VersionArgument,
    origin: Origin,
    work: Callable[["Writer"], _Outcome],
    on_done: Callable[[MarkedVersionReport, _Outcome], MarkedVersionReport],
    *,
    as_json: bool,
) -> NoReturn:
    """Marks the version, tells what came of it, and ends the command."""
    writer = told_writer(as_json=as_json)
    from service.promotion.known import MoveKnown

    blank = MarkedVersionReport(
        server=writer.server(),
        **asdict(origin),
        name=version.name,
        version=version.version,
        status=DONE,
        code="done",
        sentence="",
    )
    run(lambda: work(writer), MoveKnown(), blank, on_done=partial(on_done, blank), as_json=as_json)


def shares_of(marked: "MarkedVersion") -> Sequence[MarkedShare]:
    """As reports have them."""
    return [
        MarkedShare(alias=each.alias, percent=each.share / 100, hears=each.hears)
        for each in marked.shares
    ]


def _stopped(error: "MoveStopped", blank: _Ended, known: "MoveKnown") -> _Ended:
    told: dict[str, Any] = {
        "status": error.status,
        "code": error.code,
        "sentence": f"{error}; {error.mend}" if error.mend else str(error),
    }
    if isinstance(blank, MoveReport):
        version = known.version or blank.version
        told |= {"version": version, "before": known.before, "entry": known.entry}
    return blank.model_copy(update=told)
