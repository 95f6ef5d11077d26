"""What the answers of a version are worth: judgements, and what figures are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from service.validation.findings import Judgement
from service.validation.policy.quality_bounds import MetricBounds
from service.validation.quality.classes import ClassChanges
from service.validation.quality.predicted import Predicted
from service.validation.quality.scores import ScoredAs


@dataclass(frozen=True, slots=True)
class PartScores:
    """All rows, or a slice: every metric of both versions there.

    Attributes:
        label: of the slice; None for all rows.
        rows: how many the version has answered.
        ours: the version's, by name.
        shared: the version's on the rows that both answer; empty without another.
        theirs: the other's on these.
        bounds: what is asked of them; those that are only told are not in it.
    """

    label: str | None
    rows: int
    ours: Mapping[str, float]
    shared: Mapping[str, float]
    theirs: Mapping[str, float]
    bounds: Mapping[str, MetricBounds]


@dataclass(frozen=True, slots=True)
class Quality:
    """What the answers are worth, and what figures and records are made of.

    Attributes:
        judgements: one for each thing that was looked at.
        scored_as: how it was measured; None where no answer could be read.
        parts: all rows first, then each slice that is large enough.
        truth: the labels of the rows.
        ours: the version's predictions.
        theirs: the other's, if there is one.
        differing: rows that both answer, and not alike.
        changes: classes that come or go; None for a regressor.
    """

    judgements: Sequence[Judgement]
    scored_as: ScoredAs | None = None
    parts: Sequence[PartScores] = ()
    truth: "pd.Series[Any] | None" = None
    ours: Predicted | None = None
    theirs: Predicted | None = None
    differing: Sequence[int] = ()
    changes: ClassChanges | None = None
