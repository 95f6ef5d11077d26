"""P16: each listed class of scikit-learn against its own answers alone."""

import warnings
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances

from service.hosting.row_wise.classes import CLASSES
from service.hosting.row_wise.walk import obstacle_of

_DRAWN: Final = np.random.default_rng(11)
DATA: Final = np.abs(_DRAWN.normal(size=(60, 5))) + 0.1
TARGETS: Final = {
    "classes": (DATA[:, 0] > 0.7).astype(int),
    "numbers": DATA[:, 0] * 3 + 1,
    "several": np.c_[DATA[:, 0] > 0.7, DATA[:, 1] > 0.7].astype(int),
}
METHODS: Final = (
    *("predict", "predict_proba", "predict_log_proba", "decision_function", "transform"),
    "score_samples",
)
FACTORS: Final = (1.0, 1e3, 1e6, 0.0, -1.0, 1e-30, 1e30, 1e-3)
SIZES: Final = (2, 7, 18)
# Their input is no matrix of numbers, or their tests are beside it.
_ELSEWHERE: Final = {
    *("CountVectorizer", "HashingVectorizer", "TfidfVectorizer", "LabelBinarizer"),
    *("LabelEncoder", "FrozenEstimator", "IsotonicRegression"),
}
NAMES: Final = sorted(
    name
    for name, found in all_estimators()
    if name not in _ELSEWHERE
    and any(
        f"{module}.{name}" in CLASSES
        for module in (found.__module__, ".".join(found.__module__.split(".")[:2]))
    )
)


def rows() -> Any:
    """Several scales beside one another, extremes, duplicates."""
    made = [DATA[place % 20] * FACTORS[place % len(FACTORS)] for place in range(16)]
    return np.array([*made, made[0], made[0]])


def fitted(name: str) -> Iterator[Any]:
    """As scikit-learn's own tests make it, on whichever target it takes."""
    for made in _construct_instances(dict(all_estimators())[name]):
        for target in TARGETS.values():
            estimator = clone(made)
            try:
                estimator.fit(DATA, target)
            except (ValueError, TypeError, IndexError):
                continue
            yield estimator
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
                scale = np.abs(np.nan_to_num(answer.astype(float), posinf=0, neginf=0)).max(
                    initial=0
                )
                np.testing.assert_allclose(
                    answer.astype(float), alone[row][0].astype(float), rtol=1e-9, atol=1e-9 * scale
                )


@pytest.mark.parametrize("name", NAMES)
def test_p16_listed_class_answers_each_row_by_itself(name: str) -> None:
    """At several scales, with extremes, nulls where it takes them, and duplicates."""
    tried = 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for estimator in fitted(name):
            if obstacle_of(estimator) is not None:
                continue
            tried += 1
            data = rows()
            holed = data.copy()
            holed[::3, 1] = np.nan
            for method in METHODS:
                ask = getattr(estimator, method, None)
                known = CLASSES.get(f"sklearn.cluster.{name}")
                if ask is None or (known is not None and method != "predict"):
                    continue
                assert_by_itself(ask, data)
                assert_by_itself(ask, holed)
    assert tried
