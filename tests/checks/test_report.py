"""What people and continuous integration get to see."""

import io
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.console import Console

from service.checks.report import summary, table, write_junit
from service.checks.result import CheckResult, Outcome

RESULTS = (
    CheckResult("GET /ping", None, Outcome.PASSED, 1.25, ""),
    CheckResult("predict", "a\x1b[2J[red]@b", Outcome.FAILED, 2.0, 'said "<no>"\x00'),
    CheckResult("alias", "a@b", Outcome.NOT_CHECKED, 0.0, "no registry"),
)


def _printed() -> str:
    file = io.StringIO()
    Console(file=file, width=120).print(table(RESULTS))
    return file.getvalue()


def test_table_shows_every_result_and_its_note() -> None:
    """One row a check."""
    rows = _printed().splitlines()
    assert any("GET /ping" in row and "passed" in row and "1.2" in row for row in rows)
    assert any("not checked" in row and "no registry" in row for row in rows)


def test_names_in_the_table_are_shown_not_obeyed() -> None:
    """No markup and no control characters of a model's name take effect."""
    assert r"a\x1b[2J[red]@b" in _printed()


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
