"""`--dotenv`, `--markdown`, `--junit`: what came of a command, in files that pipelines read.

Written at the end, also of a command that is refused; one of an earlier call is removed at the
begin, so that a command that is killed leaves none. A file of GitHub's is shared by all of a step:
it is added to.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from service.exits import IN_PART

if TYPE_CHECKING:
    from service.cli.told import EndedReport

_KEPT: Final = "service.cli.report_files"
PREFIX: Final = "PODIUM_"
HANDED_ON: Final = frozenset(
    f"{PREFIX}{name}"
    for name in ("NAME", "VERSION", "ALIAS", "FROM", "ENTRY", "RUN_ID", "DIGEST", "STATUS", "CODE")
)
"""Every variable that `--dotenv` may write; none of them is a setting."""
_SHARED: Final = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")
# GitLab takes what stands behind the first =, without spaces around it, and unfolds $; a shell that
# sources the file would run what stands behind a space, or a semicolon.
_AS_IT_IS: Final = re.compile(r"[\w./:@+-]*")


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file that was asked for, by that flag, and how it is written."""

    flag: str
    path: Path
    render: Callable[["EndedReport", str], str]

    def begin(self) -> None:
        """What an earlier call has left is removed; raises `BadParameter` if none can be made."""
        if self._is_shared():
            return
        if self.path.exists() and not self.path.is_file():
            raise click.BadParameter("that is not a file")
        if not os.access(self.path.parent, os.W_OK | os.X_OK):
            raise click.BadParameter("no file can be made in that folder")
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise click.BadParameter(f"it cannot be replaced ({error.strerror})") from None

    def write(self, report: "EndedReport", command: str) -> None:
        """All of it or nothing, where nobody else writes to it; raises OSError."""
        text = self.render(report, command)
        if self._is_shared():
            self._add(text)
            return
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            draft.write_text(text, encoding="utf-8", errors="backslashreplace")
            draft.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise

    def _is_shared(self) -> bool:
        named = filter(None, map(os.environ.get, _SHARED))
        return any(_same(self.path, Path(each)) for each in named)

    def _add(self, text: str) -> None:
        with self.path.open("a+b") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            unended = file.read(1) not in {b"", b"\n"}
            file.write(("\n" * unended + text).encode("utf-8", "backslashreplace"))


def _same(one: Path, other: Path) -> bool:
    """Whether both name one file, be it by a link, and be it that there is none yet."""
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()


def written(report: "EndedReport") -> int:
    """Writes what was asked for. The exit status that says that not all could be; else 0."""
    context = click.get_current_context(silent=True)
    files: list[ReportFile] = [] if context is None else context.meta.get(_KEPT, [])
    status = 0
    for each in files:
        try:
            each.write(report, context.command_path if context else "")
        except OSError as error:
            click.echo(f"podium: {each.flag}: cannot be written ({error.strerror})", err=True)
            # What was asked for is done, and told to nobody: the same call again tells it.
            status = report.status or IN_PART
    return status


def _option(
    flag: str, described: str, render: Callable[["EndedReport", str], str]
) -> Callable[[Any], Any]:
    def begin(context: click.Context, _: click.Parameter, path: Path | None) -> None:
        if path is None or context.resilient_parsing:
            return
        files: list[ReportFile] = context.meta.setdefault(_KEPT, [])
        if any(_same(each.path, path) for each in files):
            raise click.BadParameter("another option names that file")
        file = ReportFile(flag, path, render)
        file.begin()
        files.append(file)

    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option(
        flag, type=kind, metavar="FILE", callback=begin, expose_value=False, help=described
    )


def dotenv_of(report: "EndedReport", _: str) -> str:
    """A line for each fact; empty where it is not known, so that no older one stands for it.

    What not every reader of such files takes as it is, is left empty, too, and told.
    """
    return "".join(f"{name}={text}\n" for name, text in _variables(report.facts()))


def _variables(facts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, found in facts.items():
        text = "" if found is None else str(found)
        if not _AS_IT_IS.fullmatch(text):
            click.echo(
                f"podium: --dotenv: {PREFIX}{name} is left empty, for it holds more than letters, "
                "digits and . _ - + / : @; --json has it",
                err=True,
            )
            text = ""
        yield f"{PREFIX}{name}", text


def markdown_of(report: "EndedReport", command: str) -> str:
    """A heading, the facts, and what the command tells people; all of it is text."""
    from service.validation.record.markdown import judged_rows, text_of

    facts = [(name, found) for name, found in report.facts().items() if found not in {None, ""}]
    lines = [
        f"### {text_of(command)}: {text_of(report.code)}",
        "",
        f"| MLflow | {text_of(report.server)} |",
        "|---|---|",
        *(f"| {name.lower().replace('_', ' ')} | {text_of(str(each))} |" for name, each in facts),
        "",
        *(judged_rows(report.judged()) if report.judged() else ()),
        "",
        "| told |",
        "|---|",
        *(f"| {text_of(line)} |" for line in report.summary()),
        "",
    ]
    return "\n".join(lines) + "\n"


def junit_file_of(report: "EndedReport", _: str) -> str:
    """A case for each judgement; without a verdict one that says why."""
    from service.validation.findings import Judgement
    from service.validation.record.junit import junit_of

    facts = report.facts()
    failed = Judgement(report.code, "undecided", report.sentence, "stage")
    return junit_of(f"{facts.get('NAME')} {facts.get('VERSION')}", report.judged() or [failed])


def report_files(command: Any) -> Any:
    """The options `--dotenv` and `--markdown`."""
    dotenv = "What came of it as lines PODIUM_X=..., for later jobs; see docs/pipelines.md."
    markdown = "What came of it for people, as Markdown: a summary, or a comment."
    command = _option("--markdown", markdown, markdown_of)(command)
    return _option("--dotenv", dotenv, dotenv_of)(command)


junit_option = _option("--junit", "What was judged, as JUnit XML.", junit_file_of)
"""The option `--junit`, of a command that judges."""
