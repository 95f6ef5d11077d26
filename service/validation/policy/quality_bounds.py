"""Bounds on what a version answers: metrics, slices, and classes that come or go.

The metrics that have a name in MLflow are those that `mlflow.models.evaluate` computes for
predictions that are there already (mlflow/models/evaluation/evaluators/classifier.py and
regressor.py). Importing this loads no library of theirs.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from service.validation.policy.parts import Mistake, Number, PolicyPart, Whole, told_together
from service.validation.policy.queries import checked_query

Task = Literal["classifier", "regressor"]

CLASSIFIER: Final[Mapping[str, bool]] = {
    "accuracy_score": True,
    "f1_score": True,
    "log_loss": False,
    "precision_recall_auc": True,
    "precision_score": True,
    "recall_score": True,
    "roc_auc": True,
}
"""Whether more is better, by the metric's name."""
REGRESSOR: Final[Mapping[str, bool]] = {
    "max_error": False,
    "mean_absolute_error": False,
    "mean_absolute_percentage_error": False,
    "mean_squared_error": False,
    "r2_score": True,
    "root_mean_squared_error": False,
}
"""The same of regressions."""
METRICS: Final[Mapping[str, bool]] = {**CLASSIFIER, **REGRESSOR}
TASKS: Final[Mapping[Task, Mapping[str, bool]]] = {
    "classifier": CLASSIFIER,
    "regressor": REGRESSOR,
}
VerdictOn = Literal["failed", "undecided", "passed"]
"""The verdict on what is neither good nor bad by itself."""
# MLflow takes others too, but not as names of artifacts beside them.
_NAME = r"^[\w][\w .:/-]{0,199}$"


class MetricBounds(PolicyPart):
    """What one metric must reach; without any bound it is measured and told.

    Like `mlflow.models.MetricThreshold`, but changes may also be 0 or negative: then the version
    may be worse than the other by so much, and no more.
    """

    threshold: Number | None = Field(
        default=None, description="At least this, or at most this where less is better"
    )
    min_absolute_change: Number | None = Field(
        default=None,
        description="Better than `against` by at least this; -0.01 admits what is worse by 0.01",
    )
    min_relative_change: Annotated[Number, Field(ge=-1, le=1)] | None = Field(
        default=None,
        description="The same as a part of the other's value: 0.05 is 5 percent better",
    )
    greater_is_better: bool | None = Field(
        default=None, description="Asked for where the metric is one of your own"
    )
    make_metric: str | None = Field(
        default=None,
        min_length=1,
        description="`package.module:name` or `file.py:name` of what `mlflow.metrics.make_metric` "
        "returns, or of a function of predictions and targets. It is run in the command's process",
    )
    code: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the file of `make_metric`; filled in where it is unset",
    )

    @property
    def compares(self) -> bool:
        """Whether another version is needed to judge it."""
        return self.min_absolute_change is not None or self.min_relative_change is not None

    @property
    def alone(self) -> Self:
        """What is left of it where there is no other version."""
        return self.model_copy(update={"min_absolute_change": None, "min_relative_change": None})


def _known(metrics: Any, handler: ValidatorFunctionWrapHandler) -> Mapping[str, MetricBounds]:
    said = metrics if isinstance(metrics, Mapping) else {}
    texts = ((name, _mistake(str(name), bounds)) for name, bounds in said.items())
    wrong: list[Mistake] = [((str(name),), text) for name, text in texts if text is not None]
    return told_together(metrics, handler, wrong)


def _mistake(name: str, bounds: Any) -> str | None:
    """Of bounds as they are written: what is wrong in one of them is told besides."""
    said = bounds.model_dump() if isinstance(bounds, MetricBounds) else bounds
    said = said if isinstance(said, Mapping) else {}
    greater = said.get("greater_is_better")
    if said.get("make_metric") is not None:
        if name in METRICS:
            return "is a metric of MLflow's: give your own another name"
        return "needs greater_is_better" if greater is None else None
    if said.get("code") is not None:
        return "code belongs to make_metric"
    if name not in METRICS:
        near = get_close_matches(name, METRICS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(METRICS)}"
        return f"not a metric by MLflow's names, and without make_metric; {hint}"
    if isinstance(greater, bool) and greater is not METRICS[name]:
        return f"greater_is_better is {str(METRICS[name]).lower()}"
    return None


NamedBounds = Annotated[
    Mapping[Annotated[str, Field(pattern=_NAME)], MetricBounds], WrapValidator(_known)
]


class Slice(PolicyPart):
    """A part of the rows that is judged by itself: by values, by a query, or one for each value."""

    name: str | None = Field(default=None, pattern=_NAME, description="Unset: what it selects by")
    where: Mapping[str, str | bool | int | float] | None = Field(
        default=None, min_length=1, description="Column: value; all of them"
    )
    query: Annotated[str, AfterValidator(checked_query)] | None = Field(
        default=None,
        max_length=1000,
        description="Comparisons of columns with values, as pandas' `query` reads them, "
        "as in `age < 30 and country in ['DE', 'FR']`",
    )
    by: str | None = Field(default=None, description="A column: a slice for each of its values")
    least_rows: Whole | None = Field(default=None, description="Instead of the policy's own")
    metrics: NamedBounds | None = Field(
        default=None, description="Bounds; unset: those of all rows"
    )

    @model_validator(mode="wrap")
    @classmethod
    def _selects_once(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        said = value if isinstance(value, Mapping) else {}
        given = [name for name in ("where", "query", "by") if said.get(name) is not None]
        wrong: list[Mistake] = [((), "must have exactly one of where, query, by")]
        many = isinstance(value, Mapping) and len(given) != 1
        return told_together(value, handler, wrong if many else [])

    @property
    def label(self) -> str:
        """What people call it."""
        return label_of(self.model_dump())


def label_of(said: Mapping[str, Any]) -> str:
    """What people call a slice that says this."""
    name, where = said.get("name"), said.get("where")
    if name is not None:
        return str(name)
    if isinstance(where, Mapping):
        return ", ".join(f"{column}={value}" for column, value in where.items())
    return str(said.get("query") or said.get("by"))


class ClassBounds(PolicyPart):
    """What becomes of a version that predicts other classes than `against`, on the same rows."""

    new: VerdictOn = Field(
        default="failed", description="It predicts one that the other never predicts"
    )
    never: VerdictOn = Field(
        default="failed",
        description="It never predicts one that is a label and that the other predicts, if there "
        "is another",
    )


class ModelAnswer(PolicyPart):
    """Where the prediction stands in what the model answers for a row."""

    prediction: str | None = Field(
        default=None, description="The column of it; unset: the only column, or the answer itself"
    )
    probabilities: str | list[str] | None = Field(
        default=None,
        description="The column of the probability of `positive`, or one for each of `labels`; "
        "roc_auc and log_loss need them",
    )
    labels: list[str | bool | int | float] | None = Field(
        default=None, min_length=2, description="The classes, in the order of the probabilities"
    )
    positive: str | bool | int | float | None = Field(
        default=None,
        description="The class that counts, of two; unset: the greatest of `labels`, else of "
        "labels and predictions, as MLflow has it",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _agrees(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        said = value if isinstance(value, Mapping) else {}
        return told_together(value, handler, _of_classes(said))

    @property
    def counted(self) -> str | bool | float | None:
        """The class that counts, of two; None where the policy does not say which there are."""
        if self.positive is not None or self.labels is None:
            return self.positive
        return max(self.labels)


def _of_classes(said: Mapping[str, Any]) -> Iterator[Mistake]:
    labels, columns = said.get("labels"), said.get("probabilities")
    if isinstance(columns, list):
        if len(set(map(str, columns))) < len(columns):
            yield ("probabilities",), "names a column twice"
        if labels is None or (isinstance(labels, list) and len(labels) != len(columns)):
            yield ("labels",), "must name a class for each of probabilities"
    if not isinstance(labels, list) or not all(isinstance(e, str | int | float) for e in labels):
        return
    if isinstance(columns, str) and len(labels) != 2:  # noqa: PLR2004 - one column says all of two
        yield ("labels",), "must be two, for one column of probabilities"
    if len(set(labels)) < len(labels):
        yield ("labels",), "names a class twice"
    if len({isinstance(each, str) for each in labels}) > 1:
        yield ("labels",), "must be all text or all numbers"
    if said.get("positive") is not None and said["positive"] not in labels:
        yield ("positive",), "is not one of labels"
