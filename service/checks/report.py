"""Results for people, in lines, and for continuous integration, as JUnit XML.

Names of models and notes may hold anything: what could steer a terminal or break XML is made
visible instead.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.text import Text

from service.checks.result import CheckOutcome, CheckResult
from service.following.sentences import plain

_STYLES = {
    CheckOutcome.PASSED: "green",
    CheckOutcome.FAILED: "bold red",
    CheckOutcome.NOT_CHECKED: "yellow",
}


class ReportLines:
    """Prints one line a result as soon as it is told, below the slot that it is about."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._slot: str | None = None

    def result(self, one: CheckResult) -> None:
        """Result, milliseconds, check and note."""
        if one.slot is not None and one.slot != self._slot:
            self._slot = one.slot
            self.say(one.slot)
        line = Text(f"  {one.outcome.value:<11}", style=_STYLES[one.outcome])
        said = f" {one.milliseconds:>8.1f} ms  {one.name:<23}  {one.note}"
        self._print(line.append(plain(said.rstrip()), style=""))

    def say(self, text: str) -> None:
        """A line of its own."""
        self._print(Text(plain(text)))

    def _print(self, line: Text) -> None:
        # Names are anybody's: text, never markup, and whole on a narrow terminal too.
        self._console.print(line, soft_wrap=True)


def summary(results: Sequence[CheckResult]) -> str:
    """How many of each, in one line."""
    counts = Counter(one.outcome for one in results)
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in CheckOutcome)


def write_junit(results: Sequence[CheckResult], path: Path) -> None:
    """A suite `podium smoke` with a case a check; what was not checked is `skipped`.

    Raises `OSError` if the file cannot be written.
    """
    counts = Counter(one.outcome for one in results)
    suite = ET.Element(
        "testsuite",
        name="podium smoke",
        tests=str(len(results)),
        failures=str(counts[CheckOutcome.FAILED]),
        errors="0",
        skipped=str(counts[CheckOutcome.NOT_CHECKED]),
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
    if one.outcome is CheckOutcome.FAILED:
        ET.SubElement(case, "failure", message=plain(one.note))
    if one.outcome is CheckOutcome.NOT_CHECKED:
        ET.SubElement(case, "skipped", message=plain(one.note))
    return case


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.6f}"
