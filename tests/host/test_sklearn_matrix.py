"""P16 beyond joining: what a version answers to a matrix is what it answers to a DataFrame."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any, Final

import mlflow
import numpy as np
import orjson
import pandas as pd
import pytest
from mlflow.models import Model, ModelSignature, infer_signature
from mlflow.pyfunc import PyFuncModel
from mlflow.sklearn import _SklearnModelWrapper
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.utils import all_estimators

from service.contract.contract import RequestLimits
from service.contract.definition import Definition
from service.host.inputs import decode_batch
from service.host.model import LoadedModel
from service.host.sklearn_matrix import KNOWN, nameless, without_names
from service.host.wire import HostOperation, encode_batch
from service.processes.frames import Frame, Status
from tests.support import models

NAMES: Final = ["a", "b", "c", "d"]
_DRAWN: Final = np.random.default_rng(5)
FRAME: Final = pd.DataFrame(_DRAWN.normal(size=(40, 4)), columns=NAMES)
TARGET: Final = (FRAME["a"] + FRAME["b"] > 0).astype(int)
INTEGERS: Final = (FRAME * 100).astype("int64")
ODD: Final = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 0.1]
_FITTING: Final = {"PowerTransformer": {}, "QuantileTransformer": {"n_quantiles": 10}}
_ESTIMATORS: Final = dict(all_estimators())
_STEPS: Final = sorted(
    name
    for package, names in KNOWN.items()
    for name in names
    if package != "sklearn.pipeline" and not name.startswith("Label")
)


def pyfunc(estimator: Any, frame: Any = FRAME, method: str = "predict") -> PyFuncModel:
    """The model as MLflow loads it, signed with that frame's columns."""
    with warnings.catch_warnings():
        # MLflow's hint that integers have no null.
        warnings.simplefilter("ignore", UserWarning)
        meta = Model(signature=infer_signature(frame))
    meta.add_flavor("python_function", loader_module="mlflow.sklearn", predict_fn=method)
    return PyFuncModel(meta, _SklearnModelWrapper(estimator), method)  # type: ignore[no-untyped-call]  # MLflow annotates little


def outcome(predict: Any, data: Any) -> tuple[Any, ...]:
    """The answer to the last bit, or the exception."""
    try:
        answer = predict(data)
    except Exception as error:  # noqa: BLE001 - whatever it raises is what it comes to
        return type(error), str(error)
    return answer.dtype, answer.shape, answer.tobytes()


def matrix(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """What pandas makes of it, in pandas' order, writable."""
    return np.array(frame, order="K")


def rows_of(values: Any) -> list[pd.DataFrame]:
    """Frames of one row and several: ordinary ones, and one odd value among them."""
    frames = [FRAME.iloc[:1], FRAME.iloc[3:20].reset_index(drop=True)]
    for value in values:
        frame = FRAME.iloc[:3].copy()
        frame.iloc[1, 2] = value
        frames.append(frame)
    return frames


def fitted(name: str) -> Any:
    """An estimator of the list, or a pipeline that ends in a model where it is none itself."""
    estimator = _ESTIMATORS[name](**_FITTING.get(name, {}))
    if not hasattr(estimator, "predict"):
        estimator = make_pipeline(estimator, LinearRegression())
    with warnings.catch_warnings():
        # Of what a few rows and columns are too few for.
        warnings.simplefilter("ignore")
        return estimator.fit(FRAME, TARGET)


@pytest.mark.parametrize("name", _STEPS)
def test_known_estimator_answers_a_matrix_as_a_frame(name: str) -> None:
    """To the last bit, without a warning; and raises the same for NaN and infinities."""
    model = pyfunc(fitted(name))
    found = nameless(model)
    assert found is not None
    assert list(found.names) == NAMES
    for frame in rows_of(ODD):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # Of overflows, which both have alike.
            warnings.simplefilter("ignore", RuntimeWarning)
            assert outcome(found.predict, matrix(frame)) == outcome(model.predict, frame)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_version_is_asked_by_its_own_method(method: str) -> None:
    """As `pyfunc_predict_fn` says."""
    model = pyfunc(
        make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, TARGET), method=method
    )
    found = nameless(model)
    assert found is not None
    for frame in rows_of(()):
        assert outcome(found.predict, matrix(frame)) == outcome(model.predict, frame)


def test_integers_and_mixed_numbers_become_the_matrix_that_pandas_makes() -> None:
    """int64 alone, and int32, int64, float32 and float64 side by side."""
    mixed = INTEGERS.astype({"a": "int32", "b": "int64", "c": "float32", "d": "float64"})
    for frame in (INTEGERS, mixed, FRAME.astype("float32")):
        model = pyfunc(LogisticRegression().fit(frame, TARGET), frame)
        found = nameless(model)
        assert found is not None
        assert outcome(found.predict, matrix(frame)) == outcome(model.predict, frame)


class Named(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not annotated
    """Somebody's own."""

    feature_names_in_ = np.array(NAMES)
    n_features_in_ = 4

    def predict(self, data: Any) -> Any:
        """Needs a DataFrame."""
        return data["b"].to_numpy()


def _by_name() -> ColumnTransformer:
    return ColumnTransformer([("scaled", StandardScaler(), ["d", "a"])], remainder="drop")


def _framing() -> Any:
    return StandardScaler().set_output(transform="pandas")


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(_by_name(), LogisticRegression()),
        make_pipeline(make_pipeline(_by_name(), MinMaxScaler()), LogisticRegression()),
        make_pipeline(FunctionTransformer(lambda data: data[["a"]]), LogisticRegression()),
        make_pipeline(
            StandardScaler().set_output(transform="pandas"), _by_name(), LinearRegression()
        ),
        make_pipeline(StandardScaler().set_output(transform="pandas"), LinearRegression()),
        type("LogisticRegression", (LogisticRegression,), {})(),
    ],
    ids=["columns", "nested", "function", "output-and-columns", "output", "subclass"],
)
def test_whoever_may_look_at_names_keeps_the_frame(estimator: Any) -> None:
    """A ColumnTransformer at any depth, a function, `set_output`, and classes of others."""
    assert nameless(pyfunc(estimator.fit(FRAME, TARGET))) is None


def test_own_estimator_and_changed_method_keep_the_frame() -> None:
    """A class of somebody's own, and a known one whose method somebody has replaced."""
    changed = LogisticRegression().fit(FRAME, TARGET)
    changed.predict = lambda data: data["a"].to_numpy()
    assert nameless(pyfunc(Named())) is None
    assert nameless(pyfunc(changed)) is None


def test_other_columns_than_it_was_fitted_with_keep_the_frame() -> None:
    """In another order, of other types, or as a tensor."""
    model = LogisticRegression().fit(FRAME, TARGET)
    texts = FRAME.assign(a="x")
    for frame in (FRAME[NAMES[::-1]], texts, FRAME.assign(a=FRAME["a"] > 0)):
        assert nameless(pyfunc(model, frame)) is None
    assert nameless(pyfunc(model, FRAME.to_numpy())) is None


def test_version_itself_keeps_its_names() -> None:
    """Only the copy forgets them."""
    model = Pipeline([("scaled", StandardScaler()), ("fit", LogisticRegression())]).fit(
        FRAME, TARGET
    )
    copied = without_names(model)
    assert list(model.feature_names_in_) == NAMES
    assert not hasattr(copied.steps[0][1], "feature_names_in_")
    assert copied.steps[1][1].coef_ is model.steps[1][1].coef_


class Loaded:
    """A version saved by MLflow, loaded and warmed up as a host does it."""

    def __init__(self, folder: Path, estimator: Any, frame: pd.DataFrame) -> None:
        signature: ModelSignature = infer_signature(frame)
        mlflow.sklearn.save_model(
            estimator,
            str(folder / "m"),
            signature=signature,
            pip_requirements=models.REQUIREMENTS,
        )
        texts = {part: signature.to_dict().get(part) for part in ("inputs", "outputs", "params")}
        self._contract = Definition(
            texts, from_type_hint=False, limits=RequestLimits(1000)
        ).compile()
        self.model = LoadedModel(str(folder / "m"), joinable=True)
        self.model.warm_up(partial(decode_batch, self.frame_of(frame.head(3))))

    def frame_of(self, *requests: pd.DataFrame, index: bool = False) -> Frame:
        """One batch of these requests, on its way."""
        bodies = [{"dataframe_split": each.to_dict("split", index=index)} for each in requests]
        inputs = [self._contract.parse(orjson.dumps(body), "") for body in bodies]
        return Frame(HostOperation.PREDICT, Status.REQUEST, 1, *encode_batch(inputs))

    def answers(self, *requests: pd.DataFrame) -> list[Any]:
        """To one batch."""
        build = partial(decode_batch, self.frame_of(*requests), self.model.matrix_of)
        return self.model.predict(build, 1 << 20)


@pytest.mark.parametrize("columns", [4, 40])
def test_p16_joined_requests_are_answered_from_one_matrix(tmp_path: Path, columns: int) -> None:
    """Of few columns and of many; each as alone, and as MLflow answers it."""
    names = [f"c {place}" for place in range(columns)]
    frame = pd.DataFrame(_DRAWN.normal(size=(30, columns)), columns=names)
    estimator = make_pipeline(StandardScaler(), LinearRegression()).fit(frame, frame[names[0]])
    loaded = Loaded(tmp_path, estimator, frame)
    assert loaded.model.matrix_of == names
    requests = [frame.iloc[:1], frame.iloc[1:4], frame.iloc[4:5]]
    together = loaded.answers(*requests)
    for request, reply in zip(requests, together, strict=True):
        (alone,) = loaded.answers(request)
        expected = estimator.predict(request)
        assert orjson.loads(reply) == pytest.approx(orjson.loads(alone), rel=1e-12)
        assert np.array_equal(orjson.loads(alone), expected)


def test_version_with_a_column_transformer_is_given_its_names(tmp_path: Path) -> None:
    """Its answers are by column, and nothing is warned of."""
    estimator = make_pipeline(_by_name(), LinearRegression()).fit(FRAME, FRAME["d"])
    loaded = Loaded(tmp_path, estimator, FRAME)
    assert loaded.model.matrix_of is None
    (reply,) = loaded.answers(FRAME.head(5))
    assert orjson.loads(reply) == pytest.approx(FRAME["d"].head(5).tolist())


def test_nulls_an_index_and_left_out_columns_keep_the_frame(tmp_path: Path) -> None:
    """Where a matrix is wanted, and the batch has not all of what it needs."""
    loaded = Loaded(tmp_path, LinearRegression().fit(FRAME, FRAME["a"]), FRAME)
    whole = loaded.frame_of(FRAME.head(2))
    assert isinstance(decode_batch(whole, NAMES).data, np.ndarray)
    assert isinstance(decode_batch(whole, NAMES[:3]).data, pd.DataFrame)
    indexed = loaded.frame_of(FRAME.head(2), index=True)
    assert isinstance(decode_batch(indexed, NAMES).data, pd.DataFrame)
    head = orjson.dumps(orjson.loads(whole.head) | {"params": "{}"})
    with_params = Frame(HostOperation.PREDICT, Status.REQUEST, 1, head, whole.body)
    assert isinstance(decode_batch(with_params, NAMES).data, pd.DataFrame)
