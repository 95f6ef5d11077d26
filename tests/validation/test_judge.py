"""What is worse is found, on all rows and on one slice alone; what is the same passes."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from service.validation.quality.evaluation_data import BadData
from service.validation.quality.own_metrics import BadMetric
from service.validation.quality.slices import BadSlice
from tests.validation.answered import Raises, Row, failed, judged, named, verdicts

# 200 rows; `x` counts them, `kind` is "rare" for the last 40. The label is whether x is even.
FRAME = pd.DataFrame(
    {
        "x": [float(row) for row in range(200)],
        "kind": ["often"] * 160 + ["rare"] * 40,
        "label": [row % 2 for row in range(200)],
    }
)
NO_WORSE = {"accuracy_score": {"min_absolute_change": 0}}


def right(row: Row) -> int:
    """Always."""
    return int(row["x"]) % 2


def wrong_on(*rows: int) -> Any:
    """A model that is wrong on these alone."""
    return lambda row: 1 - right(row) if int(row["x"]) in rows else right(row)


def test_version_beside_itself_passes_by_every_bound(tmp_path: Path) -> None:
    """Nothing in quality is drawn by chance: 199 of 200 would be too few."""
    model = wrong_on(3, 7, 170)
    policy = {"metrics": NO_WORSE, "slices": [{"by": "kind"}, {"query": "x < 100"}]}
    found = judged(tmp_path, FRAME, policy, model, model)
    assert failed(found) == []
    assert found.differing == []


def test_less_accurate_version_fails_and_says_by_how_much(tmp_path: Path) -> None:
    """With both values as figures."""
    found = judged(tmp_path, FRAME, {"metrics": NO_WORSE}, wrong_on(1, 2), wrong_on(1))
    assert failed(found) == ["quality.accuracy_score"]
    judgement = named(found, "quality.accuracy_score")
    assert judgement.sentence == (
        "accuracy_score is 0.99; the other's is 0.995, and this is worse by 0.005; "
        "a change of +0 is asked for."
    )
    assert judgement.figures == {"accuracy_score": 0.99, "against/accuracy_score": 0.995}
    assert found.differing == [2]


def test_less_accurate_on_one_slice_alone_is_found(tmp_path: Path) -> None:
    """It is better on all rows together."""
    ours, theirs = wrong_on(190, 191, 192, 193), wrong_on(*range(20))
    policy = {"metrics": NO_WORSE, "slices": [{"by": "kind"}]}
    found = judged(tmp_path, FRAME, policy, ours, theirs)
    assert failed(found) == ["quality.kind=rare.accuracy_score"]
    assert verdicts(found)["quality.kind=often.accuracy_score"] == "passed"


@pytest.mark.parametrize(
    "asked",
    [
        {"where": {"kind": "rare"}, "name": "rare ones"},
        {"query": "`kind` == 'rare' and x >= 160", "name": "rare ones"},
    ],
)
def test_slice_has_bounds_of_its_own(tmp_path: Path, asked: dict[str, Any]) -> None:
    """Of other metrics than the whole, where it names some."""
    policy = {
        "metrics": {"accuracy_score": {"threshold": 0.5}},
        "slices": [{**asked, "metrics": {"recall_score": {"threshold": 0.95}}}],
    }
    found = judged(tmp_path, FRAME, policy, wrong_on(161, 163))
    assert failed(found) == ["quality.rare ones.recall_score"]


def test_slice_of_few_rows_is_undecided_and_not_judged(tmp_path: Path) -> None:
    """One row of ten would be ten points."""
    small = {"where": {"x": 199}, "metrics": {"accuracy_score": {"threshold": 1}}}
    policy = {"slices": [small]}
    found = judged(tmp_path, FRAME, policy, wrong_on(199))
    assert verdicts(found)["quality.x=199.rows"] == "undecided"
    assert "quality.x=199.accuracy_score" not in verdicts(found)
    assert named(found, "quality.x=199.rows").sentence == (
        "1 row is too few to be judged; 30 are asked for."
    )
    lenient = judged(tmp_path, FRAME, {**policy, "when_small": "passed"}, wrong_on(199))
    assert failed(lenient) == []


def test_data_of_few_rows_is_undecided(tmp_path: Path) -> None:
    """As a slice is."""
    found = judged(tmp_path, FRAME[:9], {"metrics": {"accuracy_score": {"threshold": 1}}}, right)
    assert failed(found) == ["quality.rows"]


def test_change_without_another_version_is_undecided_or_as_the_policy_says(
    tmp_path: Path,
) -> None:
    """A bound that could not be looked at is never passed in silence."""
    policy = {"metrics": NO_WORSE}
    alone = judged(tmp_path, FRAME, policy, right)
    assert verdicts(alone)["quality.accuracy_score"] == "undecided"
    first = judged(tmp_path, FRAME, policy, right, first=True)
    assert "no other version yet" in named(first, "quality.accuracy_score").sentence
    assert failed(first) == []
    strict = {**policy, "when_first": "failed"}
    assert failed(judged(tmp_path, FRAME, strict, right, first=True))


def test_policy_without_metrics_still_finds_what_is_clearly_worse(tmp_path: Path) -> None:
    """Beside another version; an empty mapping asks for nothing."""
    worse = wrong_on(*range(5))
    assert failed(judged(tmp_path, FRAME, {}, worse, right)) == ["quality.accuracy_score"]
    assert failed(judged(tmp_path, FRAME, {"metrics": {}}, worse, right)) == []


def test_rows_on_which_the_model_raises_fail_it(tmp_path: Path) -> None:
    """Two of two hundred, by number, never by value."""

    def model(row: Row) -> int:
        if int(row["x"]) in {17, 111}:
            raise Raises
        return right(row)

    found = judged(tmp_path, FRAME, {"metrics": {"accuracy_score": {"threshold": 1}}}, model)
    assert failed(found) == ["quality.rows_failing"]
    assert named(found, "quality.rows_failing").sentence == (
        "The model fails on 2 of 200 rows: model_failed (2)."
    )


def test_refused_rows_fail_beyond_what_the_policy_admits(tmp_path: Path) -> None:
    """They are left out of the metrics of both versions."""
    frame = FRAME.assign(x=FRAME["x"].where(FRAME["x"] > 1))
    assert failed(judged(tmp_path, frame, {}, right, right)) == ["quality.rows_refused"]
    assert failed(judged(tmp_path, frame, {"max_refused_rows": 2}, right, right)) == []


def test_data_of_which_every_row_is_refused_is_undecided(tmp_path: Path) -> None:
    """Whatever the policy admits: what is asked of the answers was not looked at."""
    frame = FRAME.assign(x=None)[:40].astype({"x": "float64"})
    asked = {
        "max_refused_rows": 40,
        "when_small": "passed",
        "metrics": {"accuracy_score": {"threshold": 0.9}},
    }
    found = judged(tmp_path, frame, asked, right)
    assert verdicts(found)["quality.rows_refused"] == "passed"
    assert named(found, "quality.answers").sentence == (
        "No row has an answer, so that there is nothing to judge."
    )
    assert failed(found) == ["quality.answers"]


def test_thresholds_are_judged_where_the_other_version_answers_few_rows(tmp_path: Path) -> None:
    """What the policy says of few rows is said of the comparison alone."""
    policy = {
        "when_small": "passed",
        "metrics": {"accuracy_score": {"threshold": 0.999, "min_absolute_change": 0}},
    }

    def other(row: Row) -> int | None:
        return right(row) if row["x"] < 20 else None

    found = judged(tmp_path, FRAME, policy, wrong_on(1), other)
    assert failed(found) == ["quality.accuracy_score"]
    assert "compared with the other version" in named(found, "quality.rows").sentence


def test_version_beside_one_that_fails_on_the_data_is_judged_alone(tmp_path: Path) -> None:
    """A broken version can be replaced; by the policy's word on what has nothing before it."""

    def broken(_row: Row) -> int:
        raise Raises

    policy = {"metrics": {"accuracy_score": {"threshold": 0.9, "min_absolute_change": 0}}}
    assert failed(judged(tmp_path, FRAME, policy, right, broken)) == []
    worse = judged(tmp_path, FRAME, policy, wrong_on(*range(50)), broken)
    assert failed(worse) == ["quality.accuracy_score"]
    strict = judged(tmp_path, FRAME, {**policy, "when_first": "undecided"}, right, broken)
    assert set(failed(strict)) == {"quality.against", "quality.accuracy_score"}
    assert named(strict, "quality.against").sentence == (
        "The other version fails on at least 20 of 200 rows, so that nothing is compared with it."
    )


@pytest.mark.parametrize(
    ("labels", "model", "said"),
    [
        (["0", "1"] * 100, lambda _row: [0.5, "x"], "cannot be scored (ValueError)"),
        ([0, 1] * 100, lambda _row: 0.3, "set task to regressor"),
        ([[0], [1]] * 100, right, "cannot be scored"),
        ([float("inf")] + [0.5] * 199, lambda row: row["x"], "infinite"),
    ],
)
def test_what_cannot_be_scored_is_undecided_and_says_so(
    tmp_path: Path, labels: list[Any], model: Any, said: str
) -> None:
    """Not a traceback of a library's, whose text may hold values."""
    found = judged(tmp_path, FRAME.assign(label=labels), {"answer": {"labels": ["0", "1"]}}, model)
    assert failed(found) == ["quality.answers"]
    assert verdicts(found)["quality.answers"] == "undecided"
    assert said in named(found, "quality.answers").sentence


def test_whole_labels_and_answers_with_fractions_are_a_regression(tmp_path: Path) -> None:
    """As those of load_diabetes: what is predicted is seen from both."""
    frame = FRAME.assign(label=[int(row) for row in FRAME["x"]])
    bounds = {"metrics": {"mean_absolute_error": {"threshold": 0.3}}}
    assert failed(judged(tmp_path, frame, bounds, lambda row: row["x"] + 0.25)) == []
    assert failed(judged(tmp_path, frame, bounds, lambda row: row["x"] + 0.5)) == [
        "quality.mean_absolute_error"
    ]
    said = judged(tmp_path, frame, {"task": "classifier"}, lambda row: row["x"] + 0.5)
    assert failed(said) == ["quality.answers"]


def test_whole_labels_and_answers_are_a_regression_where_its_metrics_are_named(
    tmp_path: Path,
) -> None:
    """As classes they would fail for each number that nobody has seen."""
    frame = FRAME.assign(label=[int(row) for row in FRAME["x"]])
    bounds = {"metrics": {"root_mean_squared_error": {"threshold": 1.5}}}
    assert failed(judged(tmp_path, frame, bounds, lambda row: int(row["x"]) + 1)) == []


@pytest.mark.parametrize("labels", [[0, 1], [1, 0]])
def test_class_that_counts_is_the_greatest_of_labels_in_any_order(
    tmp_path: Path, labels: list[int]
) -> None:
    """One for the column of probabilities and for recall; also where the data has one class."""
    answer = {"prediction": "class", "probabilities": "p", "labels": labels}
    metrics = {"roc_auc": {"threshold": 1}, "recall_score": {"threshold": 0.85}}

    def model(row: Row) -> dict[str, Any]:
        return {"class": right(row), "p": 0.9 if right(row) else 0.2}

    assert failed(judged(tmp_path, FRAME, {"answer": answer, "metrics": metrics}, model)) == []
    zeros = FRAME[FRAME["label"] == 0]
    found = judged(tmp_path, zeros, {"answer": answer, "metrics": {"recall_score": {}}}, model)
    assert "is not defined" in named(found, "quality.recall_score").sentence


def test_rows_that_the_other_version_does_not_answer_are_not_compared(tmp_path: Path) -> None:
    """Nor do they count as its mistakes; too few of them are undecided."""

    def other(row: Row) -> int:
        if row["x"] in {4, 8}:
            raise Raises
        return right(row)

    found = judged(tmp_path, FRAME, {"metrics": NO_WORSE}, wrong_on(4, 8), other)
    assert failed(found) == []
    assert named(found, "quality.rows_compared").sentence == (
        "Both versions answer 198 of 200 rows, and 0 of them differently."
    )
    few = judged(
        tmp_path,
        FRAME,
        {"metrics": NO_WORSE},
        wrong_on(4, 8),
        lambda row: right(row) if row["x"] < 20 else None,
    )
    assert failed(few) == ["quality.rows"]


def test_rows_answered_by_null_fail_it(tmp_path: Path) -> None:
    """MLflow's protocol writes NaN so."""
    found = judged(tmp_path, FRAME, {}, lambda row: None if row["x"] == 5 else right(row))
    assert failed(found) == ["quality.rows_null"]


def test_class_that_nobody_knows_fails_it(tmp_path: Path) -> None:
    """By number alone: the names of classes are values of rows."""
    found = judged(tmp_path, FRAME, {}, lambda row: 77 if row["x"] == 5 else right(row), right)
    assert failed(found) == ["quality.classes_new"]
    assert found.changes is not None
    assert found.changes.new == [77]
    assert "77" not in "".join(each.sentence for each in found.judgements)


def test_class_that_is_never_predicted_any_more_fails_it(tmp_path: Path) -> None:
    """Also where accuracy admits it."""
    policy: dict[str, Any] = {"metrics": {}}
    found = judged(tmp_path, FRAME, policy, lambda _row: 0, right)
    assert failed(found) == ["quality.classes_never"]
    told = {**policy, "classes": {"never": "passed"}}
    assert failed(judged(tmp_path, FRAME, told, lambda _row: 0, right)) == []


def test_class_that_the_other_version_never_predicts_is_no_new_one(tmp_path: Path) -> None:
    """Where labels have it: the version has learnt it."""
    assert failed(judged(tmp_path, FRAME, {"metrics": {}}, right, lambda _row: 0)) == []


def test_predictions_of_another_kind_than_the_labels_are_not_compared(tmp_path: Path) -> None:
    """Text beside numbers would be an accuracy of 0."""
    found = judged(tmp_path, FRAME, {}, lambda row: str(right(row)))
    assert failed(found) == ["quality.answers"]
    assert named(found, "quality.answers").sentence == "Labels are numbers and predictions text."


def test_answers_of_several_columns_are_read_as_the_policy_says(tmp_path: Path) -> None:
    """With the probability of the class that counts."""

    def model(row: Row) -> dict[str, Any]:
        return {"class": right(row), "p": 0.9 if right(row) else 0.2}

    metrics = {"roc_auc": {"threshold": 1}, "log_loss": {"threshold": 0.2}}
    unsaid = judged(tmp_path, FRAME, {"metrics": metrics}, model)
    assert named(unsaid, "quality.answers").sentence == (
        "The model answers with 2 columns: name one as answer.prediction."
    )
    said = {"answer": {"prediction": "class", "probabilities": "p"}, "metrics": metrics}
    found = judged(tmp_path, FRAME, said, model)
    assert failed(found) == []
    assert named(found, "quality.log_loss").figures["log_loss"] == pytest.approx(0.164252)


def test_lists_of_probabilities_are_read_by_the_names_of_their_classes(tmp_path: Path) -> None:
    """The greatest is the prediction."""
    policy = {"answer": {"labels": [0, 1]}, "metrics": {"roc_auc": {"threshold": 1}}}
    found = judged(tmp_path, FRAME, policy, lambda row: [0.3, 0.7] if right(row) else [0.6, 0.4])
    assert failed(found) == []
    assert found.parts[0].ours["accuracy_score"] == 1


def test_metric_without_its_probabilities_is_undecided(tmp_path: Path) -> None:
    """It was not measured, so it has not passed."""
    found = judged(tmp_path, FRAME, {"metrics": {"roc_auc": {"threshold": 0.1}}}, right)
    assert verdicts(found)["quality.roc_auc"] == "undecided"


def test_regression_is_judged_by_errors(tmp_path: Path) -> None:
    """Less is better; the default admits 5 percent."""
    frame = FRAME.assign(label=FRAME["x"] + 0.5)

    def off(by: float) -> Any:
        return lambda row: row["x"] + 0.5 + by

    assert failed(judged(tmp_path, frame, {}, off(1.04), off(1))) == []
    assert failed(judged(tmp_path, frame, {}, off(1.06), off(1))) == [
        "quality.root_mean_squared_error"
    ]
    bounds = {"metrics": {"mean_absolute_error": {"threshold": 1.05}}}
    assert failed(judged(tmp_path, frame, bounds, off(1.06)))


OWN = """
from mlflow.models import make_metric

def gain(predictions, targets, metrics, x):
    assert 0 <= metrics["accuracy_score"] <= 1
    return float((predictions == targets).mul(x).sum())

def raising(predictions, targets):
    raise ValueError(f"{targets.iloc[0]}")

def leaving(predictions):
    raise SystemExit(0)

unreadable = dict

def text(predictions, targets):
    return "much"

def of_column(predictions, colour):
    return 1

made = make_metric(eval_fn=gain, greater_is_better=True, name="gain")
"""


def own(tmp_path: Path, name: str, **bounds: Any) -> dict[str, Any]:
    """A policy with a metric of `OWN`."""
    (tmp_path / "own.py").write_text(OWN)
    asked = {"make_metric": f"own.py:{name}", "greater_is_better": True, **bounds}
    return {"metrics": {"gain": asked}}


@pytest.mark.parametrize("name", ["gain", "made"])
def test_own_metric_is_called_as_mlflow_calls_it(tmp_path: Path, name: str) -> None:
    """With predictions, targets, the metrics so far, and columns by their names."""
    policy = own(tmp_path, name, threshold=19_900, min_absolute_change=0)
    found = judged(tmp_path, FRAME, policy, right, wrong_on(5))
    assert named(found, "quality.gain").figures == {"gain": 19_900, "against/gain": 19_895}
    assert failed(found) == []
    worse = judged(tmp_path, FRAME, policy, wrong_on(5), right)
    assert failed(worse) == ["quality.gain"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raising", "metrics.gain: its code raises ValueError."),
        ("leaving", "metrics.gain: its code raises SystemExit."),
        ("text", "metrics.gain: gives no number."),
    ],
)
def test_own_metric_that_gives_no_number_is_undecided_without_values(
    tmp_path: Path, name: str, said: str
) -> None:
    """It was not measured; everything else is judged and kept."""
    found = judged(tmp_path, FRAME, own(tmp_path, name), right)
    assert failed(found) == ["quality.gain"]
    assert verdicts(found)["quality.gain"] == "undecided"
    assert named(found, "quality.gain").sentence == said
    assert found.parts


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unreadable", "nobody can tell what its code asks for"),
        ("of_column", "metrics.gain: the data has no column colour, which it asks for"),
        ("none", "has no attribute 'none'"),
    ],
)
def test_own_metric_that_cannot_be_called_is_told_before_anybody_is_asked(
    tmp_path: Path, name: str, said: str
) -> None:
    """It is the policy's mistake, and not the version's."""
    with pytest.raises(BadMetric, match=said):
        judged(tmp_path, FRAME, own(tmp_path, name), right)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"by": "colour"}, "slices.0: the data has no column colour; it has x, kind, label, young"),
        ({"where": {"colour": 1}}, "slices.0: the data has no column colour"),
        ({"query": "kind < 3"}, "slices.0: column kind holds text, and is compared with numbers"),
        ({"query": "x == '7'"}, "slices.0: column x holds numbers, and is compared with text"),
        (
            {"query": "kind in ['a', 7]"},
            "slices.0: column kind holds text, and is compared with nu",
        ),
        (
            {"query": "label == True"},
            "slices.0: column label holds numbers, and is compared with b",
        ),
        (
            {"query": "young == 'True'"},
            "slices.0: column young holds booleans, and is compared wit",
        ),
        (
            {"query": "young == 1"},
            "slices.0: column young holds booleans, and is compared with num",
        ),
        ({"where": {"x": "7"}}, "slices.0: column x holds numbers, and is compared with text"),
        ({"where": {"x": True}}, "slices.0: column x holds numbers, and is compared with booleans"),
        ({"query": "not x"}, "slices.0: column x is not of booleans: compare it with a value"),
        ({"query": "x == 0 and kind"}, "slices.0: column kind is not of booleans: compare it wit"),
        ({"query": "x == 0.5"}, "slices.0: no row of the data is in it"),
        ({"where": {"kind": "rae"}}, "slices.0: no row of the data is in it"),
        ({"by": "x"}, "slices.0: x has 200 values; at most 50 make slices"),
    ],
)
def test_slice_that_the_data_cannot_have_is_told_before_anybody_is_asked(
    tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    """An empty slice would pass by every bound."""

    def model(_row: Row) -> int:
        raise AssertionError("asked")

    with pytest.raises(BadSlice, match=said):
        judged(tmp_path, FRAME.assign(young=FRAME["x"] < 9), {"slices": [asked]}, model)


def test_columns_of_booleans_select_by_themselves(tmp_path: Path) -> None:
    """Joined by and, or, not."""
    frame = FRAME.assign(young=FRAME["x"] < 90, old=FRAME["x"] > 150)
    asked = {"name": "middle", "query": "not young and not old and x > 100"}
    found = judged(tmp_path, frame, {"slices": [asked]}, right)
    assert [(part.label, part.rows) for part in found.parts] == [(None, 200), ("middle", 50)]


def test_rows_without_a_value_are_a_slice_like_the_others(tmp_path: Path) -> None:
    """Else a version could fail on them untold."""
    frame = FRAME.assign(plan=FRAME["kind"].where(FRAME["kind"] == "often"))
    policy = {"metrics": {"accuracy_score": {"threshold": 0.9}}, "slices": [{"by": "plan"}]}
    found = judged(tmp_path, frame, policy, wrong_on(*range(160, 180)))
    assert failed(found) == ["quality.plan is null.accuracy_score"]


def test_two_slices_of_one_name_are_refused(tmp_path: Path) -> None:
    """Nobody could tell whose verdict it is."""
    asked = [{"by": "kind"}, {"where": {"kind": "rare"}}]
    with pytest.raises(BadSlice, match="slices: 2 are called kind=rare"):
        judged(tmp_path, FRAME, {"slices": asked}, right)


def test_data_without_a_label_is_refused(tmp_path: Path) -> None:
    """Before anything is asked."""
    with pytest.raises(BadData, match="has no column label"):
        judged(tmp_path, FRAME.drop(columns="label"), {}, right)
