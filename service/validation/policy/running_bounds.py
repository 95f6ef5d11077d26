"""Bounds on how a version runs: load, times, memory. The part that knows no data."""

from typing import Annotated

from pydantic import Field

from service.validation.policy.parts import NotNegative, Number, PolicyPart, Positive, Whole


class LoadBounds(PolicyPart):
    """How much load is put on the version, and what it must bear. A bound that is unset is none."""

    seconds: Positive = Field(
        default=10.0, description="Each version is under load so long at least"
    )
    rounds: Annotated[Whole, Field(le=10_000)] = Field(
        default=20, description="Rounds in that time; beside `against` more, until it is decided"
    )
    rows: Annotated[Whole, Field(le=100_000)] = Field(
        default=100, description="Rows of a large request"
    )
    at_once: Annotated[Whole, Field(le=1000)] = Field(
        default=2, description="Requests under way at one time"
    )
    max_p50_ms: Positive | None = Field(default=None, description="Median of requests of one row")
    max_p99_ms: Positive | None = Field(
        default=None, description="99th percentile, requests of one row"
    )
    max_p99_ms_many: Positive | None = Field(
        default=None, description="99th percentile, requests of many rows"
    )
    min_rows_per_second: Positive | None = Field(
        default=None, description="Rows answered in large requests"
    )
    max_slower: Positive | None = Field(
        default=1.5,
        description="Time of a request as a multiple of what `against` takes; null: any",
    )


class TimeBounds(PolicyPart):
    """How long each stage of bringing the version into service may take; unset: any time."""

    max_fetch_seconds: Positive | None = Field(default=None, description="Download of its files")
    max_load_seconds: Positive | None = Field(
        default=None, description="Load and warm-up of a host"
    )
    max_first_answer_ms: Positive | None = Field(default=None, description="The first request")


class MemoryBounds(PolicyPart):
    """How much memory one host of the version may take, and how it may grow under load."""

    max_bytes: Whole | None = Field(default=None, description="Memory of one host at its greatest")
    max_growth_bytes: NotNegative | None = Field(
        default=64_000_000, description="Growth while it is under load; null: any"
    )
    max_more: Number | None = Field(
        default=None, description="Memory as a multiple of what `against` takes", gt=0
    )
