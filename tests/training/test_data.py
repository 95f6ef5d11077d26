"""Iris is named, complete and split the same way every time."""

import dataclasses

import pytest

from training import data
from training.errors import BadData


def test_columns_keep_their_names() -> None:
    """Named columns make a signature that clients can read."""
    assert list(data.load().features.columns) == [
        "sepal length (cm)",
        "sepal width (cm)",
        "petal length (cm)",
        "petal width (cm)",
    ]


def test_a_fifth_of_the_rows_is_kept_for_testing() -> None:
    """80/20, and no row is in both parts."""
    split = data.split(data.load())
    assert (len(split.train_features), len(split.test_features)) == (120, 30)
    assert not set(split.train_features.index) & set(split.test_features.index)


def test_split_is_the_same_every_time() -> None:
    """The seed fixes rows and order."""
    first, second = data.split(data.load()), data.split(data.load())
    assert first.test_features.index[:5].tolist() == [73, 18, 118, 78, 76]
    assert first.train_frame.equals(second.train_frame)


def test_example_rows_are_distinct() -> None:
    """Rows that are alike could not show whether a model answers each by itself."""
    example = data.split(data.load()).example(5)
    assert example.shape == (5, 4)
    assert not example.duplicated().any()
    assert example.index.tolist() == [0, 1, 2, 3, 4]


def test_missing_values_are_refused() -> None:
    """A hole in the data stops the training before anything is fitted."""
    iris = data.load()
    holed = dataclasses.replace(iris, features=iris.features.mask(iris.features > 7))
    with pytest.raises(BadData, match="missing"):
        data.check(holed)


def test_columns_that_are_no_numbers_are_refused() -> None:
    """Text among the measurements stops the training."""
    iris = data.load()
    with pytest.raises(BadData, match="not numbers"):
        data.check(dataclasses.replace(iris, features=iris.features.astype(str)))


def test_unknown_classes_are_refused() -> None:
    """A class number without a name stops the training."""
    iris = data.load()
    with pytest.raises(BadData, match="classes"):
        data.check(dataclasses.replace(iris, target=iris.target + 1))
