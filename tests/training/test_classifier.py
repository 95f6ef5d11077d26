"""The model is fitted as asked and judged class by class."""

import pytest

from training import classifier, data
from training.data import Split
from training.figure import confusion_figure


@pytest.fixture(scope="module")
def split() -> Split:
    """Iris, split."""
    return data.split(data.load())


def test_parameters_reach_the_estimator(split: Split) -> None:
    """The fixed ones and the two that a caller may choose."""
    model = classifier.fit(split, regularization=0.5, max_iter=300)
    asked = {"solver": "lbfgs", "max_iter": 300, "random_state": 8888, "C": 0.5}
    assert asked.items() <= model.get_params().items()


def test_every_class_has_its_metrics(split: Split) -> None:
    """Accuracy, and three scores for each species."""
    model = classifier.fit(split, regularization=1.0, max_iter=1000)
    metrics = classifier.evaluate(model, split).metrics
    scores = [f"{score}_{name}" for score in ("precision", "recall", "f1") for name in SPECIES]
    assert sorted(metrics) == sorted(["accuracy", *scores])
    assert metrics["accuracy"] == 1.0


def test_regularization_changes_the_model(split: Split) -> None:
    """Another C makes a different second version."""
    weak, strong = (classifier.fit(split, regularization=c, max_iter=1000) for c in (1.0, 0.001))
    assert (weak.coef_ != strong.coef_).all()
    assert (weak.predict(split.test_features) != strong.predict(split.test_features)).any()


def test_unfinished_solver_is_told_not_warned_of(split: Split) -> None:
    """A solver that has to stop gives a model, and the caller can tell."""
    assert not classifier.converged(classifier.fit(split, regularization=1.0, max_iter=2))
    assert classifier.converged(classifier.fit(split, regularization=1.0, max_iter=1000))


def test_figure_shows_every_count(split: Split) -> None:
    """Nine cells with the counts, the axes named by species."""
    evaluation = classifier.evaluate(
        classifier.fit(split, regularization=1.0, max_iter=1000), split
    )
    axes = confusion_figure(evaluation).axes[0]
    assert [text.get_text() for text in axes.texts] == [str(n) for n in evaluation.confusion.flat]
    assert tuple(label.get_text() for label in axes.get_xticklabels()) == SPECIES


SPECIES = ("setosa", "versicolor", "virginica")
