"""What people and continuous integration get to see."""

import io
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.console import Console

from service.checks.report import ReportLines, summary, write_junit
from service.checks.result import CheckOutcome, CheckResult

RESULTS = (
    CheckResult("GET /ping", None, CheckOutcome.PASSED, 1.25, ""),
    CheckResult("predict", "a\x1b[2J[red]@b", CheckOutcome.FAILED, 2.0, 'said "<no>"\x00'),
    CheckResult("alias", "a@b", CheckOutcome.NOT_CHECKED, 0.0, "no registry"),
)


def _printed(*results: CheckResult) -> list[str]:
    file = io.StringIO()
    lines = ReportLines(Console(file=file, width=40))
    for one in results:
        lines.result(one)
    return file.getvalue().splitlines()


def test_every_result_is_a_line_of_its_own() -> None:
    """Result, time, check and note, whole on a narrow terminal, below the name of the slot."""
    assert _printed(RESULTS[0], RESULTS[2], RESULTS[2]) == [
        "  passed           1.2 ms  GET /ping",
        "a@b",
        "  not checked      0.0 ms  alias                    no registry",
        "  not checked      0.0 ms  alias                    no registry",
    ]


def test_names_are_shown_not_obeyed() -> None:
    """No markup and no control characters of a model's name take effect."""
    slot, line = _printed(RESULTS[1])
    assert slot == r"a\x1b[2J[red]@b"
    assert line.endswith(r'said "<no>"\x00')


def test_summary_counts_each_outcome() -> None:
    """What was not checked is counted by itself."""
    assert summary(RESULTS) == "1 passed, 1 failed, 1 not checked"


def test_junit_file_is_read_back_by_any_reader(tmp_path: Path) -> None:
    """Well-formed, whatever the names hold, with failures and what was skipped."""
    path = tmp_path / "smoke.xml"
    write_junit(RESULTS, path)
    suite = ET.parse(path).getroot()  # noqa: S314 - written two lines above
    assert suite.attrib | {"time": ""} == {
        "name": "podium smoke",
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "",
    }
    cases = suite.findall("testcase")
    assert [case.get("classname") for case in cases] == ["service", r"a\x1b[2J[red]@b", "a@b"]
    failure, skipped = cases[1].find("failure"), cases[2].find("skipped")
    assert failure is not None
    assert failure.get("message") == r'said "<no>"\x00'
    assert skipped is not None
