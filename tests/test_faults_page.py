"""docs/faults.md names a test for every fault, and the tests are there."""

import re

from tests.support.documents import ROOT

PAGE = (ROOT / "docs/faults.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "| fault |" not in line]


def test_every_fault_names_a_test_that_is_there() -> None:
    """In its last cell."""
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"def (test_\w+)\(", written))
    named = [re.fullmatch(r"\| .* \| `(test_\w+)` \|", row) for row in ROWS]

    assert len(ROWS) > 20
    assert all(named), [row for row, found in zip(ROWS, named, strict=True) if not found]
    assert {found[1] for found in named if found} <= there


def test_every_metric_of_the_page_is_one_of_the_services() -> None:
    """In the words of the code."""
    code = "".join(path.read_text() for path in (ROOT / "service/telemetry/metrics").glob("*.py"))

    assert set(re.findall(r"podium_\w+", PAGE)) <= set(re.findall(r"podium_\w+", code))
