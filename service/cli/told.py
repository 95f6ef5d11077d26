"""How commands are told who asks and why, and how they tell what came of it."""

import contextlib
import getpass
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
from pydantic import BaseModel, ConfigDict

from service.cli.report_files import written
from service.exits import DONE
from service.following.sentences import plain
from service.origin import Origin, cut_to

if TYPE_CHECKING:
    from service.validation.findings import Judgement

# Of one param of MLflow's, which holds 6,000 characters, four of these find room, also where JSON
# writes each character as two.
MOST_CHARACTERS: Final = 600
_GITHUB_RUN: Final = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")


class Report(BaseModel):
    """What a command has found and done: one JSON object, or lines for people.

    Attributes:
        server: MLflow's address, and its workspace.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    server: str

    def lines(self) -> list[str]:
        """For people."""
        raise NotImplementedError


class EndedReport(Report):
    """One that says how the command has ended.

    `status` is its exit status, and `code` a stable word for what `sentence` says for people.
    """

    status: int
    code: str
    sentence: str

    def facts(self) -> Mapping[str, object]:
        """What the next command of a pipeline may want of it, by words in capitals.

        None where it is not known.
        """
        return {"STATUS": self.status, "CODE": self.code}

    def judged(self) -> Sequence["Judgement"]:
        """What was looked at, where the command judges; else nothing."""
        return ()

    def summary(self) -> Sequence[str]:
        """For people who read of it later; not what `judged` has."""
        return self.lines()


class ToldReport(EndedReport):
    """One of a command that changes nothing.

    `code` is `told`, or a stable word for why that is all, which `sentence` says for people.
    """

    code: str = "told"
    sentence: str = ""

    def summary(self) -> Sequence[str]:
        """Why that is all, where something has ended it."""
        return [self.sentence] if self.sentence else self.lines()


class AskedReport(Report):
    """One that says who has asked, as `Origin` does: of what no journal keeps."""

    by: str
    reason: str
    link: str


class VersionReport(AskedReport, ToldReport):
    """One on a version; `version` is its number, null where that is not known."""

    name: str
    alias: str
    version: str | None

    def facts(self) -> Mapping[str, object]:
        """The version, and the alias that it is meant for."""
        named = {"NAME": self.name, "VERSION": self.version, "ALIAS": self.alias}
        return {**named, **super().facts()}


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON object on stdout, by the schema of docs/schemas; progress goes to stderr.",
)


def origin_options(command: Any) -> Any:
    """The options `--by`, `--reason` and `--link`, as the one parameter `origin`."""

    @wraps(command)
    def read(*args: Any, by: str | None, reason: str | None, link: str | None, **kw: Any) -> Any:
        return command(*args, origin=origin_of(os.environ, by, reason, link), **kw)

    options = (
        ("--by", "Who does it.  [default: GitLab's or GitHub's user, MLflow's, this account]"),
        ("--reason", "Why.  [default: the title of GitLab's commit, GitHub's workflow]"),
        ("--link", "Where one reads more.  [default: GitLab's pipeline, GitHub's or MLflow's run]"),
    )
    for name, described in reversed(options):
        read = click.option(name, metavar="TEXT", help=described)(read)
    return read


def origin_of(
    environment: Mapping[str, str],
    by: str | None = None,
    reason: str | None = None,
    link: str | None = None,
) -> Origin:
    """What was said, else what the environment of a pipeline says; cut where it is long."""
    found = (
        by if by is not None else _who(environment),
        reason if reason is not None else _why(environment),
        link if link is not None else _where(environment),
    )
    return Origin(*map(kept, found))


def _who(environment: Mapping[str, str]) -> str:
    names = ("GITLAB_USER_LOGIN", "GITHUB_ACTOR", "MLFLOW_TRACKING_USERNAME")
    named = _first(environment, *names)
    if named:
        return named
    # An account of a container may have no name.
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return f"uid {os.getuid()}"


def _why(environment: Mapping[str, str]) -> str:
    return _first(environment, "CI_COMMIT_TITLE", "GITHUB_WORKFLOW")


def _where(environment: Mapping[str, str]) -> str:
    # Of the whole pipeline: a job that is tried again has another address, and the same work.
    if pipeline := environment.get("CI_PIPELINE_URL"):
        return pipeline
    server, repository, run = (environment.get(name) for name in _GITHUB_RUN)
    if server and repository and run:
        return f"{server}/{repository}/actions/runs/{run}"
    run_id = environment.get("MLFLOW_RUN_ID")
    return f"runs:/{run_id}" if run_id else ""


def _first(environment: Mapping[str, str], *names: str) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")


def kept(text: str) -> str:
    """A person's words as the journal keeps them: on one line, printable, cut where it is long."""
    return cut_to(plain(" ".join(text.split())), MOST_CHARACTERS)


def emit(report: Report, *, as_json: bool) -> None:
    """Writes the files that were asked for, and prints what came of it on stdout.

    Ends the command where one of them cannot be written: what it is to tell would be lost.
    """
    status = DONE if not isinstance(report, EndedReport) else written(report)
    for line in [report.model_dump_json(indent=2)] if as_json else map(plain, report.lines()):
        click.echo(line)
    if status:
        sys.exit(status)


def teller(*, as_json: bool) -> Callable[[str], None]:
    """Prints progress as it comes: on stderr where stdout has the one JSON object."""

    def tell(line: str) -> None:
        click.echo(plain(line), err=as_json)

    return tell


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM is as Ctrl-C until it is left: `KeyboardInterrupt`, once.

    Before and after, both end a command as `service.cli.entry` has it.
    """

    def interrupt(number: int, _: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, interrupt)
    # Ignored where a shell has started this in the background.
    if before[signal.SIGINT] is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
