"""What validating a version has found: judgements, each with its sentence and its figures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["passed", "failed", "undecided"]
Section = Literal["stage", "smoke", "load", "quality"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One thing that was looked at, and what came of it.

    Attributes:
        name: what was looked at, stable across versions, as in `smoke.one_row`.
        verdict: `undecided` where it could not be told in the time that was allowed.
        sentence: for people; never holds a value of a row.
        section: which part of the validation has looked.
        figures: what was measured, by names that MLflow takes as metrics.
    """

    name: str
    verdict: Verdict
    sentence: str
    section: Section
    figures: Mapping[str, float] = field(default_factory=dict)


def verdict_of(judgements: Iterable[Judgement]) -> Verdict:
    """`failed` if one is, else `undecided` if one is, else `passed`."""
    found = {each.verdict for each in judgements}
    if "failed" in found:
        return "failed"
    return "undecided" if "undecided" in found else "passed"
