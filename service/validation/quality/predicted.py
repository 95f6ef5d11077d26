"""Predictions and probabilities, read from what a model answers for each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from service.validation.policy.quality_bounds import ModelAnswer


class UnreadableAnswers(Exception):
    """The answers hold no prediction that the policy says how to find; names no value."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """One version's predictions, by row.

    Attributes:
        predictions: one for each row that has one; its index holds the rows' positions.
        probabilities: for the same rows, a column for each of `labels`; None if there are none.
        labels: the classes that these columns are of.
        nulls: rows that are answered by null, or by NaN, which JSON has no word for.
    """

    predictions: "pd.Series[Any]"
    probabilities: pd.DataFrame | None
    labels: tuple[Any, ...] | None
    nulls: Sequence[int]


def predicted(answers: Mapping[int, Any], spec: ModelAnswer, labels: Sequence[Any]) -> Predicted:
    """What the answers say, by row; `labels` are the classes where the policy names none.

    Raises `UnreadableAnswers`.
    """
    kinds = {type(each) for each in answers.values()}
    if dict in kinds and len(kinds) > 1:
        raise UnreadableAnswers("The model answers some rows with columns and others without")
    if dict in kinds:
        return _of_columns(answers, spec, labels)
    if list in kinds:
        return _of_lists(answers, spec)
    return _without_nulls(pd.Series(answers), None, None)


def _of_columns(answers: Mapping[int, Any], spec: ModelAnswer, labels: Sequence[Any]) -> Predicted:
    frame = pd.DataFrame.from_dict(dict(answers), orient="index")
    name = spec.prediction
    if name is None and len(frame.columns) == 1:
        name = str(frame.columns[0])
    if name is None:
        raise UnreadableAnswers(
            f"The model answers with {len(frame.columns)} columns: name one as answer.prediction"
        )
    named = [name, *_names(spec.probabilities)]
    missing = [each for each in named if each not in frame.columns]
    if missing:
        raise UnreadableAnswers(f"The model answers without the column {', '.join(missing)}")
    return _without_nulls(frame[name], *_probabilities(frame, spec, labels))


def _names(probabilities: str | list[str] | None) -> list[str]:
    return [probabilities] if isinstance(probabilities, str) else probabilities or []


def _probabilities(
    frame: pd.DataFrame, spec: ModelAnswer, labels: Sequence[Any]
) -> tuple[pd.DataFrame | None, tuple[Any, ...] | None]:
    if spec.probabilities is None:
        return None, None
    if isinstance(spec.probabilities, list):
        if spec.labels is None or len(spec.labels) != len(spec.probabilities):
            raise UnreadableAnswers("answer.labels must name a class for each of probabilities")
        found = frame[spec.probabilities].set_axis(range(len(spec.labels)), axis=1)
        return found.astype(float), tuple(spec.labels)
    classes = list(spec.labels or labels)
    if len(classes) != 2:  # noqa: PLR2004 - one column says all of two classes alone
        raise UnreadableAnswers("One column of probabilities is enough for two classes alone")
    positive = max(classes) if spec.positive is None else spec.positive
    of_positive = frame[spec.probabilities].astype(float)
    columns = [of_positive if each == positive else 1 - of_positive for each in classes]
    return pd.concat(columns, axis=1, keys=range(2)), tuple(classes)


def _of_lists(answers: Mapping[int, Any], spec: ModelAnswer) -> Predicted:
    lists = {row: each for row, each in answers.items() if isinstance(each, list)}
    widths = {len(each) for each in lists.values()}
    if len(lists) < len(answers) or len(widths) > 1:
        raise UnreadableAnswers("The model answers rows with lists of different lengths")
    width = widths.pop()
    if width == 1:
        return _without_nulls(pd.Series({row: each[0] for row, each in lists.items()}), None, None)
    if spec.labels is None or len(spec.labels) != width:
        raise UnreadableAnswers(
            f"The model answers each row with a list of {width}: name as many answer.labels"
        )
    frame = pd.DataFrame.from_dict(lists, orient="index").astype(float)
    best = np.asarray(frame.fillna(-np.inf)).argmax(axis=1)
    values = pd.Series([spec.labels[at] for at in best], index=frame.index)
    values[frame.isna().any(axis=1)] = None
    return _without_nulls(values, frame, tuple(spec.labels))


def _without_nulls(
    values: "pd.Series[Any]", probabilities: pd.DataFrame | None, labels: tuple[Any, ...] | None
) -> Predicted:
    missing = values.isna()
    if probabilities is not None:
        missing |= probabilities.isna().any(axis=1)
        probabilities = probabilities[~missing]
    nulls = [int(row) for row in values.index[missing]]
    return Predicted(values[~missing].infer_objects(), probabilities, labels, nulls)
