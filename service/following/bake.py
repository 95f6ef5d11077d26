"""A version that bakes: it serves, and has to show that it does no worse than what was proven.

And what came of one that did. Both are frozen, and replaced whole.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from service.bake_tag import BakeRule
from service.following.second_opinions import SecondOpinions
from service.following.servable import Binding, Servable
from service.refs import VersionId
from service.rollout.outcomes import NOTHING, Outcomes, Tally, recent
from service.rollout.verdict import LOOKS, BakeTime, Sample, mostly_fails, next_look

STAGE: Final = "bake"
FAILS_MORE: Final = "fails_more"
SLOWER: Final = "slower"


@dataclass(frozen=True, slots=True)
class BakeVerdict:
    """That a version does worse than the one before it, for as long as the alias stays on it.

    Attributes:
        code: by what.
        message: a sentence with the figures, safe to show.
        at: in seconds since 1970.
        proven: the number of the version that it gave way to.
    """

    version: VersionId
    code: str
    message: str
    at: float
    proven: str


class ComesBack(Protocol):
    """What was proven before a start, on its way back: `service.following.proven_return`.

    Attributes:
        servable: what has come; None: it has not.
    """

    servable: Servable | None

    @property
    def is_lost(self) -> bool:
        """Whether it cannot come any more."""

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What is under way."""

    def see_to(self) -> None:
        """Begins what is due."""

    def close(self) -> None:
        """Nobody waits for it any more, or somebody has taken it."""
        ...


@dataclass(frozen=True, slots=True)
class Bake:
    """One version's, from its swap on.

    Attributes:
        version: whose.
        outcomes: of its stay; another stay of the same version has others.
        older: what it is compared with and gives way to, which is kept warm; None: there is none.
        coming: what brings that back after a start; None: nothing is to come.
        since: what requests had come to before it was there: that is compared with nothing.
        breaks: whether clients may be broken by it: what it refuses is not asked of the other one.
        rule: by which it is judged.
        began: in monotonic seconds.
        at: the same in seconds since 1970.
        opinions: what it has failed at is tried there; None: nowhere.
        look_at: at so many requests the next look is; None: there is none any more.
        due_since: since when only second opinions keep the next look from being taken, in monotonic
            seconds.
        unproven: whether its time is over with too few requests.
        failing: whether it is, and fails so much that it is not proven until that has changed.
        timed: whether its first seconds are over, in which everything takes longer.
    """

    version: VersionId
    outcomes: Outcomes = field(compare=False)
    older: Binding | None
    rule: BakeRule
    began: float
    at: float
    breaks: bool = False
    coming: ComesBack | None = field(default=None, compare=False)
    since: Tally = NOTHING
    opinions: SecondOpinions | None = field(default=None, compare=False)
    look_at: int | None = LOOKS[0]
    due_since: float | None = field(default=None, compare=False)
    unproven: bool = False
    failing: bool = False
    timed: bool = False

    @property
    def time(self) -> BakeTime:
        """How long it lasts."""
        return BakeTime(self.rule.seconds, self.rule.most_seconds)

    @property
    def tally(self) -> Tally:
        """What requests have come to since there is something to compare that with."""
        return self.outcomes.tally - self.since

    @property
    def sample(self) -> Sample:
        """What speaks for and against it by now."""
        return self.tally.sample

    @property
    def whole(self) -> Sample:
        """The same of its whole stay, whatever there was to compare that with."""
        return self.outcomes.tally.sample

    @property
    def proven_sample(self) -> Sample:
        """Of the last requests of what it is compared with.

        Where these are fewer than a look takes, as after a start, those that it was asked about
        stand beside them: they are the harder ones, which speaks for the version that bakes.
        """
        if self.older is None:
            return Sample()
        found, tally = recent(self.older.outcomes.blocks), self.tally
        if found.requests >= LOOKS[0]:
            return found
        return Sample(found.requests + tally.tried, found.failures + tally.spared)

    @property
    def is_due(self) -> bool:
        """Whether it has had the requests for its next look."""
        return self.look_at is not None and self.sample.requests >= self.look_at

    @property
    def is_compared(self) -> bool:
        """Whether enough is known of what it is compared with."""
        return self.proven_sample.requests >= LOOKS[0]

    @property
    def mostly_fails(self) -> bool:
        """Whether more than half of its requests have failed, and still do."""
        lately = recent(self.outcomes.blocks)
        still = lately.requests < LOOKS[0] or mostly_fails(lately)
        return still and mostly_fails(self.whole)

    def looked(self) -> "Bake":
        """After a look at so many requests as there are."""
        return replace(self, look_at=next_look(self.sample.requests), due_since=None)
