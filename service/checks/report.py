"""Results for people, as a table, and for continuous integration, as JUnit XML.

Names of models and notes may hold anything: what could steer a terminal or break XML is made
visible instead.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.table import Table
from rich.text import Text

from service.checks.result import CheckResult, Outcome
from service.local.screen import plain

_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_CHECKED: "yellow"}


def table(results: Sequence[CheckResult]) -> Table:
    """One row a check: check, slot, result, milliseconds, note."""
    drawn = Table()
    # Folded, never cut: on a narrow terminal too, the whole name is there.
    for heading in ("check", "slot", "result"):
        drawn.add_column(heading, overflow="fold")
    drawn.add_column("ms", justify="right")
    drawn.add_column("note", overflow="fold")
    for one in results:
        drawn.add_row(
            Text(plain(one.name)),
            Text(plain(one.slot or "")),
            Text(one.outcome.value, style=_STYLES[one.outcome]),
            f"{one.milliseconds:.1f}",
            Text(plain(one.note)),
        )
    return drawn


def summary(results: Sequence[CheckResult]) -> str:
    """How many of each, in one line."""
    counts = Counter(one.outcome for one in results)
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome)


def write_junit(results: Sequence[CheckResult], path: Path) -> None:
    """A suite `podium smoke` with a case a check; what was not checked is `skipped`.

    Raises `OSError` if the file cannot be written.
    """
    counts = Counter(one.outcome for one in results)
    suite = ET.Element(
        "testsuite",
        name="podium smoke",
        tests=str(len(results)),
        failures=str(counts[Outcome.FAILED]),
        errors="0",
        skipped=str(counts[Outcome.NOT_CHECKED]),
        time=_seconds(sum(one.milliseconds for one in results)),
    )
    suite.extend(_case(one) for one in results)
    document = ET.ElementTree(suite)
    document.write(path, encoding="utf-8", xml_declaration=True)


def _case(one: CheckResult) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=plain(one.slot or "service"),
        name=plain(one.name),
        time=_seconds(one.milliseconds),
    )
    if one.outcome is Outcome.FAILED:
        ET.SubElement(case, "failure", message=plain(one.note))
    if one.outcome is Outcome.NOT_CHECKED:
        ET.SubElement(case, "skipped", message=plain(one.note))
    return case


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.6f}"
