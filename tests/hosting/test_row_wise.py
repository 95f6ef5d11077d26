"""P16: what is known of a loaded version, what stands in the way, and what refutes it."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import cloudpickle
import mlflow
import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model
import sklearn.utils.extmath
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from service.hosting.inputs import Batch
from service.hosting.model import LoadedModel, RowWise
from service.hosting.row_wise.apart import apart
from service.hosting.row_wise.perturbed import perturbed
from service.hosting.row_wise.trial import refuted_by_others
from tests.hosting import neighbours
from tests.hosting.neighbours import CLASSES, FRAME, NEIGHBOURS, TARGET
from tests.support import models

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, of pickles and examples
EXAMPLE: Final = FRAME.head(3)


def batch(frame: pd.DataFrame, names: Any = None) -> Batch:
    """As a frame would be decoded."""
    data = frame.copy() if names is None else np.array(frame, order="K")
    return Batch(data, (len(frame),), None)


def saved(folder: Path, estimator: Any) -> str:
    """By value, as notebooks do it."""
    mlflow.sklearn.save_model(
        estimator,
        str(folder / "m"),
        signature=infer_signature(FRAME),
        pip_requirements=models.REQUIREMENTS,
        serialization_format="cloudpickle",
    )
    return str(folder / "m")


def loaded(folder: Path, estimator: Any, joinable: bool | None = None) -> LoadedModel:  # noqa: FBT001 - as it is asked
    """As a host loads it."""
    return LoadedModel(saved(folder, estimator), joinable=joinable)


@pytest.fixture
def by_value() -> Iterator[None]:
    """What hosts could not import goes into the pickle; a class that it patches is mended again."""
    methods = {name: vars(sklearn.linear_model.Ridge).get(name) for name in ("predict",)}
    cloudpickle.register_pickle_by_value(neighbours)
    yield
    cloudpickle.unregister_pickle_by_value(neighbours)
    if methods["predict"] is None and "predict" in vars(sklearn.linear_model.Ridge):
        del sklearn.linear_model.Ridge.predict


@pytest.mark.parametrize("name", NEIGHBOURS)
@pytest.mark.usefixtures("by_value")
def test_w1_what_looks_at_its_neighbours_is_not_known(tmp_path: Path, name: str) -> None:
    """Whatever three ordinary rows show; at whatever depth."""
    model = loaded(tmp_path, NEIGHBOURS[name]())
    found = model.warm_up(partial(batch, EXAMPLE))
    assert not found.shown
    assert "is not known to answer each row by itself" in found.reason
    assert len(found.reason) < 400


def test_step_that_stood_in_the_way_is_named(tmp_path: Path) -> None:
    """In words that an operator can act on."""
    clip = FunctionTransformer(np.cumsum, kw_args={"axis": 0})
    model = loaded(
        tmp_path, Pipeline([("clip", clip), ("fit", LinearRegression())]).fit(FRAME, TARGET)
    )
    assert model.row_wise.reason == (
        "its step 'clip' is a FunctionTransformer whose func is a function, which is not known to "
        "answer each row by itself; tag the version podium.batching=rows if it does"
    )


def test_names_of_the_models_are_escaped_and_cut(tmp_path: Path) -> None:
    """They are anybody's."""
    name = "\x1b[2J\n" + "x" * 5000
    steps = [(name, FunctionTransformer(np.cumsum)), ("fit", LinearRegression())]
    reason = loaded(tmp_path, Pipeline(steps).fit(FRAME, TARGET)).row_wise.reason
    assert "\x1b" not in reason
    assert "\n" not in reason
    assert len(reason) < 400


@pytest.mark.parametrize("joinable", [None, False])
def test_unknown_version_is_predicted_with_once(tmp_path: Path, joinable: Any) -> None:
    """Its example, whole: a call more might have effects."""
    model = LoadedModel(str(models.save(tmp_path, "outlying")), joinable=joinable)
    calls = []
    real = model._model.predict
    model._model.predict = lambda data: calls.append(len(data)) or real(data)  # type: ignore[func-returns-value]
    model.warm_up(partial(batch, models.ROWS))
    assert calls == [3]


def test_p16_rows_made_of_the_example_refute_the_operators_word(tmp_path: Path) -> None:
    """Although its own rows do not; and a row on which it ends its process costs nothing."""
    model = LoadedModel(str(models.save(tmp_path, "outlying")), joinable=True)
    found = model.warm_up(partial(batch, models.ROWS))
    # Where the fork ended before it could tell, nothing is refuted.
    assert found.shown
    refuted = refuted_by_others(
        lambda data: np.asarray(data["x"]) / max(1.0, data["x"].max() / 1e5),  # type: ignore[call-overload]
        models.ROWS,
        3,
        frozenset(),
    )
    assert refuted == "a row's answer depends on the rows that stand beside it"


def test_look_in_a_fork_costs_nothing_whatever_it_does() -> None:
    """What it says is heard; an end, an exception and a hang are not."""
    assert apart(lambda: "it depends", 60) == "it depends"
    assert apart(lambda: None, 60) is None
    assert apart(lambda: os._exit(7), 60) is None
    assert apart(lambda: str(1 / 0), 60) is None
    assert apart(lambda: str([None for _ in iter(int, 1)]), 0.1) is None


def test_rows_that_are_made_leave_the_example_as_it_was() -> None:
    """Dtypes too; nulls where they are allowed alone."""
    frame = pd.DataFrame(
        {"f": [0.0, 1.5], "i": [1, 2], "b": [True, False], "s": ["x", "y"]}
    ).astype({"f": "float32", "i": "int32"})
    before = frame.copy()
    made, rows = perturbed(frame, 2, frozenset({"f", "i", "b", "s"}))
    assert isinstance(made, pd.DataFrame)
    assert rows == len(made) <= 12
    assert made.dtypes.equals(frame.dtypes)
    assert made["f"].isna().sum() == 1
    whole, _ = perturbed(frame, 2, frozenset())
    assert isinstance(whole, pd.DataFrame)
    assert not whole["f"].isna().any()
    pd.testing.assert_frame_equal(frame, before)


def test_known_version_needs_no_example_and_one_row_is_enough(tmp_path: Path) -> None:
    """Knowledge suffices."""
    model = loaded(tmp_path, LogisticRegression().fit(FRAME, CLASSES))
    assert model.row_wise == RowWise(
        shown=True, reason="every class in it is known to answer each row by itself"
    )
    assert model.warm_up(partial(batch, FRAME.head(1))).shown


def test_function_beside_a_class_that_somebody_has_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Makes the class unknown, and keeps its columns' names."""
    model = LogisticRegression().fit(FRAME, CLASSES)
    assert loaded(tmp_path, model).row_wise.shown
    monkeypatch.setattr(sklearn.utils.extmath, "softmax", lambda found, copy=True: found)
    again = LoadedModel(str(tmp_path / "m"))
    assert "that somebody has changed" in again.row_wise.reason
    again.warm_up(partial(batch, EXAMPLE))
    assert again.matrix_of is None


def test_class_and_instance_that_somebody_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a function of their own, by one of another class, or by one that is wrapped."""
    place = saved(tmp_path, LogisticRegression().fit(FRAME, CLASSES))
    original = LogisticRegression.predict_proba
    for changed in (
        lambda self, data: data,
        LinearRegression.predict,
        partial(original),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(LogisticRegression, "predict_proba", changed)
            assert not LoadedModel(place).row_wise.shown
    assert LoadedModel(place).row_wise.shown


def test_other_flavours_are_not_known(tmp_path: Path) -> None:
    """They may do anything."""
    model = LoadedModel(str(models.save(tmp_path, "centring")))
    assert not model.row_wise.shown
    assert "podium.batching=rows" in model.row_wise.reason
