"""Bounds on what a version answers: metrics, slices, and classes that come or go."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from service.validation.policy.known_metrics import METRICS
from service.validation.policy.parts import Number, PolicyPart, Whole
from service.validation.policy.queries import checked_query

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


def _known(metrics: Mapping[str, MetricBounds]) -> Mapping[str, MetricBounds]:
    wrong = [text for name, bounds in metrics.items() if (text := _mistake(name, bounds))]
    if wrong:
        raise ValueError("; ".join(wrong))
    return metrics


def _mistake(name: str, bounds: MetricBounds) -> str | None:
    if bounds.make_metric is not None:
        return None if bounds.greater_is_better is not None else f"{name}: needs greater_is_better"
    if bounds.code is not None:
        return f"{name}: code belongs to make_metric"
    if name not in METRICS:
        near = get_close_matches(name, METRICS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(METRICS)}"
        return f"{name}: not a metric by MLflow's names, and without make_metric; {hint}"
    if bounds.greater_is_better not in {None, METRICS[name]}:
        return f"{name}: greater_is_better is {str(METRICS[name]).lower()}"
    return None


NamedBounds = Annotated[
    Mapping[Annotated[str, Field(pattern=_NAME)], MetricBounds], AfterValidator(_known)
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

    @model_validator(mode="after")
    def _selects_once(self) -> Self:
        given = [name for name in ("where", "query", "by") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("must have exactly one of where, query, by")
        return self

    @property
    def label(self) -> str:
        """What people call it."""
        if self.name is not None:
            return self.name
        if self.where is not None:
            return ", ".join(f"{column}={value}" for column, value in self.where.items())
        return str(self.query or self.by)


class ClassBounds(PolicyPart):
    """What becomes of a version that predicts other classes than `against`, on the same rows."""

    new: VerdictOn = Field(
        default="failed", description="It predicts one that the other never predicts"
    )
    never: VerdictOn = Field(
        default="failed",
        description="It never predicts one that the other predicts, or that is a label",
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
        description="The class that counts, of two; unset: the greater one, as MLflow has it",
    )
