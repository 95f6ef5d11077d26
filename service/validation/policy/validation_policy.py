"""The policy: everything that a version is judged by, as `validation.yaml` may hold it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from service.validation.policy.parts import (
    Mistake,
    Place,
    PolicyPart,
    Positive,
    Rows,
    Whole,
    told_together,
)
from service.validation.policy.quality_bounds import (
    METRICS,
    TASKS,
    ClassBounds,
    ModelAnswer,
    NamedBounds,
    Slice,
    Task,
    VerdictOn,
    label_of,
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
        description="Unset: as the metrics that are named; else regressor where labels have "
        "fractions, or predictions have and labels more than two values; else classifier",
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

    @model_validator(mode="wrap")
    @classmethod
    def _agrees(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        said = value if isinstance(value, Mapping) else {}
        wrong = [*_without_data(said), *_of_another_task(said), *_of_one_name(said)]
        return told_together(value, handler, wrong)

    @property
    def task_asked(self) -> Task | None:
        """What the policy says is predicted: by `task`, else by the metrics that it names."""
        parts = [self.metrics, *(each.metrics for each in self.slices)]
        named = {name for part in parts for name in part or ()}
        return self.task or next(
            (task for task, names in TASKS.items() if named & set(names)), None
        )


def _without_data(said: Mapping[str, Any]) -> Iterator[Mistake]:
    data = said.get("data")
    for name in ("metrics", "slices"):
        if said.get(name) and data is None:
            yield (name,), "need data"
    if data is not None and data != DATA_OF_RUN and said.get("label") is None:
        yield ("label",), "must be set where data is"


def _of_another_task(said: Mapping[str, Any]) -> Iterator[Mistake]:
    """A version predicts classes or numbers, and is measured by the metrics of that."""
    named, task = list(_named(said)), said.get("task")
    if task is not None:
        for place, name in named:
            if name in METRICS and task in TASKS and name not in TASKS[task]:
                yield place, f"not a metric of a {task}"
        return
    found = {each: [n for _, n in named if n in names] for each, names in TASKS.items()}
    if all(found.values()):
        told = " and ".join(f"of a {each} ({names[0]})" for each, names in found.items())
        yield ("metrics",), f"are {told}: a version has one task"


def _named(said: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Each metric that is named, and where."""
    slices = said.get("slices")
    parts: list[tuple[Place, Any]] = [((), said)]
    parts += [(("slices", at), each) for at, each in enumerate(_listed(slices))]
    for place, part in parts:
        metrics = part.get("metrics") if isinstance(part, Mapping) else None
        for name in metrics if isinstance(metrics, Mapping) else ():
            yield (*place, "metrics", str(name)), str(name)


def _of_one_name(said: Mapping[str, Any]) -> Iterator[Mistake]:
    slices = [each for each in _listed(said.get("slices")) if isinstance(each, Mapping)]
    for name, count in Counter(map(label_of, slices)).items():
        if count > 1:
            yield ("slices",), f"{count} are called {name}"


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
