"""The policy: everything that a version is judged by, as `validation.yaml` may hold it."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from service.validation.policy.known_metrics import TASKS, Task
from service.validation.policy.parts import PolicyPart, Positive, Rows, Whole
from service.validation.policy.quality_bounds import (
    ClassBounds,
    MetricBounds,
    ModelAnswer,
    NamedBounds,
    Slice,
    VerdictOn,
)
from service.validation.policy.running_bounds import LoadBounds, MemoryBounds, TimeBounds

DATA_OF_RUN: Final = "of-run"
"""As `data`: what the run that made the version has logged for this."""


class ValidationPolicy(PolicyPart):
    """What a version must be to pass. Every key may be left out; frozen once read."""

    data: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None,
        description="Rows with labels: a file (csv, parquet, json), s3://, runs:/RUN/path, "
        f"models:/NAME/VERSION/path, or {DATA_OF_RUN}",
    )
    label: str | None = Field(
        default=None, min_length=1, description="The column of `data` to predict"
    )
    task: Task | None = Field(
        default=None,
        description="Unset: regressor where labels have fractions, or predictions have and labels "
        "more than two values; else classifier",
    )
    answer: ModelAnswer = Field(
        default=ModelAnswer(), description="Where predictions stand in what the model answers"
    )
    against: str | None = Field(default=None, description="Alias of the version to compare with")
    metrics: NamedBounds | None = Field(
        default=None,
        description="By MLflow's names, or your own with make_metric. Unset: beside `against`, "
        "accuracy_score may be 0.01 less and root_mean_squared_error 5 percent more",
    )
    slices: tuple[Slice, ...] = Field(
        default=(), max_length=100, description="Parts of the rows of `data`"
    )
    least_rows: Whole = Field(
        default=30, description="A slice, or data, of fewer rows is not judged"
    )
    when_small: VerdictOn = Field(
        default="undecided", description="The verdict on what has fewer rows"
    )
    when_first: VerdictOn = Field(
        default="passed", description="The verdict on a change where `against` is on no version yet"
    )
    max_refused_rows: Rows = Field(default=0, description="Rows that the signature may refuse")
    classes: ClassBounds = Field(default=ClassBounds(), description="Classes that come or go")
    load: LoadBounds = Field(default=LoadBounds(), description="Load, and what it must bear")
    times: TimeBounds = Field(default=TimeBounds(), description="Times of bringing it into service")
    memory: MemoryBounds = Field(default=MemoryBounds(), description="Memory of one host")
    timeout_seconds: Positive = Field(default=900.0, description="All of it; then it is undecided")
    differences: Literal["none", "index", "predictions"] = Field(
        default="index",
        description="What is kept of rows on which both versions differ: nothing, their positions, "
        "or both predictions as well",
    )
    experiment: str | None = Field(
        default=None,
        min_length=1,
        description="Where the run is made; unset: beside the run that made the version",
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        wrong = [*self._without_data(), *self._without_label(), *self._of_another_task()]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _without_data(self) -> list[str]:
        asked = {"metrics": self.metrics, "slices": self.slices}
        return [f"{name}: need data" for name, part in asked.items() if part and self.data is None]

    def _without_label(self) -> list[str]:
        named = self.data is not None and self.data != DATA_OF_RUN
        return ["label: must be set where data is"] if named and self.label is None else []

    def _of_another_task(self) -> list[str]:
        if self.task is None:
            return []
        others = {name for task, names in TASKS.items() if task != self.task for name in names}
        asked = {name for name, bounds in self._all_metrics() if bounds.make_metric is None}
        return [f"{name}: not a metric of a {self.task}" for name in sorted(asked & others)]

    def _all_metrics(self) -> list[tuple[str, MetricBounds]]:
        parts = [self.metrics, *(each.metrics for each in self.slices)]
        return [entry for part in parts if part is not None for entry in part.items()]
