"""Models that look at the rows beside a row, each in a way of its own; saved by value."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import sklearn.linear_model
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import NMF, PCA
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

_DRAWN: Final = np.random.default_rng(3)
FRAME: Final = pd.DataFrame(
    {"a": _DRAWN.uniform(1, 60, 60), "b": _DRAWN.uniform(0.1, 0.9, 60)}, columns=["a", "b"]
)
TARGET: Final = FRAME["a"]
CLASSES: Final = (FRAME["a"] > 30).astype(int)


class BatchScaler(StandardScaler):  # type: ignore[misc]  # scikit-learn is not annotated
    """Standardizes by the batch instead of what it has learnt."""

    def transform(self, X: Any, copy: Any = None) -> Any:  # noqa: N803 - as its parent has it
        """By the batch's own mean."""
        return np.asarray(X) - np.asarray(X).mean(axis=0)


class CentredPCA(PCA):  # type: ignore[misc]  # scikit-learn is not annotated
    """Projects what the batch's mean leaves."""

    def transform(self, X: Any) -> Any:  # noqa: N803 - as its parent has it
        """By the batch's own mean."""
        return super().transform(np.asarray(X) - np.asarray(X).mean(axis=0))


class Ranks(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # the same
    """A row's place in its batch."""

    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: N803 - as scikit-learn has it
        """Learns nothing."""
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803 - as scikit-learn has it
        """From one on."""
        return pd.DataFrame(X).rank().to_numpy()


class BatchSoftmax(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # the same
    """A row's share of the batch."""

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803 - as scikit-learn has it
        """Learns the classes."""
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803 - as scikit-learn has it
        """Of what `a` comes to."""
        raised = np.exp(np.asarray(X)[:, 0] / 60)
        return raised / raised.sum()


class Patching(Ridge):  # type: ignore[misc]  # the same
    """Whoever loads it gets a Ridge, and a class Ridge that looks at the batch."""

    def predict(self, X: Any) -> Any:  # noqa: N803 - as its parent has it
        """As the patched class does."""
        return patched_predict(self, X)

    def __reduce__(self) -> Any:
        return patch, (dict(vars(self)),)


def patched_predict(self: Any, X: Any) -> Any:  # noqa: N803 - as scikit-learn has it
    """How far a row is from the batch's mean."""
    found = np.asarray(X) @ self.coef_
    return found - found.mean()


def patch(state: Mapping[str, Any]) -> Any:
    """What loading runs."""
    sklearn.linear_model.Ridge.predict = patched_predict
    made = sklearn.linear_model.Ridge()
    made.__dict__.update(state)
    return made


def clip(f: Any) -> Any:
    """At five times the batch's median."""
    return f.clip(f.quantile(0.0), 5 * f.median(), axis=1)


def fill(f: Any) -> Any:
    """Nulls with the batch's mean, or with nothing where all are nulls."""
    return f.fillna(f.mean()).fillna(0.0)


def kernel(X: Any, Y: Any) -> Any:  # noqa: N803 - as scikit-learn has it
    """By the batch's largest."""
    return (X / X.max()) @ Y.T


def distance(one: Any, other: Any) -> float:
    """Somebody's own."""
    return float(abs(one - other).max())


def of_groups(f: Any) -> Any:
    """The mean of those with the same whole number."""
    return f.groupby(f["a"].round(-1)).transform("mean")


def without_twins(f: Any) -> Any:
    """The first of equal ones alone."""
    return f.round(-1).drop_duplicates().reindex(f.index).fillna(-1.0)


def less_mean(y: Any) -> Any:
    """How far from the batch's mean."""
    return y - y.mean()


def same(y: Any) -> Any:
    """As it is."""
    return y


def _with(function: Callable[..., Any], **more: Any) -> Pipeline:
    return make_pipeline(FunctionTransformer(function, **more), LinearRegression())


def _clipped() -> Pipeline:
    return Pipeline([("clip", FunctionTransformer(clip)), ("fit", LinearRegression())])


def _replaced(fitted: Any) -> Any:
    coefficients = fitted.coef_
    fitted.predict = lambda data: less_mean(np.asarray(data) @ coefficients)
    return fitted


def _replaced_within() -> Any:
    made = TransformedTargetRegressor(regressor=LinearRegression()).fit(FRAME, TARGET)
    _replaced(made.regressor_)
    return made


def _searched(estimator: Any) -> Any:
    return GridSearchCV(estimator, {}, cv=2).fit(FRAME, TARGET)


def _inside_columns() -> Any:
    columns = ColumnTransformer([("clip", FunctionTransformer(clip), ["a", "b"])])
    return _searched(make_pipeline(columns, LinearRegression()))


def _on_target(estimator: Any) -> Any:
    return estimator.fit(FRAME, TARGET)


def _on_classes(estimator: Any) -> Any:
    return estimator.fit(FRAME, CLASSES)


# Makes each, fitted, by a name that says what it does.
NEIGHBOURS: Final[Mapping[str, Callable[[], Any]]] = {
    "clips": lambda: _on_target(_clipped()),
    "clips_searched": lambda: _searched(_clipped()),
    "clips_in_columns_searched": _inside_columns,
    "fills": lambda: _on_target(_with(fill)),
    "fills_voting": lambda: _on_target(VotingRegressor([("filled", _with(fill))])),
    "kernel": lambda: _on_classes(SVC(kernel=kernel)),
    "kernel_one_vs_rest": lambda: _on_classes(OneVsRestClassifier(SVC(kernel=kernel))),
    "replaced": lambda: _replaced(_on_target(LinearRegression())),
    "replaced_within": _replaced_within,
    "subclass": lambda: _on_target(make_pipeline(BatchScaler(), LinearRegression())),
    "centred_pca": lambda: _on_target(make_pipeline(CentredPCA(), LinearRegression())),
    "ranks": lambda: _on_target(make_pipeline(Ranks(), LinearRegression())),
    "patched_class": lambda: _on_target(Patching()),
    "shares": lambda: _on_classes(BatchSoftmax()),
    "sorts": lambda: _on_target(_with(np.sort, kw_args={"axis": 0})),
    "sums_up": lambda: _on_target(_with(np.cumsum, kw_args={"axis": 0})),
    "groups": lambda: _on_target(_with(of_groups)),
    "drops_twins": lambda: _on_target(_with(without_twins)),
    "inverse": lambda: _on_target(
        TransformedTargetRegressor(
            LinearRegression(), func=same, inverse_func=less_mean, check_inverse=False
        )
    ),
    "metric": lambda: _on_target(KNeighborsRegressor(metric=distance)),
    "factors": lambda: _on_target(
        make_pipeline(NMF(2, init="random", random_state=0, max_iter=5000), LinearRegression())
    ),
}
