"""Classes that come or go: what is predicted that nobody knew, and what is predicted no more."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from service.validation.findings import Judgement
from service.validation.policy.quality_bounds import ClassBounds


@dataclass(frozen=True, slots=True)
class ClassChanges:
    """Classes of labels and predictions, on the same rows.

    Attributes:
        new: predicted, and neither a label nor predicted by the other version.
        never: a label, predicted by the other version where there is one, and never by this one.
    """

    new: Sequence[Any]
    never: Sequence[Any]


def class_changes(
    labels: Iterable[Any], ours: Iterable[Any], theirs: Iterable[Any] | None
) -> ClassChanges:
    """What has changed; compared with the labels alone where there is no other version."""
    known, predicted = set(labels), set(ours)
    others = known if theirs is None else set(theirs)
    return ClassChanges(sorted(predicted - known - others), sorted(known & others - predicted))


def judged_classes(changes: ClassChanges, bounds: ClassBounds) -> Iterator[Judgement]:
    """A judgement each, by numbers alone: the names of classes are values of rows."""
    told = (
        (
            "new",
            changes.new,
            bounds.new,
            "is predicted that neither labels nor the other version have",
        ),
        ("never", changes.never, bounds.never, "is never predicted, although labels have it"),
    )
    for name, found, verdict, said in told:
        yield Judgement(
            f"quality.classes_{name}",
            verdict if found else "passed",
            f"{_counted(len(found))} {said}.",
            "quality",
            {f"classes_{name}": float(len(found))},
        )


def _counted(count: int) -> str:
    return {0: "No class", 1: "1 class"}.get(count, f"{count} classes, each of which")
