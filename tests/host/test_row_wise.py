"""P16: what is known of a loaded version, what stands in the way, and what refutes it."""

import datetime as dt
import os
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from importlib import import_module
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
from mlflow.pyfunc import PyFuncModel
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler
from sklearn.utils.validation import check_array

from service.host.inputs import Batch
from service.host.model import LoadedModel, RowWise
from service.host.row_wise import classes as listed
from service.host.row_wise.origin import Origins
from service.host.row_wise.trial import perturbed
from service.host.row_wise.walk import obstacle_of
from tests.host import neighbours
from tests.host.neighbours import CLASSES, FRAME, NEIGHBOURS, TARGET, less_mean
from tests.support import models

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, of pickles and examples
EXAMPLE: Final = FRAME.head(3)
FITTED: Final = LogisticRegression().fit(FRAME, CLASSES)


def batch(frame: pd.DataFrame, names: Any = None) -> Batch:
    """As a frame would be decoded."""
    data = frame.copy() if names is None else np.array(frame, order="K")
    return Batch(data, (len(frame),), None)


def saved(folder: Path, estimator: Any, ships: Path | None = None, *, asks: str = "predict") -> str:
    """By value, as notebooks do it."""
    mlflow.sklearn.save_model(
        estimator,
        str(folder / "m"),
        signature=infer_signature(FRAME),
        pip_requirements=models.REQUIREMENTS,
        serialization_format="cloudpickle",
        code_paths=None if ships is None else [str(ships)],
        pyfunc_predict_fn=asks,
    )
    return str(folder / "m")


def loaded(folder: Path, estimator: Any, joinable: bool | None = None) -> LoadedModel:  # noqa: FBT001 - as it is asked
    """As a host loads it."""
    return LoadedModel(saved(folder, estimator), joinable=joinable)


@pytest.fixture
def by_value() -> Iterator[None]:
    """What hosts could not import goes into the pickle; a class that it patches is mended again."""
    patched = sklearn.linear_model.Ridge
    own = vars(patched).get("predict")
    cloudpickle.register_pickle_by_value(neighbours)
    yield
    cloudpickle.unregister_pickle_by_value(neighbours)
    if own is not None:
        patched.predict = own
    elif "predict" in vars(patched):
        del patched.predict


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


def test_p16_rows_made_of_the_example_refute_what_is_known_of_a_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were one listed wrongly: a single ordinary row refutes nothing."""
    # Draws by a row's place in its batch.
    monkeypatch.setitem(listed.CLASSES, "sklearn.dummy.DummyClassifier", listed.KnownClass())
    draws = DummyClassifier(strategy="uniform", random_state=0)
    model = loaded(tmp_path, draws.fit(FRAME, CLASSES))
    assert model.row_wise.shown
    found = model.warm_up(partial(batch, FRAME.head(1)))
    assert found == RowWise(
        shown=False, reason="a row's answer depends on the rows that stand beside it"
    )


def test_p16_rows_of_the_example_refute_the_operators_word(tmp_path: Path) -> None:
    """Whatever its classes are."""
    model = loaded(tmp_path, NEIGHBOURS["sums_up"](), joinable=True)
    found = model.warm_up(partial(batch, EXAMPLE))
    assert found == RowWise(
        shown=False, reason="a row's answer depends on the rows that stand beside it"
    )


def test_p16_unknown_code_is_never_sent_rows_that_nobody_has_sent(tmp_path: Path) -> None:
    """It may tell other systems of them, in whatever process it does."""
    model = LoadedModel(str(models.save(tmp_path, "outlying")), joinable=True)
    sent: list[float] = []
    real = model._model.predict

    def predict(data: Any) -> Any:
        sent.extend(data["x"])
        # A fork could not add to the list above: it would end here, and be seen.
        (tmp_path / str(os.getpid())).touch()
        return real(data)

    model._model.predict = predict
    assert model.warm_up(partial(batch, models.ROWS)).shown
    assert set(sent) == set(models.ROWS["x"])
    assert [path.name for path in tmp_path.iterdir() if path.name.isdigit()] == [str(os.getpid())]


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


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
def test_known_version_that_is_asked_for_probabilities_needs_no_example(
    tmp_path: Path, method: str
) -> None:
    """Of the classes of one output: one array, a row each. In a pipeline, too."""
    asked = make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, CLASSES)
    assert LoadedModel(saved(tmp_path, asked, asks=method)).row_wise.shown


def test_version_that_answers_by_output_needs_an_example(tmp_path: Path) -> None:
    """Probabilities of several outputs are a list of arrays, as long as there are outputs."""
    several = np.c_[CLASSES, CLASSES]
    asked = make_pipeline(RandomForestClassifier(2).fit(FRAME, several))
    found = LoadedModel(saved(tmp_path, asked, asks="predict_proba")).row_wise
    assert not found.shown
    assert "without an input example" in found.reason


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


def test_w1_version_that_ships_code_of_its_own_is_not_known(tmp_path: Path) -> None:
    """It runs in the load, and may change what known classes call: pandas, say."""
    (tmp_path / "changes.py").write_text("import pandas\n")
    path = saved(tmp_path, LinearRegression().fit(FRAME, TARGET), ships=tmp_path / "changes.py")
    model = LoadedModel(path)
    assert not model.row_wise.shown
    assert "ships code of its own" in model.row_wise.reason


def test_whitened_components_are_not_known() -> None:
    """What is left of small ones far from zero is made large, and is not that of the row alone."""
    assert obstacle_of(PCA().fit(FRAME)) is None
    reason = obstacle_of(PCA(whiten=True).fit(FRAME))
    assert reason is not None
    assert "a PCA that whitens: it divides by small numbers" in reason


def test_other_flavours_are_not_known(tmp_path: Path) -> None:
    """They may do anything."""
    model = LoadedModel(str(models.save(tmp_path, "centring")))
    assert not model.row_wise.shown
    assert "podium.batching=rows" in model.row_wise.reason


def test_partial_function_among_the_parameters_is_an_obstacle(tmp_path: Path) -> None:
    """No failure to load."""
    splits = CountVectorizer(tokenizer=partial(str.split), token_pattern=None).fit(["a b"])
    reason = obstacle_of(splits)
    assert reason is not None
    assert "tokenizer" in reason


def test_what_cannot_be_looked_at_is_an_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the look raises: the version may be served all the same."""

    class Unnamed:
        def __getattribute__(self, name: str) -> Any:
            raise LookupError(name)

    model = LogisticRegression().fit(FRAME, CLASSES)
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    place = saved(tmp_path, model)
    for odd in (Unnamed(), deep):
        with monkeypatch.context() as patch:
            patch.setattr(PyFuncModel, "get_raw_model", lambda _, odd=odd: odd)
            patch.setattr(Origins, "untouched", lambda *_: True)
            found = LoadedModel(place).row_wise
        assert not found.shown
        assert found.reason.startswith("it could not be looked at (")


@pytest.mark.parametrize(
    "columns",
    [
        FRAME.columns,
        FRAME.select_dtypes("number").columns,
        pd.Index([0, 1]),
        pd.RangeIndex(2),
        np.array(["a", "b"]),
        slice("a", "b"),
    ],
    ids=str,
)
def test_columns_chosen_by_an_index_of_pandas_are_known(columns: Any) -> None:
    """The most usual way."""
    chosen = ColumnTransformer([("num", StandardScaler(), columns)], remainder="passthrough")
    assert obstacle_of(make_pipeline(chosen, LogisticRegression()).fit(FRAME, CLASSES)) is None


def test_index_of_pandas_that_holds_anything_else_is_not() -> None:
    """What it holds is looked at; other kinds of it are unknown."""
    for index in (pd.Index([print, len]), pd.MultiIndex.from_tuples([(1, 2)])):
        fitted = StandardScaler().fit(FRAME)
        fitted.mean_ = index
        assert obstacle_of(fitted) is not None


@pytest.mark.parametrize(
    "value",
    [
        pd.NA,
        pd.NaT,
        pd.Timestamp(0),
        dt.date(2020, 1, 1),
        np.float32(1),
        np.dtype("i4"),
        Decimal(1),
    ],
    ids=str,
)
def test_plain_values_are_plain(value: Any) -> None:
    """As an imputer or an encoder may hold them."""
    fitted = StandardScaler().fit(FRAME)
    fitted.mean_ = [value, np.array([value], dtype=object)]
    assert obstacle_of(fitted) is None


class OwnNumber(np.float64):
    """Multiplies as it likes."""


def test_class_derived_of_a_number_is_not_plain() -> None:
    """It may compute in a way of its own."""
    fitted = StandardScaler().fit(FRAME)
    fitted.mean_ = OwnNumber(1)
    assert obstacle_of(fitted) is not None


def of_target(function: Any, inverse: Any) -> Any:
    """A regression of a transformed target."""
    made = TransformedTargetRegressor(
        LinearRegression(), func=function, inverse_func=inverse, check_inverse=False
    )
    return made.fit(FRAME, TARGET)


def test_numpys_own_functions_of_one_number_are_known_for_a_target() -> None:
    """There alone; none that reads several, and none that somebody has made."""
    assert obstacle_of(of_target(np.log1p, np.expm1)) is None
    assert obstacle_of(of_target(np.sqrt, np.square)) is None
    for inverse in (np.cumsum, np.frompyfunc(float, 1, 1), np.add.accumulate, np.sort):
        assert obstacle_of(of_target(np.log1p, inverse)) is not None
    assert obstacle_of(FunctionTransformer(np.log1p).fit(FRAME)) is not None


class Link:
    """Somebody's own."""

    def inverse(self, raw: Any, out: Any = None) -> Any:
        """By the batch's largest."""
        return raw / raw.max()


def test_part_of_an_estimator_that_somebody_has_changed() -> None:
    """At whatever depth; a method of its own class is none."""
    isotonic = IsotonicRegression().fit(FRAME["a"], TARGET)
    assert obstacle_of(isotonic) is None
    isotonic.f_._call = lambda x: x - x.mean()
    assert obstacle_of(isotonic) is not None
    histograms = HistGradientBoostingClassifier(max_iter=2).fit(FRAME, CLASSES)
    assert obstacle_of(histograms) is None
    histograms._loss.link = Link()
    assert obstacle_of(histograms) is not None
    splines = SplineTransformer().fit(FRAME)
    assert obstacle_of(splines) is None
    splines.bsplines_[0]._asarray = less_mean
    assert obstacle_of(splines) is not None


def test_histograms_with_categories_are_known_and_other_checks_are_not() -> None:
    """They check their numbers by a function that scikit-learn hands them."""
    histograms = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0])
    histograms.fit(np.c_[np.arange(len(FRAME)) % 3, FRAME["a"]], CLASSES)
    assert obstacle_of(histograms) is None
    numbers = histograms._preprocessor.named_transformers_["numerical"]
    for func in (partial(check_array, ensure_min_samples=2), partial(less_mean), check_array):
        numbers.func = func
        assert obstacle_of(histograms) is not None


@pytest.mark.parametrize(
    ("module", "name", "make"),
    [
        ("sklearn.utils.extmath", "softmax", lambda _: less_mean),
        ("sklearn.utils.extmath", "safe_sparse_dot", partial),
        ("sklearn.utils.validation", "check_array", partial),
        ("sklearn.utils.validation", "_num_samples", lambda _: np.sort),
        ("sklearn.utils._array_api", "get_namespace", lambda _: less_mean),
        ("sklearn.utils._indexing", "_safe_indexing", lambda _: sum),
        ("sklearn.utils.fixes", "parse_version", partial),
        ("sklearn.utils.multiclass", "check_classification_targets", lambda f: [f].__contains__),
        ("sklearn.utils.sparsefuncs", "inplace_column_scale", lambda f: [f].append),
        ("sklearn.metrics.pairwise", "pairwise_kernels", lambda _: less_mean),
        ("sklearn.linear_model._base", "safe_sparse_dot", lambda _: np.dot),
        ("sklearn.linear_model._base", "check_array", partial),
    ],
)
def test_helper_that_somebody_has_replaced_makes_its_callers_unknown(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, make: Any
) -> None:
    """By whatever can be called."""
    home = import_module(module)
    monkeypatch.setattr(home, name, make(getattr(home, name)))
    assert "that somebody has changed" in str(obstacle_of(FITTED))
