"""Instances that give a version its share as a test says, beside a clock that a test moves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.promotion.journal import StepPlan
from service.promotion.promote import Promoted, Promotion, Wanted
from service.promotion.step_split import StepSplit
from service.promotion.stepped import Stepping
from service.promotion.steps import ArmSeen, ArmState
from service.registry.writer.writer import NumberedVersion
from service.rollout.verdict import Sample
from service.rollout_tags import tag_name
from tests.promotion.conftest import NAME, FakeInstances, Moves

PLAN = StepPlan(shares=(5, 25, 50), step_seconds=10, seconds=20)
ENOUGH = 40
"""Answers a second, so that a step has its hundred before its seconds are over."""
_AT_LEAST = 4.0


@dataclass
class SteppedInstances:
    """One instance, by what the registry's tag says; a look lasts as long as whoever looks sleeps.

    Attributes:
        rate: answers a second of either version.
        failing: the share of the version's requests that fail.
        at_look: called before each look.
        serves: what its own share goes to; None: to what the alias is on.
        judged: what it says of the version by itself.
        shares: what was seen of the tag, each once.
    """

    moves: Moves
    version: str
    rate: float = ENOUGH
    failing: float = 0.0
    state: ArmState = "serves"
    at_look: Callable[[], None] = lambda: None
    serves: Callable[[], str | None] = lambda: None
    judged: Callable[[], Mapping[str, Any]] = dict
    seconds: float = 0.0
    shares: list[float] = field(default_factory=list)
    told: int = 0
    _arm: float = 0.0
    _own: float = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """They pass, or some more: each look asks the registry, which takes its time here."""
        seconds = max(seconds, _AT_LEAST)
        self.seconds += seconds
        if (share := self._share()) is not None:
            self._arm += seconds * self.rate
            if share not in self.shares:
                self.shares.append(share)
        self._own += seconds * self.rate

    def tell(self) -> None:
        """They look at the registry."""
        self.told += 1

    def seen(self, version: str) -> Sequence[ArmSeen]:
        """As it says, by the tag."""
        self.at_look()
        on = self.moves.registry.client.get_registered_model(NAME).aliases.get(self.moves.alias)
        state = self.state if self._share() is not None else "coming"
        arm = Sample(int(self._arm), int(self._arm * self.failing))
        own, on = Sample(int(self._own)), self.serves() or on
        return [ArmSeen("http://one", "i", state, "so it is", on, arm, own, **self.judged())]

    def _share(self) -> float | None:
        split = StepSplit.read(split_of(self.moves))
        return None if split is None else split.share


def split_of(moves: Moves) -> str | None:
    """The tag's value."""
    tags = moves.registry.client.get_registered_model(moves.registry.name).tags
    found: str | None = tags.get(tag_name("split", moves.alias))
    return found


def stepped(  # noqa: PLR0913 - what an operator says, and what a test hears
    moves: Moves,
    instances: SteppedInstances,
    *,
    by: str = "ada",
    resume: bool = False,
    steps: StepPlan | None = PLAN,
    said: Callable[[str], None] = lambda _: None,
) -> Promoted:
    """Promotes it by steps, or raises why not."""
    mover = moves.mover(by)
    stepping = Stepping(
        mover, instances, said, monotonic=instances.monotonic, sleep=instances.sleep
    )
    named = NumberedVersion(moves.registry.name, instances.version)
    work = Promotion(mover, FakeInstances(), lambda _: moves.digest, stepping=stepping)
    return work.run(Wanted(named, "a test", resume=resume, steps=steps))


def until_of(moves: Moves) -> datetime:
    """When the split that is there ends by itself."""
    split = StepSplit.read(split_of(moves))
    assert split is not None
    return split.until
