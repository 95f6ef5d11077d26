"""What was found, for programs: `report.json` and, for continuous integration, `junit.xml`."""

from collections.abc import Mapping
from typing import Any, Final
from xml.etree import ElementTree as ET

from pydantic import BaseModel

from service.following.sentences import plain
from service.validation.findings import Judgement, Section, Verdict
from service.validation.record.trial_record import TrialRecord

_UNDECIDED: Final = "undecided"


class RecordedJudgement(BaseModel):
    """One thing that was looked at."""

    name: str
    section: Section
    verdict: Verdict
    sentence: str
    figures: Mapping[str, float]


class ValidationReport(BaseModel):
    """`report.json` of the run of a validation."""

    name: str
    version: str
    against: str | None
    verdict: Verdict
    digest: str | None
    policy: str
    flags: Mapping[str, Any]
    data: str | None
    data_digest: str | None
    rows: int | None
    judgements: list[RecordedJudgement]


def report_of(record: TrialRecord) -> ValidationReport:
    """Everything that was judged, and by what."""
    data = record.data
    return ValidationReport(
        name=record.version.name,
        version=record.version.number,
        against=None if record.against is None else record.against.number,
        verdict=record.verdict,
        digest=record.digest,
        policy=record.in_force.sha256,
        flags=record.in_force.flags,
        data=None if data is None else data.source,
        data_digest=None if data is None else data.digest,
        rows=None if data is None else data.rows,
        judgements=[_told(each) for each in record.judgements],
    )


def _told(one: Judgement) -> RecordedJudgement:
    return RecordedJudgement(
        name=one.name,
        section=one.section,
        verdict=one.verdict,
        sentence=one.sentence,
        figures=dict(one.figures),
    )


def junit_of(record: TrialRecord) -> str:
    """A suite of a case for each judgement; what is undecided is an error, not a failure."""
    verdicts = [each.verdict for each in record.judgements]
    suite = ET.Element(
        "testsuite",
        name="podium validate",
        tests=str(len(verdicts)),
        failures=str(verdicts.count("failed")),
        errors=str(verdicts.count(_UNDECIDED)),
        skipped="0",
    )
    suite.extend(_case(str(record.version), each) for each in record.judgements)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _case(version: str, one: Judgement) -> ET.Element:
    case = ET.Element("testcase", classname=plain(f"{version}.{one.section}"), name=plain(one.name))
    if one.verdict != "passed":
        tag = "error" if one.verdict == _UNDECIDED else "failure"
        ET.SubElement(case, tag, message=plain(one.sentence))
    return case
