"""Everything of a trial that is kept, as whoever has run it hands it over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.validation.findings import Judgement, Verdict, verdict_of
from service.validation.policy.reading import PolicyInForce
from service.validation.quality.evaluation_data import EvaluationData
from service.validation.quality.found import Quality


@dataclass(frozen=True, slots=True)
class LoadSamples:
    """What load has measured, of the version and of what it is compared with.

    Attributes:
        ours: seconds of each request, by its kind, as in `one_row`.
        theirs: the other version's; empty without one.
        memory: bytes that the version's largest host held, at each look.
        look_seconds: how long from one look to the next.
    """

    ours: Mapping[str, Sequence[float]] = field(default_factory=dict)
    theirs: Mapping[str, Sequence[float]] = field(default_factory=dict)
    memory: Sequence[int] = ()
    look_seconds: float = 0.1


@dataclass(frozen=True, slots=True)
class RecordedVersion:
    """A version by what people call it, and where MLflow keeps what belongs to it.

    Attributes:
        run: the id of the run that has made it; None if nobody knows.
        model_id: of MLflow's logged model, `m-...`; None for versions that are older than these.
    """

    name: str
    number: str
    run: str | None = None
    model_id: str | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """What one validation was about, and what it has found.

    Attributes:
        digest: SHA-256 of the version's files; None where they could not be fetched.
        settings: of the service that the trial has run by, without secrets.
    """

    version: RecordedVersion
    against: RecordedVersion | None
    in_force: PolicyInForce
    judgements: Sequence[Judgement]
    digest: str | None = None
    data: EvaluationData | None = None
    quality: Quality | None = None
    load: LoadSamples = field(default_factory=LoadSamples)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Of all that was judged."""
        return verdict_of(self.judgements)
