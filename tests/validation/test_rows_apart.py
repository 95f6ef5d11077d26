"""Rows of the data asked alone: what a client that sends one row gets is what is judged."""

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from service.errors import ModelFailed
from service.validation.policy.reading import read_policy
from service.validation.quality.answering import AskVersion
from service.validation.quality.found import Quality
from service.validation.quality.judge import AnsweringVersion, QualityQuestion, drawn, judge
from tests.validation.answered import ContractedModel, data_of, failed, named

FRAME = pd.DataFrame({"x": [float(row % 7) for row in range(400)]})
RequestModel = Callable[[Sequence[float]], Sequence[Any]]


def centred(values: Sequence[float]) -> Sequence[float]:
    """By the rows that stand beside each."""
    middle = sum(values) / len(values)
    return [value - middle for value in values]


def ask(model: RequestModel) -> AskVersion:
    """A model of whole requests."""
    read = ContractedModel(dict, {"x": "double"})

    def predict(body: bytes, media_type: str) -> Any:
        return model([row["x"] for row in read.rows_of(body, media_type)])

    return predict


def quality(
    folder: Path, model: RequestModel, *, joined: bool = False, whole: bool = False
) -> Quality:
    """Of labels that are what `centred` gives for two hundred rows at a time."""
    labels = [value for at in (0, 200) for value in centred(list(FRAME["x"][at : at + 200]))]
    policy = {"metrics": {"max_error": {"threshold": 1e-6}}}
    flags = {"data": "rows.parquet", "label": "label", **policy}
    data = data_of(folder, FRAME.assign(label=labels))
    version = AnsweringVersion("2", ask(model), joined=joined)
    return judge(QualityQuestion(read_policy(None, flags), data, version, whole=whole))


def test_row_dependent_version_is_judged_by_what_one_row_gets(tmp_path: Path) -> None:
    """Right for two hundred rows together, and wrong for each alone."""
    found = quality(tmp_path, centred)
    assert failed(found) == ["quality.max_error"]
    assert "each was asked alone" in named(found, "quality.rows_apart").sentence


def test_row_dependent_version_whose_requests_may_be_joined_has_failed(tmp_path: Path) -> None:
    """Whoever is joined with whom would be told another answer."""
    found = quality(tmp_path, centred, joined=True)
    assert "quality.rows_apart" in failed(found)


def test_rows_that_mean_nothing_apart_are_not_asked_alone(tmp_path: Path) -> None:
    """Where the operator says so."""
    assert failed(quality(tmp_path, centred, whole=True)) == []


def test_version_that_fails_on_a_row_alone_has_failed(tmp_path: Path) -> None:
    """A spread of one row, say."""

    def spread(values: Sequence[float]) -> Sequence[float]:
        if len(values) == 1:
            raise ModelFailed("The model raised an exception on this input.")
        return centred(values)

    assert "quality.rows_failing" in failed(quality(tmp_path, spread))


def test_version_that_never_answers_twice_alike_is_not_said_to_depend(tmp_path: Path) -> None:
    """It is judged by what it has answered."""
    numbers = count()

    def chance(values: Sequence[float]) -> Sequence[float]:
        return [float(next(numbers)) for _ in values]

    found = quality(tmp_path, chance)
    assert "never answers twice alike" in named(found, "quality.rows_apart").sentence


@pytest.mark.parametrize("rows", [1, 2, 16, 17, 200, 3200])
def test_rows_are_drawn_evenly_and_no_one_is_always_the_first_of_its_request(rows: int) -> None:
    """Whoever looks at the row before would be right on the first ones alone."""
    found = drawn(range(rows))
    assert len(set(found)) == min(rows, 16)
    assert rows <= 16 or not all(row % 200 == 0 for row in found)
