"""`--dotenv`, `--markdown`, `--junit`: what pipelines read of a command, whatever came of it."""

import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest
from click.testing import CliRunner, Result

from service.cli.copy import CopyReport
from service.cli.main import main
from service.cli.plan import PlanReport
from service.cli.prepare import PrepareReport
from service.cli.promote import PromoteReport
from service.cli.report_files import HANDED_ON, junit_option, report_files
from service.cli.rollback import RollbackReport
from service.cli.told import EndedReport, emit
from service.cli.validation_report import JudgementReport, ValidateReport
from service.exits import DONE, IN_PART, REFUSED, UNDECIDED, WRONG_USE
from tests.promotion.conftest import NAME, Moves, filled
from tests.support.tracking import free_port

STRUNG = ("validate", "plan", "prepare", "copy", "promote", "rollback")
REPORTS: dict[str, type[EndedReport]] = {
    "validate": ValidateReport,
    "plan": PlanReport,
    "prepare": PrepareReport,
    "copy": CopyReport,
    "promote": PromoteReport,
    "rollback": RollbackReport,
}


@pytest.fixture
def moves(tracking_uri: str) -> Moves:
    """Of a model with five versions."""
    return Moves(filled(tracking_uri))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def podium(*arguments: str, **environment: str) -> Result:
    """What a command prints and ends with."""
    return CliRunner(env=environment).invoke(main, arguments, prog_name="podium")


def told(report: EndedReport, *arguments: str, **environment: str) -> Result:
    """What a command with that report, and every such option, makes of its arguments."""

    @click.command()
    @junit_option
    @report_files
    def command() -> None:
        emit(report, as_json=False)

    return CliRunner(env=environment).invoke(command, arguments, prog_name="podium validate")


def validated(name: str = "iris", status: int = REFUSED) -> ValidateReport:
    """A verdict on a version of that name."""
    of = {"section": "load", "sentence": name, "figures": {}}
    judgements = [
        JudgementReport.model_validate({"name": each, "verdict": verdict, **of})
        for each, verdict in (("a", "passed"), ("b", "failed"))
    ]
    return ValidateReport(
        server="http://mlflow",
        name=name,
        version="3",
        status=status,
        code="failed",
        sentence="has failed",
        run="r1",
        policy="p",
        digest="d" * 64,
        judgements=judgements,
    )


def lines(file: Path) -> dict[str, str]:
    """Of a dotenv file, as GitLab reads them."""
    pairs = [line.partition("=") for line in file.read_text().splitlines()]
    return {key.strip(): value.strip() for key, _, value in pairs}


@pytest.mark.parametrize("command", STRUNG)
def test_every_command_that_pipelines_string_together_has_the_options(command: str) -> None:
    """And writes no variable that `podium doctor` would not know."""
    found = main.get_command(click.Context(main), command)
    assert found is not None
    flags = {option for each in found.params for option in each.opts}
    assert {"--dotenv", "--markdown"} <= flags
    nothing = dict.fromkeys(REPORTS[command].model_fields)
    blank = REPORTS[command].model_construct(**nothing)
    assert {f"PODIUM_{each}" for each in blank.facts()} <= HANDED_ON


def test_doctor_takes_what_jobs_hand_on_for_no_misspelt_setting(folder: Path) -> None:
    """A later job has them all in its environment."""
    assert folder.is_dir()
    found = podium("doctor", **dict.fromkeys(HANDED_ON, "x"), PODIUM_PORTT="1").output
    assert "PODIUM_PORTT" in found
    assert [each for each in HANDED_ON if f"{each}  unknown_variable" in found] == []


def test_refused_promotion_says_so_in_its_files(moves: Moves, folder: Path) -> None:
    """A pipeline shows why, and what stood before is known."""
    moves.promote("1")
    files = ("--dotenv", "podium.env", "--markdown", "summary.md")
    ended = podium("promote", NAME, "2", *files, MLFLOW_TRACKING_URI=moves.uri)
    assert ended.exit_code == REFUSED
    assert lines(folder / "podium.env") == {
        "PODIUM_NAME": NAME,
        "PODIUM_VERSION": "2",
        "PODIUM_ALIAS": "champion",
        "PODIUM_FROM": "1",
        "PODIUM_ENTRY": "",
        "PODIUM_STATUS": "1",
        "PODIUM_CODE": "not_validated",
    }
    summary = (folder / "summary.md").read_text()
    assert summary.startswith("### podium promote: not\\_validated\n")
    assert "has no verdict" in summary or "validate" in summary


def test_command_that_mlflow_stops_writes_its_files(moves: Moves, folder: Path) -> None:
    """Also where it prints no object."""
    ended = podium("plan", f"{NAME}@nobody", "--dotenv", "e", MLFLOW_TRACKING_URI=moves.uri)
    found = lines(folder / "e")
    assert (ended.exit_code, found["PODIUM_STATUS"]) == (WRONG_USE, "2")
    assert (found["PODIUM_VERSION"], found["PODIUM_CODE"]) == ("", "resource_does_not_exist")


def test_validation_without_a_verdict_is_an_error_in_junit(folder: Path) -> None:
    """Whoever reads the file finds why, not that nothing failed."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    ended = podium("validate", "iris", "3", "--junit", "j.xml", MLFLOW_TRACKING_URI=nowhere)
    assert ended.exit_code == UNDECIDED
    suite = ET.fromstring((folder / "j.xml").read_text())  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
    error = suite.find("testcase/error")
    assert error is not None
    assert "MLflow does not answer" in str(error.get("message"))


def test_what_is_judged_stands_in_markdown_and_junit(folder: Path) -> None:
    """The worst first."""
    told(validated(), "--markdown", "m.md", "--junit", "j.xml")
    summary = (folder / "m.md").read_text()
    assert summary.index("| b | **failed** |") < summary.index("| a | passed |")
    assert "| run id | r1 |" in summary
    suite = ET.fromstring((folder / "j.xml").read_text())  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")


@pytest.mark.parametrize(
    "name", ["a\nPODIUM_VERSION=9", "a; touch evil", "$HOME", "`id`", "a b", '"a"', " a", "\u2028"]
)
def test_name_that_a_reader_could_misread_is_left_empty_and_told(name: str, folder: Path) -> None:
    """No other variable, no command of a shell that sources the file, no name that is not it."""
    ended = told(validated(name), "--dotenv", "podium.env")
    found = lines(folder / "podium.env")
    assert (found["PODIUM_NAME"], found["PODIUM_VERSION"]) == ("", "3")
    assert len(found) == len(validated().facts())
    assert "PODIUM_NAME is left empty" in ended.stderr


def test_dotenv_is_what_a_shell_sources_it_as(folder: Path) -> None:
    """And GitLab, which takes at most 5 KB."""
    told(validated("prod.security.fräud"), "--dotenv", "podium.env")
    script = '. ./podium.env && printf %s "$PODIUM_NAME $PODIUM_VERSION $PODIUM_RUN_ID"'
    sourced = subprocess.run(
        ["/bin/sh", "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    assert sourced.stdout == "prod.security.fräud 3 r1"
    assert (folder / "podium.env").stat().st_size < 5 * 1024


def test_markdown_shows_names_as_text(folder: Path) -> None:
    """No row of their own, no markup, nobody who is called."""
    told(validated("<img>|@all\n# evil"), "--markdown", "m.md")
    summary = (folder / "m.md").read_text()
    assert "\\<img\\>\\|\\@all \\# evil" in summary
    assert "\n# evil" not in summary


@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"])
def test_file_of_githubs_is_added_to(variable: str, folder: Path) -> None:
    """What else a step has written there stays, also if its line has no end."""
    file = folder / "shared"
    file.write_text("before=1")
    for _ in range(2):
        told(validated(), "--dotenv", str(file), **{variable: str(file)})
    written = file.read_text().splitlines()
    assert written[0] == "before=1"
    assert written.count("PODIUM_NAME=iris") == 2


@pytest.mark.parametrize("named", ["shared", "./shared", "below/../shared", "link"])
def test_file_of_githubs_is_known_by_whatever_name(named: str, folder: Path) -> None:
    """A relative one, one by way of another folder, and a link, are that file all the same."""
    (folder / "below").mkdir()
    file = folder / "shared"
    file.write_text("before=1\n")
    (folder / "link").symlink_to(file)
    told(validated(), "--dotenv", named, GITHUB_OUTPUT=str(file))
    assert file.read_text().startswith("before=1\nPODIUM_NAME=iris\n")


def test_file_of_an_earlier_call_is_gone_when_a_command_begins(folder: Path) -> None:
    """One that is killed leaves none, and a later job reads nothing of another call."""
    file = folder / "podium.env"
    file.write_text("PODIUM_STATUS=0\n")

    @click.command()
    @report_files
    def killed() -> None:
        assert not file.exists()

    CliRunner().invoke(killed, ["--dotenv", "podium.env"], catch_exceptions=False)
    told(validated(), "--dotenv", "podium.env")
    assert lines(file)["PODIUM_STATUS"] == "1"
    assert [each.name for each in folder.iterdir()] == ["podium.env"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dotenv", "none/podium.env"), "no file can be made in that folder"),
        (("--dotenv", "/dev/null"), "that is not a file"),
        (("--dotenv", "a", "--markdown", "a"), "another option names that file"),
    ],
)
def test_file_that_cannot_be_made_is_told_before_the_work(
    arguments: tuple[str, ...], said: str, folder: Path
) -> None:
    """Nothing is promoted that nobody could be told of."""
    assert folder.is_dir()
    ended = told(validated(), *arguments)
    assert ended.exit_code == WRONG_USE
    assert said in ended.output
    assert "has failed" not in ended.output


@pytest.mark.parametrize(("status", "expected"), [(DONE, IN_PART), (REFUSED, REFUSED)])
def test_file_that_cannot_be_written_after_the_work_is_no_success(
    status: int, expected: int, folder: Path
) -> None:
    """The next job would go on from nothing."""

    @click.command()
    @report_files
    def command() -> None:
        (folder / "there").rmdir()
        emit(validated(status=status), as_json=False)

    (folder / "there").mkdir()
    ended = CliRunner().invoke(command, ["--dotenv", os.fspath(folder / "there" / "e")])
    assert ended.exit_code == expected
    assert "podium: --dotenv: cannot be written" in ended.stderr
