"""Rows asked through a contract: what is refused and what fails is found row by row."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from service.errors import ModelFailed
from service.validation.quality.answering import ProcessesGone, answers
from service.validation.quality.evaluation_data import EvaluationData
from tests.validation.answered import ContractedModel, Raises, Row, data_of


@pytest.fixture
def data(tmp_path: Path) -> EvaluationData:
    """A thousand rows."""
    rows = range(1000)
    frame = pd.DataFrame({"x": [float(row) for row in rows], "kind": "a", "label": 0})
    return data_of(tmp_path, frame)


def doubled(row: Row) -> float:
    """A model that never fails."""
    return 2.0 * float(row["x"])


def test_every_row_has_its_own_answer(data: EvaluationData) -> None:
    """In several requests, of which the caller hears."""
    heard: list[int] = []
    found = answers(ContractedModel(doubled), data, heard.append)
    assert found.by_row == {row: 2.0 * row for row in range(1000)}
    assert heard == [200, 400, 600, 800, 1000]
    assert found.whole


def test_refused_rows_are_told_by_count_and_column(tmp_path: Path) -> None:
    """Their neighbours in the same request are answered all the same."""
    frame = pd.DataFrame({"x": [1.0, None, 3.0, None], "kind": ["a", "b", "c", None], "label": 0})
    found = answers(ContractedModel(doubled), data_of(tmp_path, frame))
    assert (found.refused, found.columns) == ([1, 3], {"x": 2, "kind": 1})
    assert found.by_row == {0: 2.0, 2: 6.0}


def test_rows_that_may_be_refused_leave_none_of_the_others_unasked(tmp_path: Path) -> None:
    """However many: what is admitted is not a reason to judge a part of the data."""
    frame = pd.DataFrame({"x": [None] * 1200 + [2.0] * 400, "kind": "a", "label": 0})
    data, model = data_of(tmp_path, frame), ContractedModel(doubled)
    admitted = answers(model, data, admitted=1200)
    assert (len(admitted.by_row), admitted.whole) == (400, True)
    stopped = answers(model, data)
    assert (len(stopped.refused), stopped.whole) == (1000, False)


def test_column_that_is_missing_refuses_every_row_by_its_name(tmp_path: Path) -> None:
    """Not by a place of the request."""
    frame = pd.DataFrame({"x": [1.0, 2.0], "label": 0})
    found = answers(ContractedModel(doubled), data_of(tmp_path, frame))
    assert (found.refused, found.columns, found.by_row) == ([0, 1], {"kind": 2}, {})


def test_infinity_is_refused_and_never_null(tmp_path: Path) -> None:
    """JSON has no word for it."""
    frame = pd.DataFrame({"x": [1.0, float("inf")], "kind": "a", "label": 0})
    found = answers(ContractedModel(doubled), data_of(tmp_path, frame))
    assert (found.refused, found.columns) == ([1], {"x": 1})


def test_two_rows_on_which_the_model_raises_are_found(data: EvaluationData) -> None:
    """And all others are answered, with few more requests."""

    def model(row: Row) -> float:
        if row["x"] in {321.0, 987.0}:
            raise Raises
        return doubled(row)

    asked = ContractedModel(model)
    found = answers(asked, data)
    assert (found.failing, found.reasons) == ([321, 987], {"model_failed": 2})
    assert len(found.by_row) == 998
    assert found.whole
    assert asked.requests < 50


def test_model_that_fails_on_all_rows_is_not_asked_for_each(data: EvaluationData) -> None:
    """Each may cost a process."""

    def model(_row: Row) -> float:
        raise Raises

    asked = ContractedModel(model)
    found = answers(asked, data)
    assert not found.whole
    assert len(found.failing) == 20
    assert asked.requests < 60


def test_request_that_fails_although_none_of_its_rows_does_is_counted(
    data: EvaluationData,
) -> None:
    """It would fail for an application too."""
    single = ContractedModel(doubled)

    def predict(body: bytes, media_type: str) -> Any:
        found = single(body, media_type)
        if len(found) == 200 and found[0] == 400.0:
            raise ModelFailed("The model has failed.")
        return found

    found = answers(predict, data)
    assert (found.together, found.failing, len(found.by_row)) == (1, [], 1000)


def test_version_that_ends_its_processes_is_asked_no_more(data: EvaluationData) -> None:
    """What was answered until then is kept."""
    single = ContractedModel(doubled)

    def predict(body: bytes, media_type: str) -> Any:
        if single.requests == 2:
            raise ProcessesGone("No process of this version can answer right now.")
        return single(body, media_type)

    found = answers(predict, data)
    assert (found.gone, found.broken, found.whole) == (True, True, False)
    assert (len(found.by_row), found.failing) == (400, [])


@pytest.mark.parametrize("answer", [3, {"a": 1}, [1, 2], None])
def test_answer_that_is_not_one_a_row_is_a_failure(data: EvaluationData, answer: Any) -> None:
    """Nobody could say which row it is of."""
    found = answers(lambda _body, _media_type: answer, data)
    assert set(found.reasons) == {"not_by_row"}
    assert found.by_row == {}
