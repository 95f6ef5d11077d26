"""What requests of a slot read: one frozen object, which every change replaces whole."""

from dataclasses import dataclass, field
from typing import Final

from service.following.servable import Binding

WHOLE: Final = 100
"""The weight of an arm that takes all requests."""


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
