"""P16: each listed class against its own answers alone.

A part of them in every run, the commonest always and others by the date; `make row-wise` tries all,
with more rows, on more targets, and on data that lie far from zero or are large.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances

from service.host.row_wise.classes import CLASSES
from service.host.row_wise.walk import obstacle_of
from tests.support.exploring import seed_of_today

WIDE: Final = bool(os.environ.get("TEST_ROW_WISE_ALL"))
_DRAWN: Final = np.random.default_rng(11)
DATA: Final = np.abs(_DRAWN.normal(size=(60, 5))) + 0.1
# What cancels is seen where data lie far from zero: there squares are large, and distances small.
DATAS: Final = {"near": DATA, "far": DATA + 1e5, "large": DATA * 1e6}
TARGETS: Final = {
    "classes": (DATA[:, 0] > 0.7).astype(int),
    "numbers": DATA[:, 0] * 3 + 1,
    "several": np.c_[DATA[:, 0] > 0.7, DATA[:, 1] > 0.7].astype(int),
    "many": (DATA[:, 0] * 2).astype(int) % 4,
}
METHODS: Final = (
    *("predict", "predict_proba", "predict_log_proba", "decision_function", "transform"),
    *("score_samples", "predict_joint_log_proba"),
)
FACTORS: Final = (1.0, 1e3, 1e6, 0.0, -1.0, 1e-30, 1e30, 1e-3)
SIZES: Final = (2, 7, 18, 40) if WIDE else (2, 7, 18)
COMMONEST: Final = frozenset(
    {
        *("ColumnTransformer", "DecisionTreeClassifier", "DummyRegressor", "ElasticNet", "Lasso"),
        *("GradientBoostingClassifier", "GradientBoostingRegressor", "FunctionTransformer"),
        *("KNeighborsClassifier", "LinearRegression", "LinearSVC", "LogisticRegression"),
        *("GaussianNB", "MLPClassifier", "MinMaxScaler", "OneHotEncoder", "OrdinalEncoder", "PCA"),
        *("PolynomialFeatures", "RandomForestClassifier", "RandomForestRegressor", "Ridge", "SVC"),
        *("SimpleImputer", "StandardScaler", "Pipeline", "RobustScaler"),
    }
)
# What an estimator says of a target that it does not take.
_NOT_FITTED: Final = (
    *(ValueError, TypeError, IndexError, NotImplementedError, np.linalg.LinAlgError),
)
# The probability of what is impossible.
_NOTHING: Final = 1e-100
_CHANGE: Final = 1e-6
_OTHERS_A_RUN: Final = 6
# They fit many, a second each.
_LONG: Final = frozenset(
    {
        *("CalibratedClassifierCV", "GridSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"),
        *("HistGradientBoostingClassifier", "HistGradientBoostingRegressor", "RandomizedSearchCV"),
        *("RFE", "RFECV", "SequentialFeatureSelector", "TunedThresholdClassifierCV"),
    }
)
TEXTS: Final = np.array(
    [
        *("the cat sat", "the dog", "", "a cat and a dog and a cow", "zebra", "the the the the"),
        *(
            "Katze, Hund",
            "dog " * 500,
            "1 2 3",
            "the cat sat",
            "\u00e9t\u00e9 cat",
            "sat cat dog the",
        ),
    ],
    dtype=object,
)


def _listed(name: str, found: type) -> bool:
    homes = (found.__module__, ".".join(found.__module__.split(".")[:2]))
    return any(f"{home}.{name}" in CLASSES for home in homes)


LISTED: Final = {name: found for name, found in all_estimators() if _listed(name, found)}
# Their input is not a matrix of numbers.
_OF_TEXTS: Final = frozenset({"CountVectorizer", "HashingVectorizer", "TfidfVectorizer"})
_OF_LABELS: Final = frozenset({"LabelBinarizer", "LabelEncoder"})
_OF_NUMBERS: Final = frozenset({"IsotonicRegression"})
_OTHERWISE: Final = _OF_TEXTS | _OF_LABELS | _OF_NUMBERS | {"FrozenEstimator"}
MATRICES: Final = sorted(LISTED.keys() - _OTHERWISE)


def drawn() -> list[str]:
    """Those of this run."""
    if WIDE:
        return MATRICES
    others = [name for name in MATRICES if name not in COMMONEST | _LONG]
    chosen = np.random.default_rng(seed_of_today()).choice(others, _OTHERS_A_RUN, replace=False)
    return sorted({*chosen.tolist(), *COMMONEST} & set(MATRICES))


def rows(data: Any) -> Any:
    """Several scales beside one another, extremes, duplicates; and some as they were fitted on."""
    made = [data[place % 20] * FACTORS[place % len(FACTORS)] for place in range(16)]
    if WIDE:
        made += list(data[20:42])
    return np.array([*made, made[0], made[0]])


def fitted(name: str, data: Any) -> Iterator[Any]:
    """As scikit-learn's own tests make it, on whichever target it takes; if wide, on each."""
    for made in _construct_instances(LISTED[name]):
        for target in TARGETS.values():
            estimator = clone(made)
            try:
                estimator.fit(data, target)
            except _NOT_FITTED:
                continue  # it takes no such target
            yield estimator
            if not WIDE:
                break


def dense(answer: Any) -> Any:
    """As an array of numbers; outputs one after the other."""
    if isinstance(answer, list):
        return np.concatenate([dense(each) for each in answer], axis=1)
    answer = answer.toarray() if scipy.sparse.issparse(answer) else np.asarray(answer)
    return answer[:, None] if answer.ndim == 1 else answer


def outcome(ask: Any, data: Any) -> Any:
    """The answer, or None where there is none."""
    try:
        return dense(ask(data))
    except (ValueError, IndexError, FloatingPointError, OverflowError):
        return None


def assert_by_itself(ask: Any, data: Any) -> None:
    """Every row that has an answer alone has the same in batches of several sizes."""
    alone = [outcome(ask, data[[row]]) for row in range(len(data))]
    good = [row for row, answer in enumerate(alone) if answer is not None]
    for size in SIZES:
        for chosen in (good[:size], good[-size:]):
            together = outcome(ask, data[chosen])
            assert together is not None
            for answer, row in zip(together, chosen, strict=True):
                assert_same(answer, alone[row][0], ask, data[row])


def assert_same(answer: Any, by_itself: Any, ask: Any, row: Any) -> None:
    """But for what rounding does: BLAS adds up one row in another order than several."""
    answer, by_itself = answer.astype(float), by_itself.astype(float)
    tolerance = max(1e-9 * largest(answer), _NOTHING)
    if not np.allclose(answer, by_itself, rtol=1e-9, atol=tolerance, equal_nan=True):
        tolerance = max(tolerance, 1e-13 * sensitivity(ask, row))
    np.testing.assert_allclose(answer, by_itself, rtol=1e-9, atol=tolerance)


def largest(answer: Any) -> float:
    """Of the finite numbers in it."""
    return float(np.abs(np.nan_to_num(answer, posinf=0, neginf=0)).max(initial=0))


def sensitivity(ask: Any, row: Any) -> float:
    """What relative changes of single features do to the answer, in multiples of these changes.

    It is the size of the terms that cancel out in the answer, where it is a sum.
    """
    if row.dtype.kind != "f" or row.ndim != 1:
        return 0.0
    asked = outcome(ask, np.array([row, *(row * (1 + _CHANGE * one) for one in np.eye(len(row)))]))
    if asked is None or not np.isfinite(asked).all():
        return 0.0
    return float(np.abs(asked[1:] - asked[0]).sum()) / _CHANGE


def assert_each_by_itself(estimator: Any, *several: Any) -> None:
    """By each method that it has."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for method in METHODS:
            ask = getattr(estimator, method, None)
            for data in several if ask is not None else ():
                assert_by_itself(ask, data)


def holed(data: Any) -> Any:
    """With nulls in every third row."""
    made = data.copy()
    made[::3, 1] = np.nan
    return made


@pytest.mark.parametrize("where", DATAS if WIDE else ["near", "far"])
@pytest.mark.parametrize("name", drawn())
def test_p16_listed_class_answers_each_row_by_itself(name: str, where: str) -> None:
    """At several scales, with extremes, nulls where it takes them, and duplicates."""
    data = rows(DATAS[where])
    tried = 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for estimator in fitted(name, DATAS[where]):
            if obstacle_of(estimator) is None:
                tried += 1
                assert_each_by_itself(estimator, data, holed(data))
    # Some take small numbers alone.
    assert tried or where != "near"


@pytest.mark.parametrize("name", sorted(_OF_TEXTS))
@pytest.mark.parametrize(
    "more", [{}, {"ngram_range": (1, 2), "binary": True}, {"analyzer": "char_wb"}]
)
def test_p16_listed_class_answers_each_text_by_itself(name: str, more: Mapping[str, Any]) -> None:
    """Empty, long, of unknown words."""
    fewer = {"n_features": 256} if name == "HashingVectorizer" else {}
    estimator = LISTED[name](**more, **fewer).fit(TEXTS[:6])
    assert obstacle_of(estimator) is None
    assert_each_by_itself(estimator, TEXTS, TEXTS[::-1])


@pytest.mark.parametrize("name", sorted(_OF_LABELS))
def test_p16_listed_class_answers_each_label_by_itself(name: str) -> None:
    """Of several kinds."""
    for labels in (np.array(list("abcab")), np.array([3, 1, 2, 2, 1]), np.array([0, 1, 1, 0, 0])):
        estimator = LISTED[name]().fit(labels)
        assert obstacle_of(estimator) is None
        assert_each_by_itself(estimator, labels)


@pytest.mark.parametrize("beyond", ["nan", "clip", "raise"])
@pytest.mark.parametrize("where", DATAS)
def test_p16_isotonic_regression_answers_each_number_by_itself(beyond: str, where: str) -> None:
    """Beyond what it was fitted on, too."""
    numbers = DATAS[where][:, 0]
    estimator = LISTED["IsotonicRegression"](out_of_bounds=beyond).fit(numbers, TARGETS["numbers"])
    assert obstacle_of(estimator) is None
    assert_each_by_itself(estimator, rows(DATAS[where])[:, 0], numbers[:40])


def test_p16_frozen_estimator_answers_each_row_by_itself() -> None:
    """As what is frozen."""
    estimator = LISTED["FrozenEstimator"](LogisticRegression().fit(DATA, TARGETS["classes"]))
    assert obstacle_of(estimator) is None
    assert_each_by_itself(estimator, rows(DATA))


class Asked:
    """A booster that is asked as MLflow asks it."""

    def __init__(self, predict: Callable[[Any], Any]) -> None:
        self.predict = predict


def _xgboost_booster(data: Any) -> tuple[Any, Any]:
    xgboost = import_module("xgboost")
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(data, TARGETS["numbers"]), 5)
    return booster, Asked(lambda asked: booster.predict(xgboost.DMatrix(asked)))


def _lightgbm_booster(data: Any) -> tuple[Any, Any]:
    lightgbm = import_module("lightgbm")
    booster = lightgbm.train(
        {"verbose": -1, "num_threads": 1},
        lightgbm.Dataset(data, TARGETS["numbers"]),
        num_boost_round=5,
    )
    return booster, booster


def _of(package: str, name: str, target: str, **more: Any) -> Callable[[Any], tuple[Any, Any]]:
    def make(data: Any) -> tuple[Any, Any]:
        fitting = {"group": [30, 30]} if "Ranker" in name and package != "catboost" else {}
        if name == "CatBoostRanker":
            fitting = {"group_id": [0] * 30 + [1] * 30}
        made = getattr(import_module(package), name)(**more)
        made.fit(data, TARGETS[target], **fitting)
        return made, made

    return make


_CAT: Final = {"iterations": 5, "thread_count": 1, "verbose": 0, "allow_writing_files": False}
_TREES: Final = {"n_estimators": 5, "n_jobs": 1}
_LIGHT: Final = {**_TREES, "verbose": -1, "min_child_samples": 2}
BOOSTED: Final[Mapping[str, Callable[[Any], tuple[Any, Any]]]] = {
    "xgboost": _xgboost_booster,
    "xgboost_classifier": _of("xgboost", "XGBClassifier", "classes", **_TREES),
    "xgboost_classifier_of_many": _of("xgboost", "XGBClassifier", "many", **_TREES),
    "xgboost_regressor": _of("xgboost", "XGBRegressor", "numbers", **_TREES),
    "xgboost_several": _of("xgboost", "XGBRegressor", "several", **_TREES),
    "xgboost_dart": _of("xgboost", "XGBRegressor", "numbers", booster="dart", **_TREES),
    "xgboost_ranker": _of("xgboost", "XGBRanker", "classes", **_TREES),
    "xgboost_forest": _of("xgboost", "XGBRFClassifier", "classes", **_TREES),
    "xgboost_forest_of_numbers": _of("xgboost", "XGBRFRegressor", "numbers", **_TREES),
    "xgboost_linear": _of("xgboost", "XGBRegressor", "numbers", booster="gblinear", **_TREES),
    "lightgbm": _lightgbm_booster,
    "lightgbm_classifier": _of("lightgbm", "LGBMClassifier", "classes", **_LIGHT),
    "lightgbm_classifier_of_many": _of("lightgbm", "LGBMClassifier", "many", **_LIGHT),
    "lightgbm_regressor": _of("lightgbm", "LGBMRegressor", "numbers", **_LIGHT),
    "lightgbm_linear": _of("lightgbm", "LGBMRegressor", "numbers", linear_tree=True, **_LIGHT),
    "lightgbm_ranker": _of("lightgbm", "LGBMRanker", "classes", **_LIGHT),
    "catboost": _of("catboost", "CatBoost", "numbers", params=_CAT),
    "catboost_classifier": _of("catboost", "CatBoostClassifier", "classes", **_CAT),
    "catboost_classifier_of_many": _of("catboost", "CatBoostClassifier", "many", **_CAT),
    "catboost_regressor": _of("catboost", "CatBoostRegressor", "numbers", **_CAT),
    "catboost_ranker": _of("catboost", "CatBoostRanker", "classes", **_CAT),
}


@pytest.mark.parametrize("where", DATAS if WIDE else ["near"])
@pytest.mark.parametrize("name", BOOSTED)
@pytest.mark.filterwarnings("ignore")
def test_p16_boosted_trees_answer_each_row_by_themselves(name: str, where: str) -> None:
    """At several scales, with extremes, nulls, and duplicates."""
    held, asked = BOOSTED[name](DATAS[where])
    assert obstacle_of(held) is None
    data = rows(DATAS[where])
    assert_each_by_itself(asked, data, holed(data))
