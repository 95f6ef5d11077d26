"""What was found, for programs: `report.json`."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from service.validation.findings import Judgement, Section, Verdict
from service.validation.record.trial_record import TrialRecord


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
