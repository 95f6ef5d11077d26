"""What was judged, as JUnit XML for continuous integration."""

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from service.following.sentences import plain
from service.validation.findings import Judgement

_UNDECIDED: Final = "undecided"


def junit_of(version: str, judged: Sequence[Judgement]) -> str:
    """A suite of a case for each judgement; what is undecided is an error, not a failure."""
    verdicts = [each.verdict for each in judged]
    suite = ET.Element(
        "testsuite",
        name="podium validate",
        tests=str(len(verdicts)),
        failures=str(verdicts.count("failed")),
        errors=str(verdicts.count(_UNDECIDED)),
        skipped="0",
    )
    suite.extend(_case(version, each) for each in judged)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _case(version: str, one: Judgement) -> ET.Element:
    case = ET.Element("testcase", classname=plain(f"{version}.{one.section}"), name=plain(one.name))
    if one.verdict != "passed":
        tag = "error" if one.verdict == _UNDECIDED else "failure"
        ET.SubElement(case, tag, message=plain(one.sentence))
    return case
