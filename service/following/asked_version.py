"""A version that an operator wants ready for a slot: what becomes of that, step by step."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.following.gates.gate import GateFinding
from service.following.journey import Journey
from service.following.ports import Clock
from service.following.preparation import Artifact, Preparation, PreparationState, Refusal
from service.following.servable import Servable
from service.following.slot import Slot
from service.refs import ModelRef, VersionId

AskedKey = tuple[ModelRef, str, bool]
"""The slot's reference, the version's number, and whether it is a dry run."""


@dataclass(eq=False, slots=True)
class AskedVersion:
    """One wish of an operator, and what has come of it so far; for the loop alone.

    `own` is its own way, `shared` the one that its version goes with others. `until` is monotonic,
    `reason` is why, by whom, and where one reads more.
    """

    slot: Slot
    number: str
    dry_run: bool
    keep_seconds: float
    at: float
    reason: str = ""
    own: Journey = field(default_factory=Journey)
    shared: Journey = field(default_factory=Journey)
    state: PreparationState = "preparing"
    why: str = ""
    refusals: tuple[Refusal, ...] = ()
    version: VersionId | None = None
    artifact: Artifact | None = None
    servable: Servable | None = None
    until: float = 0.0
    served: bool = False
    task: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """Whether anything is done for it, or kept."""
        return self.state in {"preparing", "ready"}

    @property
    def key(self) -> AskedKey:
        """Whoever asks for the same again has this one."""
        return self.slot.ref, self.number, self.dry_run

    @property
    def serves(self) -> bool:
        """Whether its slot serves the version."""
        return self.version is not None and self.slot.version == self.version

    def ended(self, state: PreparationState, now: float) -> None:
        """Nothing more comes of it; its version may go on its way for others."""
        self.state = state
        self.shared = Journey(dict(self.shared.so_far(now)), self.shared.findings)

    @property
    def findings(self) -> Sequence[GateFinding]:
        """What gates have seen."""
        return (*self.shared.findings, *self.own.findings)

    def seconds(self, now: float) -> Mapping[str, float]:
        """Of each stage, of the one that has not ended until now."""
        return {**self.own.so_far(now), **self.shared.so_far(now)}

    def told(self, clock: Clock) -> Preparation:
        """How it stands now."""
        now, preparing = clock.monotonic(), self.state == "preparing"
        return Preparation(
            ref=self.slot.ref,
            version=self.number,
            dry_run=self.dry_run,
            state=self.state,
            stage=(self.shared.under_way or self.own.under_way) if preparing else None,
            stages=self.seconds(now),
            findings=self.findings,
            refusals=self.refusals,
            why=self.why,
            asked_at=self.at,
            keep_seconds=self.keep_seconds,
            warm_until=clock.wall() + self.until - now if self.state == "ready" else None,
            artifact=self.artifact,
        )
