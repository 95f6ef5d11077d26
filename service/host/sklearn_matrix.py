"""scikit-learn's own estimators, called with the matrix that they would make of a DataFrame.

Given a DataFrame, such an estimator compares its column names with those it was fitted with, looks
at each column's dtype, and makes one matrix of it; 600 columns cost 6 ms, the prediction 0.3. The
contract has compared the names already, so the host makes the matrix itself.

That is the same because of what is asked of a version here: every estimator in it is one of those
listed below, which use a DataFrame for nothing but that; the signature's columns are those that it
was fitted with, in that order; all are numbers, of which pandas makes a matrix as numpy does
(float64 of int64 and float64, say), column after column in memory. And warm-up calls it both ways.
A `ColumnTransformer`, a `FunctionTransformer`, a class of somebody else's, or `set_output` anywhere
within keeps the DataFrame, as does what is no scikit-learn model at all.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from mlflow.pyfunc import PyFuncModel
from mlflow.types import DataType

from service.host.raw_model import raw_model

# A version that needs none may run where there is none; nothing below is asked of it then.
with contextlib.suppress(ImportError):
    import sklearn
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

_NUMBERS: Final = frozenset({DataType.integer, DataType.long, DataType.float, DataType.double})
_METHODS: Final = frozenset({"predict", "predict_proba", "predict_log_proba"})

# By the package that they are public in.
KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "sklearn.decomposition": frozenset({"PCA", "TruncatedSVD"}),
    "sklearn.discriminant_analysis": frozenset(
        {"LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis"}
    ),
    "sklearn.dummy": frozenset({"DummyClassifier", "DummyRegressor"}),
    "sklearn.ensemble": frozenset(
        {
            *("ExtraTreesClassifier", "ExtraTreesRegressor"),
            *("GradientBoostingClassifier", "GradientBoostingRegressor"),
            *("RandomForestClassifier", "RandomForestRegressor"),
        }
    ),
    "sklearn.feature_selection": frozenset(
        {"SelectKBest", "SelectPercentile", "VarianceThreshold"}
    ),
    "sklearn.impute": frozenset({"SimpleImputer"}),
    "sklearn.linear_model": frozenset(
        {
            *("BayesianRidge", "ElasticNet", "HuberRegressor", "Lasso", "LinearRegression"),
            *("LogisticRegression", "LogisticRegressionCV", "Perceptron", "PoissonRegressor"),
            *("Ridge", "RidgeClassifier", "SGDClassifier", "SGDRegressor"),
        }
    ),
    "sklearn.naive_bayes": frozenset({"BernoulliNB", "GaussianNB"}),
    "sklearn.neighbors": frozenset({"KNeighborsClassifier", "KNeighborsRegressor"}),
    "sklearn.neural_network": frozenset({"MLPClassifier", "MLPRegressor"}),
    "sklearn.pipeline": frozenset({"Pipeline"}),
    "sklearn.preprocessing": frozenset(
        {
            *("LabelBinarizer", "LabelEncoder", "MaxAbsScaler", "MinMaxScaler", "Normalizer"),
            *("PolynomialFeatures", "PowerTransformer", "QuantileTransformer", "RobustScaler"),
            "StandardScaler",
        }
    ),
    "sklearn.svm": frozenset({"SVC", "SVR", "LinearSVC", "LinearSVR", "NuSVC", "NuSVR"}),
    "sklearn.tree": frozenset(
        {
            *("DecisionTreeClassifier", "DecisionTreeRegressor"),
            *("ExtraTreeClassifier", "ExtraTreeRegressor"),
        }
    ),
}


@dataclass(frozen=True, slots=True)
class Nameless:
    """A version that may be called with a matrix.

    Attributes:
        names: of the matrix's columns.
        predict: takes rows and columns of numbers, in Fortran order as of a DataFrame, that it may
            change; returns and raises what the version does for a DataFrame of the same.
    """

    names: Sequence[str]
    predict: Callable[[np.ndarray[Any, Any]], Any]


def nameless(model: PyFuncModel) -> Nameless | None:
    """How this version may be called with a matrix; None where it must not be."""
    names = _columns(model)
    flavor = model.metadata.flavors["python_function"]
    method = flavor.get("predict_fn", "predict")
    if names is None or flavor["loader_module"] != "mlflow.sklearn" or method not in _METHODS:
        return None
    estimator = raw_model(model)
    if sklearn.get_config().get("transform_output", "default") != "default":
        return None  # since scikit-learn 1.2
    if not is_known(estimator):
        return None
    fitted_with = getattr(estimator, "feature_names_in_", names)
    if list(fitted_with) != names or getattr(estimator, "n_features_in_", None) != len(names):
        return None
    return Nameless(names, getattr(without_names(estimator), method))


def _columns(model: PyFuncModel) -> list[str] | None:
    schema = model.metadata.get_input_schema()  # type: ignore[no-untyped-call]  # MLflow annotates little
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return None
    types = schema.input_types()
    if not all(isinstance(each, DataType) and each in _NUMBERS for each in types):
        return None
    names = schema.input_names()
    return names if all(isinstance(name, str) for name in names) else None


def is_known(estimator: Any) -> bool:
    """Whether it and all estimators in it are listed, and nobody has changed how they work."""
    own = vars(estimator) if isinstance(estimator, BaseEstimator) else {}
    output = own.get("_sklearn_output_config", {}).get("transform", "default")
    if not _is_listed(type(estimator)) or output != "default":
        return False
    if any(callable(value) and hasattr(type(estimator), name) for name, value in own.items()):
        return False
    return all(map(is_known, _estimators(list(own.values()))))


def _is_listed(found: type) -> bool:
    package = ".".join(found.__module__.split(".")[:2])
    public = getattr(sys.modules.get(package), found.__name__, None)
    return public is found and found.__name__ in KNOWN.get(package, ())


def _estimators(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, BaseEstimator):
            yield value
        elif isinstance(value, Mapping):
            yield from _estimators(list(value.values()))
        elif isinstance(value, list | tuple):
            yield from _estimators(value)
        elif isinstance(value, np.ndarray) and value.dtype == object:
            yield from _estimators(value.ravel().tolist())


def without_names(estimator: Any) -> Any:
    """A copy that shares everything with it but the names, which it would warn of not finding."""
    if not isinstance(estimator, BaseEstimator):
        return estimator  # a step that is skipped
    copied = object.__new__(type(estimator))
    vars(copied).update(vars(estimator))
    vars(copied).pop("feature_names_in_", None)
    if isinstance(copied, Pipeline):
        copied.steps = [(name, without_names(step)) for name, step in copied.steps]
    return copied
