"""Iris as named columns, checked, and split the same way on every machine."""

from dataclasses import dataclass
from typing import Final

import pandas as pd
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

from training.errors import BadData

TARGET: Final = "target"
_TEST_SHARE: Final = 0.2
_SEED: Final = 42


@dataclass(frozen=True, slots=True)
class Iris:
    """The whole data set: measurements in centimetres, and a class number for each row.

    Attributes:
        features: 150 rows of four double columns with scikit-learn's names.
        target: 0, 1 or 2 for each row, an index into `class_names`.
        class_names: the species.
    """

    features: pd.DataFrame
    target: pd.Series
    class_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """80 % to train on and 20 % to test with, no row in both."""

    train_features: pd.DataFrame
    test_features: pd.DataFrame
    train_target: pd.Series
    test_target: pd.Series
    class_names: tuple[str, ...]

    @property
    def train_frame(self) -> pd.DataFrame:
        """Features and target side by side, as a data set is described to MLflow."""
        return self.train_features.assign(**{TARGET: self.train_target})

    @property
    def test_frame(self) -> pd.DataFrame:
        """The same for the rows to test with."""
        return self.test_features.assign(**{TARGET: self.test_target})

    def example(self, rows: int = 5) -> pd.DataFrame:
        """A few distinct rows of the training data, numbered from 0.

        Distinct rows let a server that warms up on them tell whether the model answers each row by
        itself.
        """
        return self.train_features.drop_duplicates().head(rows).reset_index(drop=True)


def load() -> Iris:
    """Reads what scikit-learn ships: no network."""
    bunch = load_iris(as_frame=True)
    return Iris(bunch.data, bunch.target, tuple(str(name) for name in bunch.target_names))


def check(iris: Iris) -> None:
    """Raises `BadData` unless every row is complete, numeric and of a known class."""
    if iris.features.isna().any(axis=None):
        raise BadData("the data set has missing values")
    if not all(dtype == "float64" for dtype in iris.features.dtypes):
        raise BadData("the data set has columns that are not numbers")
    if set(iris.target) != set(range(len(iris.class_names))):
        raise BadData("the data set's classes are not those that it names")


def split(iris: Iris) -> Split:
    """The same rows in the same order every time."""
    train_features, test_features, train_target, test_target = train_test_split(
        iris.features, iris.target, test_size=_TEST_SHARE, random_state=_SEED
    )
    return Split(train_features, test_features, train_target, test_target, iris.class_names)
