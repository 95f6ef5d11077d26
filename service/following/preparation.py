"""How it stands with a version that an operator has asked to be made ready, at one instant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from service.following.gates.gate import GateFinding
from service.following.slot_status import Failure
from service.refs import ModelRef

PreparationState = Literal["preparing", "ready", "passed", "refused", "ended"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a version was not made ready; `passing`: asking again later may come to something else.

    `gate` is the gate that is closed, if one is.
    """

    failure: Failure
    passing: bool
    gate: str | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """What was fetched: its digest (empty where nobody has told it), and its size in bytes."""

    digest: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Preparation:
    """What has come of it so far. Times are in seconds since 1970.

    Attributes:
        ref: the slot's that it is made ready for.
        version: its number.
        dry_run: whether it is fetched and judged by the gates, and nothing more.
        state: `preparing`: it is under way; `ready`: the alias may move, and the version is swapped
            in at once; `passed`: a dry run in which no gate refused it; `refused`; `ended`: it was
            let go of, for `why`.
        stage: what is under way, if anything.
        stages: the seconds of each stage, so far.
        findings: what gates have seen.
        refusals: why it is refused; a dry run names every gate that is closed.
        keep_seconds: for how long it is kept warm from when it is ready.
        warm_until: when that is over.
        artifact: None before it was fetched.
    """

    ref: ModelRef
    version: str
    dry_run: bool
    state: PreparationState
    stage: str | None
    stages: Mapping[str, float]
    findings: Sequence[GateFinding]
    refusals: Sequence[Refusal]
    why: str
    asked_at: float
    keep_seconds: float
    warm_until: float | None
    artifact: Artifact | None
