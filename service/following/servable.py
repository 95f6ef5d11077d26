"""One version ready to answer, shared by everybody who wants it, closed when nobody does.

What requests of a slot read is one frozen object, its traffic, which every change replaces whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from service.errors import ServiceError
from service.following.environments import PODIUMS_OWN, RunsIn
from service.following.ports import FetchedVersion, Staged
from service.refs import ModelRef, VersionId
from service.rollout.outcomes import Outcomes

WHOLE: Final = 100
"""The weight of an arm that takes all requests."""


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


@dataclass(frozen=True, slots=True)
class Traffic:
    """Where requests of a slot go. A request reads its slot's traffic once, and binds by that.

    Attributes:
        epoch: grows with each replacement, which orders them (P21).
        arms: those that answer; none: nothing does.
        shadow: what hears of requests too, and answers none.
        since: when the version that answers was swapped in, in seconds since 1970.
        binding: whom a request is bound to that reads this; None: nothing answers it.
    """

    epoch: int = 0
    arms: tuple[Arm, ...] = ()
    shadow: Binding | None = None
    since: float | None = None
    binding: Binding | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # For each request that comes, once for all of them.
        object.__setattr__(self, "binding", self.arms[0].binding if self.arms else None)

    def then(self, binding: Binding | None, since: float | None) -> "Traffic":
        """What replaces it: all requests go to this binding; None: nothing answers any."""
        arms = () if binding is None else (Arm(binding),)
        return Traffic(self.epoch + 1, arms, since=None if binding is None else since)
