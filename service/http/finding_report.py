"""What gates have seen, as pages tell it."""

from collections.abc import Sequence

from pydantic import BaseModel

from service.following.gates.gate import GateFinding


class FindingReport(BaseModel):
    """What a gate has seen and let pass."""

    gate: str
    code: str
    sentence: str


def findings_of(findings: Sequence[GateFinding]) -> list[FindingReport]:
    """Each as it stands."""
    return [
        FindingReport(gate=found.gate, code=found.code, sentence=found.sentence)
        for found in findings
    ]
