"""One version ready to answer, shared by everybody who wants it, closed when nobody does.

What requests of a slot read is one frozen object, its traffic, which every change replaces whole.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from service.errors import ServiceError
from service.following.environments import PODIUMS_OWN, RunsIn
from service.following.ports import FetchedVersion, Staged
from service.refs import ModelRef, VersionId
from service.retry_tag import may_retry
from service.rollout.buckets import Buckets
from service.rollout.outcomes import Outcomes
from service.split_tag import WHOLE

SHADOW_TAG: Final = "podium.shadow"
"""Of a version, `true`: it may hear of requests all the same."""


class Servable:
    """A version, its contract and a handle to its pool; counted, so that the last one closes it.

    Slots hold it while they serve it or keep it warm, requests from their start to their end.
    Made with one hold, its maker's. `outdated`: it may be loaded anew in an environment of its own,
    and answers until it is. `refusal` is what each request that holds it comes to, whatever
    its processes still say; None: nothing but that.
    """

    def __init__(
        self,
        fetched: FetchedVersion,
        staged: Staged,
        on_unheld: Callable[["Servable"], None],
        runs_in: RunsIn = PODIUMS_OWN,
    ) -> None:
        self.fetched = fetched
        self.runs_in = runs_in
        self.version: VersionId = fetched.version
        self.contract = staged.contract
        self.reader = staged.reader
        self.predictor = staged.predictor
        self.demanded = staged.demanded
        self._on_unheld = on_unheld
        self.outdated = False
        self.refusal: ServiceError | None = None
        self._holds = 1

    @property
    def held(self) -> bool:
        """Whether anybody still wants it."""
        return self._holds > 0

    @property
    def cold(self) -> bool:
        """Whether its next request has to wait for a load."""
        return self.demanded is not None and self.demanded.cold

    @property
    def irreplaceable(self) -> bool:
        """Whether it is to be fetched and loaded as if it did not serve, which it still may."""
        return self.outdated or self.predictor.irreplaceable

    @property
    def proven(self) -> bool:
        """Whether it was ever loaded."""
        return self.demanded is None or self.demanded.proven

    def hold(self) -> None:
        """Takes a part in it; every hold is released once."""
        if not self.held:
            raise RuntimeError(f"{self.version} was released by everybody and is closing")
        self._holds += 1

    def release(self) -> None:
        """Gives one hold back; the last one has the servable closed."""
        self._holds -= 1
        if self._holds == 0:
            self._on_unheld(self)


@dataclass(frozen=True, slots=True)
class Binding:
    """What one request holds from start to end: the alias from the ref, the rest from the servable.

    Replaced, never edited; reply, headers, metrics and log lines all read this one object (P1).
    `outcomes` counts what requests of its stay at the slot come to, whatever processes it has.
    """

    ref: ModelRef
    servable: Servable
    outcomes: Outcomes = field(default_factory=Outcomes, compare=False)


@dataclass(frozen=True, slots=True)
class KeptWarm:
    """What a slot has served before, ready for an alias that moves back; `until` is monotonic.

    `inf`: for as long as what serves bakes.
    """

    binding: Binding
    until: float

    @property
    def is_proven(self) -> bool:
        """Whether it is what a version that bakes gives way to."""
        return self.until == math.inf


async def close(servable: Servable) -> None:
    """Ends the servable's processes, then gives its files back."""
    try:
        await servable.predictor.close()
    finally:
        servable.fetched.lease.release()
        servable.runs_in.release()


@dataclass(frozen=True, slots=True)
class Arm:
    """A binding and its share of the requests; the weights of all arms are `WHOLE` together."""

    binding: Binding
    weight: int = WHOLE


@dataclass(frozen=True, slots=True, eq=False)
class Shadow:
    """Who hears of a slot's requests once they are answered, and answers none.

    Attributes:
        binding: the reference that the tag names, and its version in hosts of its own.
        against: what answers them: of the slot's own version alone, so that two are compared.
        share: of how many of `service.split_tag.WHOLE` requests it hears.
        reads_same: whether both read requests by the same contract.
    """

    binding: Binding
    against: Servable
    share: int
    reads_same: bool


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is to hear of a slot's requests, whatever answers them."""

    binding: Binding
    share: int

    def beside(self, own: Binding | None) -> Shadow | None:
        """What that comes to where this answers; None where it may not, or nothing is to compare.

        A version never hears of its own requests, nor one of what is not to be predicted twice.
        """
        if own is None:
            return None
        heard, served = self.binding.servable.fetched, own.servable.fetched
        if heard.version == served.version or not may_hear(served.tags, heard.tags):
            return None
        return Shadow(self.binding, own.servable, self.share, _read_alike(served, heard))


def may_hear(served: Mapping[str, str], heard: Mapping[str, str]) -> bool:
    """Whether a version of these tags may predict again what one of those has answered.

    `podium.retry=false`, of either, says that a prediction does more than answer; only the shadow's
    own `podium.shadow=true` says that it may all the same.
    """
    if heard.get(SHADOW_TAG, "").strip().lower() == "true":
        return True
    return may_retry(served) and may_retry(heard)


def _read_alike(left: FetchedVersion, right: FetchedVersion) -> bool:
    by_hint = left.from_type_hint, right.from_type_hint
    return left.signature == right.signature and by_hint[0] == by_hint[1]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Where requests of a slot go. A request reads its slot's traffic once, and binds by that.

    Attributes:
        epoch: grows with each replacement, which orders them (P21).
        arms: those that answer, the slot's own first; none: nothing does.
        shadow: what hears of requests too, and answers none.
        since: when the version that answers was swapped in, in seconds since 1970.
        buckets: which request goes to which arm; None where all go to the slot's own.
        binding: the slot's own, whom a request is bound to where nothing is shared; None: nothing
            answers it.
    """

    epoch: int = 0
    arms: tuple[Arm, ...] = ()
    shadow: Shadow | None = None
    since: float | None = None
    buckets: Buckets[Binding] | None = None
    binding: Binding | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # For each request that comes, once for all of them.
        object.__setattr__(self, "binding", self.arms[0].binding if self.arms else None)

    def then(
        self, binding: Binding | None, since: float | None, sharing: "Sharing | None" = None
    ) -> "Traffic":
        """What replaces it: that binding is the slot's own; None: nothing answers any request."""
        arms = () if binding is None else (Arm(binding),)
        alone = Traffic(self.epoch + 1, arms, since=None if binding is None else since)
        return alone._shared(sharing)

    def heard(self, shadow: Shadow | None) -> "Traffic":
        """What replaces it: the same answers, and this shadow hears of them; None: none does."""
        return replace(self, epoch=self.epoch + 1, shadow=shadow)

    def with_arms(self, sharing: "Sharing | None") -> "Traffic":
        """What replaces it where its own binding stays; itself where nobody gets another part."""
        now = self._shared(sharing)
        return now if now is self else replace(now, epoch=self.epoch + 1)

    def _shared(self, sharing: "Sharing | None") -> "Traffic":
        own = self.binding
        arms: tuple[Arm, ...] = () if own is None else (Arm(own),)
        buckets = None
        # Without a binding of its own it shares nothing: most requests would have no answer.
        if own is not None and sharing is not None:
            arms, buckets = sharing.arms(own), sharing.buckets(own)
        same = arms == self.arms and _ends(buckets) == _ends(self.buckets)
        return self if same else replace(self, arms=arms, buckets=buckets)

    @property
    def shares(self) -> tuple[tuple[str, str, int], ...]:
        """Who else answers: the alias, its version, its weight."""
        others = ((each.binding, each.weight) for each in self.arms[1:])
        return tuple((of.ref.alias, of.servable.version.version, weight) for of, weight in others)


def _ends(buckets: Buckets[Binding] | None) -> tuple[bytes, int, int] | None:
    """By which header callers are told apart, and where the arms begin and end.

    One arm may stand at either end: the same share is that of other callers then.
    """
    return None if buckets is None else (buckets.header, buckets.left[1], buckets.right[1])


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who is to answer beside a slot's own version, as far as they can.

    Attributes:
        key: the slot's, of its buckets.
        header: by which a caller is known, in lower case.
        left, right: the arm at that end, with its weight; None: there is none, or it cannot answer.
    """

    key: bytes
    header: bytes
    left: Arm | None = None
    right: Arm | None = None

    def arms(self, own: Binding) -> tuple[Arm, ...]:
        """Beside that binding, which has what is left."""
        others = [each for each in (self.left, self.right) if each is not None]
        return (Arm(own, WHOLE - sum(each.weight for each in others)), *others)

    def buckets(self, own: Binding) -> Buckets[Binding] | None:
        """Whom each caller gets; None: all get the slot's own."""
        if self.left is None and self.right is None:
            return None
        left = self.left or Arm(own, 0)
        right = self.right or Arm(own, 0)
        return Buckets(
            self.key,
            self.header,
            own,
            (left.binding, left.weight),
            (right.binding, WHOLE - right.weight),
        )
