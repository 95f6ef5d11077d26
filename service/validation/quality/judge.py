"""Judges what a version answers, alone and beside another, by the policy's bounds.

Runs in a thread of the command and is pure but for `AskVersion`: the same answers give the same
judgements, so that a version beside itself never fails for being compared. What cannot be judged,
for whatever reason, is undecided and says so.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import pandas as pd

from service.contract.alike import alike
from service.errors import ClientError, InvalidInput, PredictionFailed, ServiceError
from service.validation.findings import Judgement
from service.validation.policy.quality_bounds import MetricBounds
from service.validation.policy.reading import PolicyInForce
from service.validation.policy.validation_policy import ValidationPolicy
from service.validation.quality.answering import Answers, AskVersion, ProcessesGone, answers
from service.validation.quality.bounds import ComparedWith
from service.validation.quality.evaluation_data import EvaluationData
from service.validation.quality.found import Quality
from service.validation.quality.own_metrics import own_metrics
from service.validation.quality.predicted import UnreadableAnswers, predicted
from service.validation.quality.predictions import PredictionJudge
from service.validation.quality.scores import ScoredAs, UnmeasurableAnswers, scored_as
from service.validation.quality.slices import slices_of

MOST_DRAWN: Final = 16
# As `service.validation.smoke.smoke_tests` has it for the rows of an example.
_ALIKE: Final = 1e-5

RowsApart = Literal["alike", "unsteady", "dependent"]
"""`unsteady`: a row alone is not answered twice alike, so that nothing can be compared."""
OnRows = Callable[[str, int, int], None]
"""Told whom is asked, how many rows have been, and how many there are."""


def drawn(rows: Sequence[int]) -> Sequence[int]:
    """Some of the rows, evenly, each in the middle of its part; the same ones each time."""
    count = min(len(rows), MOST_DRAWN)
    return [rows[(2 * part + 1) * len(rows) // (2 * count)] for part in range(count)]


def rows_apart(predict: AskVersion, data: EvaluationData, answered: Mapping[int, Any]) -> RowsApart:
    """By some of the rows that were answered together; one that fails alone is dependent, too.

    What is measured is worth nothing to whoever sends one row, if the answer to it is another one.
    """
    for row in drawn(sorted(answered)):
        try:
            alone = predict(*data.request([row]))
            if alike(alone, [answered[row]], _ALIKE):
                continue
            again = predict(*data.request([row]))
        except (InvalidInput, PredictionFailed, ProcessesGone):
            return "dependent"
        return "dependent" if alike(again, alone, _ALIKE) else "unsteady"
    return "alike"


@dataclass(frozen=True, slots=True)
class AnsweringVersion:
    """A version that answers: what people call it, and how it is asked.

    Attributes:
        joined: whether the service may join its requests with others.
    """

    title: str
    predict: AskVersion
    joined: bool = False


@dataclass(frozen=True, slots=True)
class QualityQuestion:
    """What is to be judged, by what.

    Attributes:
        in_force: the policy.
        data: rows with labels.
        version: what is judged.
        against: what it is compared with, if anything.
        first: whether there is nothing to compare with because that alias is on no version yet.
        broken: the same because the version that it is on fails by itself.
        whole: whether rows mean nothing apart, so that none is asked alone.
    """

    in_force: PolicyInForce
    data: EvaluationData
    version: AnsweringVersion
    against: AnsweringVersion | None = None
    first: bool = False
    broken: bool = False
    whole: bool = False

    @property
    def beside(self) -> ComparedWith:
        """What stands beside the version."""
        if self.against is not None:
            return "other"
        return "broken" if self.broken else "first" if self.first else "none"


def check(in_force: PolicyInForce, data: EvaluationData) -> None:
    """Raises `BadSlice` or `BadMetric` for what the data cannot have, before anybody is asked."""
    slices_of(in_force.policy.slices, data.frame)
    for bounds in _all_bounds(in_force.policy):
        own_metrics(bounds, in_force.folder, data, data.labels)


def judge(question: QualityQuestion, told: OnRows = lambda _title, _done, _rows: None) -> Quality:
    """Asks for every row and judges what comes.

    Raises `BadData`, `BadSlice` and `BadMetric` for what the policy asks and the data cannot give,
    before anybody is asked, and whatever `AskVersion` raises that is neither a refusal nor a
    failure of the model.
    """
    check(question.in_force, question.data)
    found: list[Judgement] = []
    try:
        return _judged(question, told, found)
    except UnreadableAnswers as error:
        return Quality([*found, _undecided(f"{error}.")])
    except ServiceError:
        raise
    except Exception as error:  # noqa: BLE001 - the libraries' own; their texts may hold values
        kind = type(error).__name__
        return Quality([*found, _undecided(f"Labels and answers cannot be scored ({kind}).")])


def _judged(question: QualityQuestion, told: OnRows, found: list[Judgement]) -> Quality:
    """Puts into `found` what it finds on its way."""
    policy, data, version = question.in_force.policy, question.data, question.version
    ours, apart = _asked(question, version, told)
    other = question.against
    theirs = None if other is None else _asked(question, other, told)[0]
    found += [*_judged_answers(ours, data, policy), *_judged_apart(version, ours, apart)]
    if not ours.by_row:
        raise UnreadableAnswers("No row has an answer, so that there is nothing to judge")
    beside = question.beside
    if theirs is not None and not theirs.whole:
        found.append(_not_compared(theirs, data, policy))
        theirs, beside = (None, "broken") if theirs.broken else (theirs, beside)
    return _judge_of(question, ours, theirs, beside).judged(found)


def _not_compared(theirs: Answers, data: EvaluationData, policy: ValidationPolicy) -> Judgement:
    """What is broken need not be beaten; what refuses the data might have answered the rest."""
    if theirs.broken:
        said = f"fails on at least {max(1, len(theirs.failing))}"
        rest = "so that nothing is compared with it"
        verdict = policy.when_first
    else:
        said = f"refuses at least {len(theirs.refused)}"
        rest = "and was not asked for the rest"
        verdict = "undecided"
    sentence = f"The other version {said} of {data.rows} rows, {rest}."
    return Judgement("quality.against", verdict, sentence, "quality")


def _undecided(sentence: str) -> Judgement:
    return Judgement("quality.answers", "undecided", sentence, "quality")


def _all_bounds(policy: ValidationPolicy) -> Iterator[Mapping[str, MetricBounds]]:
    yield policy.metrics or {}
    yield from (each.metrics or {} for each in policy.slices)


def _asked(
    question: QualityQuestion, version: AnsweringVersion, told: OnRows
) -> tuple[Answers, RowsApart | None]:
    """Asked for many rows at a time; for each alone where that gives other answers.

    None where rows are not asked apart, or not all were asked.
    """
    data, admitted = question.data, question.in_force.policy.max_refused_rows
    heard = partial(told, version.title)
    try:
        ask = partial(answers, version.predict, data, lambda done: heard(done, data.rows))
        together = ask(admitted=admitted)
        if question.whole or not together.whole:
            return together, None
        apart = rows_apart(version.predict, data, together.by_row)
        return ask(admitted=admitted, batch=1) if apart == "dependent" else together, apart
    except ClientError as error:  # a refusal of the whole format, not of a row
        raise UnreadableAnswers(
            f"Version {version.title} does not take the data in this format: {error.message}"
        ) from error


def _judged_apart(
    version: AnsweringVersion, ours: Answers, apart: RowsApart | None
) -> Iterator[Judgement]:
    if apart is None or not ours.by_row:
        return
    sentence = {
        "alike": "Rows of the data are answered alone as they are together.",
        "unsteady": "It never answers twice alike, so that rows cannot be compared.",
        "dependent": "A row's answer depends on the rows that stand beside it",
    }[apart]
    wrong = apart == "dependent" and version.joined
    if apart == "dependent":
        rest = ", although requests may be joined" if wrong else ""
        sentence = f"{sentence}{rest}: each was asked alone, and is judged by that."
    yield Judgement("quality.rows_apart", "failed" if wrong else "passed", sentence, "quality")


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
    told += "; it ends its processes so often that not every row was asked" if ours.gone else ""
    yield Judgement(
        "quality.rows_failing",
        "failed" if failing or ours.together or ours.gone else "passed",
        f"The model fails on {least}{failing} of {data.rows} rows{told}.",
        "quality",
        {"rows_failing": float(failing)},
    )


def _judge_of(
    question: QualityQuestion, ours: Answers, theirs: Answers | None, beside: ComparedWith
) -> PredictionJudge:
    in_force, data = question.in_force, question.data
    classes = sorted(set(data.labels), key=str)
    one = predicted(ours.by_row, in_force.policy.answer, classes)
    other = None if theirs is None else predicted(theirs.by_row, in_force.policy.answer, classes)
    values = [each.predictions for each in (one, other) if each is not None]
    truth = _comparable(data, values)
    measured_as = _scored_as(in_force.policy, truth, values)
    return PredictionJudge(in_force, data, one, other, beside, truth, measured_as)


def _scored_as(
    policy: ValidationPolicy, truth: "pd.Series[Any]", values: Sequence["pd.Series[Any]"]
) -> ScoredAs:
    try:
        return scored_as(policy.task_asked, truth, values, policy.answer.counted)
    except UnmeasurableAnswers as error:
        raise UnreadableAnswers(str(error)) from None
    except (TypeError, ValueError):
        raise UnreadableAnswers("Labels and predictions are not of one kind") from None


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
