"""Judges what a version answers, alone and beside another, by the policy's bounds.

Runs in a thread of the command and is pure but for `AskVersion`: the same answers give the same
judgements, so that a version beside itself never fails for being compared.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from service.errors import ClientError
from service.validation.findings import Judgement
from service.validation.policy.quality_bounds import MetricBounds
from service.validation.policy.reading import PolicyInForce
from service.validation.policy.validation_policy import ValidationPolicy
from service.validation.quality.answering import Answers, AskVersion, answers
from service.validation.quality.bounds import ComparedWith
from service.validation.quality.evaluation_data import BadData, EvaluationData
from service.validation.quality.found import Quality
from service.validation.quality.own_metrics import own_metrics
from service.validation.quality.predicted import UnreadableAnswers, predicted
from service.validation.quality.predictions import PredictionJudge
from service.validation.quality.scores import ScoredAs, scored_as
from service.validation.quality.slices import slices_of

OnRows = Callable[[str, int, int], None]
"""Told whom is asked, how many rows have been, and how many there are."""


@dataclass(frozen=True, slots=True)
class AnsweringVersion:
    """A version that answers: what people call it, and how it is asked."""

    title: str
    predict: AskVersion


@dataclass(frozen=True, slots=True)
class QualityQuestion:
    """What is to be judged, by what.

    Attributes:
        in_force: the policy.
        data: rows with labels.
        version: what is judged.
        against: what it is compared with, if anything.
        first: whether there is nothing to compare with because that alias is on no version yet.
    """

    in_force: PolicyInForce
    data: EvaluationData
    version: AnsweringVersion
    against: AnsweringVersion | None = None
    first: bool = False

    @property
    def beside(self) -> ComparedWith:
        """What stands beside the version."""
        return "other" if self.against is not None else "first" if self.first else "none"


def check(in_force: PolicyInForce, data: EvaluationData) -> None:
    """Raises `BadSlice` or `BadMetric` for what the data cannot have, before anybody is asked."""
    slices_of(in_force.policy.slices, data.frame)
    for bounds in _all_bounds(in_force.policy):
        own_metrics(bounds, in_force.folder, data, data.labels)


def judge(question: QualityQuestion, told: OnRows = lambda _title, _done, _rows: None) -> Quality:
    """Asks for every row and judges what comes.

    Raises `BadData`, `BadSlice` and `BadMetric` for what the policy asks and the data cannot give,
    and whatever `AskVersion` raises that is neither a refusal nor a failure of the model.
    """
    policy, data = question.in_force.policy, question.data
    check(question.in_force, data)
    ours = _asked(question.version, data, told)
    theirs = None if question.against is None else _asked(question.against, data, told)
    found = list(_judged_answers(ours, data, policy))
    if not ours.by_row:
        return Quality(found)
    try:
        return _judge_of(question, ours, theirs).judged(found)
    except UnreadableAnswers as error:
        found.append(Judgement("quality.answers", "undecided", f"{error}.", "quality"))
        return Quality(found)


def _all_bounds(policy: ValidationPolicy) -> Iterator[Mapping[str, MetricBounds]]:
    yield policy.metrics or {}
    yield from (each.metrics or {} for each in policy.slices)


def _asked(version: AnsweringVersion, data: EvaluationData, told: OnRows) -> Answers:
    try:
        return answers(version.predict, data, lambda done: told(version.title, done, data.rows))
    except ClientError as error:  # a refusal of the whole format, not of a row
        raise BadData(f"{data.source}: {error.message}") from error


def _judged_answers(
    ours: Answers, data: EvaluationData, policy: ValidationPolicy
) -> Iterator[Judgement]:
    least = "" if ours.whole else "at least "
    refused = len(ours.refused)
    columns = ", ".join(f"{name} ({count})" for name, count in sorted(ours.columns.items()))
    told = f": by column {columns}" if columns else ""
    yield Judgement(
        "quality.rows_refused",
        "passed" if refused <= policy.max_refused_rows else "failed",
        f"The signature refuses {least}{refused} of {data.rows} rows{told}.",
        "quality",
        {"rows_refused": float(refused), "rows": float(data.rows)},
    )
    failing = len(ours.failing)
    reasons = ", ".join(f"{code} ({count})" for code, count in sorted(ours.reasons.items()))
    told = f": {reasons}" if reasons else ""
    told += f"; {ours.together} requests fail of which no row does" if ours.together else ""
    yield Judgement(
        "quality.rows_failing",
        "failed" if failing or ours.together else "passed",
        f"The model fails on {least}{failing} of {data.rows} rows{told}.",
        "quality",
        {"rows_failing": float(failing)},
    )


def _judge_of(question: QualityQuestion, ours: Answers, theirs: Answers | None) -> PredictionJudge:
    in_force, data = question.in_force, question.data
    classes = sorted(set(data.labels), key=str)
    one = predicted(ours.by_row, in_force.policy.answer, classes)
    other = None if theirs is None else predicted(theirs.by_row, in_force.policy.answer, classes)
    values = [each.predictions for each in (one, other) if each is not None]
    truth = _comparable(data, values)
    measured_as = _scored_as(in_force.policy, truth, values)
    return PredictionJudge(in_force, data, one, other, question.beside, truth, measured_as)


def _scored_as(
    policy: ValidationPolicy, truth: "pd.Series[Any]", values: Sequence["pd.Series[Any]"]
) -> ScoredAs:
    try:
        found = scored_as(policy.task, truth, values, policy.answer.positive)
        if found.task == "regressor":
            for each in (truth, *values):
                each.astype(float)
    except (TypeError, ValueError):
        raise UnreadableAnswers("Labels and predictions are not of one kind") from None
    return found


def _comparable(data: EvaluationData, values: Sequence["pd.Series[Any]"]) -> "pd.Series[Any]":
    """The labels as the predictions are: a file of text may say 1 where a model says "1"."""
    kinds = {_kind(each) for each in values if len(each)}
    labels = data.labels
    if data.texts is not None and kinds == {"text"}:
        labels = pd.Series(list(data.texts), index=labels.index)
    if kinds - {_kind(labels)}:
        raise UnreadableAnswers(
            f"Labels are {_kind(labels)} and predictions {' and '.join(sorted(kinds))}"
        )
    return labels


def _kind(values: "pd.Series[Any]") -> str:
    return "numbers" if values.dtype.kind in "iufb" else "text"
