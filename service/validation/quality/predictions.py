"""Judges predictions that are there: all rows, each slice, classes, rows that differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from service.validation.findings import Judgement
from service.validation.policy.quality_bounds import MetricBounds
from service.validation.policy.reading import PolicyInForce
from service.validation.policy.validation_policy import ValidationPolicy
from service.validation.quality.bounds import DEFAULTS, ComparedWith, Measured, weighed
from service.validation.quality.classes import ClassChanges, class_changes, judged_classes
from service.validation.quality.evaluation_data import EvaluationData
from service.validation.quality.found import PartScores, Quality
from service.validation.quality.own_metrics import BadMetric, own_metrics
from service.validation.quality.predicted import Predicted
from service.validation.quality.scores import OwnMetric, ScoredAs, scores
from service.validation.quality.slices import SliceRows, slices_of

# Predictions that differ by less are one number, computed in another order.
_SAME: Final = 1e-9


@dataclass
class PredictionJudge:
    """Both versions' predictions, the labels, and the policy that they are judged by.

    Attributes:
        beside: what `theirs` is, or why there is none.
        truth: the labels, of the same kind as the predictions.
    """

    in_force: PolicyInForce
    data: EvaluationData
    ours: Predicted
    theirs: Predicted | None
    beside: ComparedWith
    truth: "pd.Series[Any]"
    scored_as: ScoredAs
    _parts: list[PartScores] = field(default_factory=list)

    @property
    def _policy(self) -> ValidationPolicy:
        return self.in_force.policy

    def judged(self, before: Sequence[Judgement]) -> Quality:
        """Everything, after what was found before."""
        slices = slices_of(self._policy.slices, self.data.frame)
        found = [*before, self._nulls(), *self._compared()]
        for each in (None, *slices):
            found += self._part(each)
        changes = self._changes()
        found += [] if changes is None else judged_classes(changes, self._policy.classes)
        return Quality(
            found,
            self.scored_as,
            self._parts,
            self.truth,
            self.ours,
            self.theirs,
            self._differing(),
            changes,
        )

    def _nulls(self) -> Judgement:
        count = len(self.ours.nulls)
        return Judgement(
            "quality.rows_null",
            "failed" if count else "passed",
            f"The model answers {count} rows by null, NaN or infinity, which JSON has no word for.",
            "quality",
            {"rows_null": float(count)},
        )

    def _compared(self) -> Iterator[Judgement]:
        if self.theirs is None:
            return
        count = len(self._both(self.theirs, self._answered(self.ours, None)))
        said = f"Both versions answer {count} of {self.data.rows} rows"
        differ = len(self._differing())
        yield Judgement(
            "quality.rows_compared",
            "passed",
            f"{said}, and {differ} of them differently.",
            "quality",
            {"rows_compared": float(count), "rows_differing": float(differ)},
        )

    def _part(self, asked: SliceRows | None) -> Iterator[Judgement]:
        name = "quality" if asked is None else f"quality.{asked.label}"
        rows = self._answered(self.ours, asked)
        least = (asked and asked.asked.least_rows) or self._policy.least_rows
        shared = rows if self.theirs is None else self._both(self.theirs, rows)
        bounds = {} if len(rows) < least else self._bounds(asked)
        if len(shared) < least:
            told = "1 row is" if len(shared) == 1 else f"{len(shared)} rows are"
            told += " too few to be "
            told += "judged" if len(rows) < least else "compared with the other version"
            said = f"{told}; {least} are asked for."
            yield Judgement(f"{name}.rows", self._policy.when_small, said, "quality")
            bounds = {metric: each.alone for metric, each in bounds.items()}
        if rows:
            faults: dict[str, str] = {}
            part = self._scored(asked, rows, bounds, faults)
            self._parts.append(part)
            yield from (self._weighed(name, part, metric, faults) for metric in part.bounds)

    def _answered(self, who: Predicted, asked: SliceRows | None) -> list[int]:
        answered = [int(row) for row in who.predictions.index]
        if asked is None:
            return answered
        wanted = set(asked.rows)
        return [row for row in answered if row in wanted]

    def _bounds(self, asked: SliceRows | None) -> Mapping[str, MetricBounds]:
        own = None if asked is None else asked.asked.metrics
        if own is None:
            own = self._policy.metrics
        if own is None:
            own = DEFAULTS[self.scored_as.task] if self.beside == "other" else {}
        return own

    def _scored(
        self,
        asked: SliceRows | None,
        rows: list[int],
        bounds: Mapping[str, MetricBounds],
        faults: dict[str, str],
    ) -> PartScores:
        """Into `faults` goes why a metric of the operator's own gives no number."""
        own = own_metrics(bounds, self.in_force.folder, self.data, self.truth)
        ours, shared, theirs = self._scores(self.ours, rows, own, faults), dict[str, float](), None
        if self.theirs is not None:
            both = self._both(self.theirs, rows)
            shared = ours if len(both) == len(rows) else self._scores(self.ours, both, own, faults)
            theirs = self._scores(self.theirs, both, own, faults)
        label = None if asked is None else asked.label
        return PartScores(label, len(rows), ours, shared, theirs or {}, bounds)

    def _both(self, theirs: Predicted, rows: list[int]) -> list[int]:
        answered = {int(row) for row in theirs.predictions.index}
        return [row for row in rows if row in answered]

    def _scores(
        self,
        who: Predicted,
        rows: list[int],
        own: Mapping[str, OwnMetric],
        faults: dict[str, str],
    ) -> dict[str, float]:
        if not rows:
            return {}
        told = dict(scores(self.scored_as, self.truth, who, rows))
        measured = dict[str, float]()
        for name, measure in own.items():
            try:
                measured[name] = measure(rows, who, dict(told))
            except BadMetric as error:
                faults[name] = str(error)
        return told | {name: value for name, value in measured.items() if np.isfinite(value)}

    def _weighed(
        self, name: str, part: PartScores, metric: str, faults: Mapping[str, str]
    ) -> Judgement:
        if metric in faults:
            return Judgement(f"{name}.{metric}", "undecided", f"{faults[metric]}.", "quality")
        measured = Measured(part.ours.get(metric), part.shared.get(metric), part.theirs.get(metric))
        found = weighed(metric, part.bounds[metric], measured, self.beside, self._policy.when_first)
        figures = {metric: measured.value, f"against/{metric}": measured.other}
        told = {key: value for key, value in figures.items() if value is not None}
        return Judgement(f"{name}.{metric}", found.verdict, found.sentence, "quality", told)

    def _changes(self) -> ClassChanges | None:
        if self.scored_as.task == "regressor":
            return None
        ours, theirs = self.ours.predictions, None
        if self.theirs is not None:
            both = self._both(self.theirs, self._answered(self.ours, None))
            ours, theirs = ours.loc[both], self.theirs.predictions.loc[both]
        return class_changes(self.truth.loc[ours.index], ours, theirs)

    def _differing(self) -> Sequence[int]:
        if self.theirs is None:
            return ()
        both = self._both(self.theirs, self._answered(self.ours, None))
        ours, theirs = self.ours.predictions.loc[both], self.theirs.predictions.loc[both]
        if self.scored_as.task == "regressor":
            alike = np.isclose(ours.astype(float), theirs.astype(float), rtol=_SAME, atol=0)
        else:
            alike = (ours == theirs).to_numpy()
        return [row for row, same in zip(both, alike, strict=True) if not same]
