"""Which versions are loaded where not all may be: at most so many, and those used last.

One more is there while it takes another's place: whoever is let go answers what it has begun, and
only then are its processes ended and its place given on. Let go are, before all others, versions
that nothing serves any more and are kept warm; then idle ones; then those used the longest ago.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol

# A version that is loaded before it is swapped in is served some milliseconds later.
_SETTLED_SECONDS: Final = 2.0
# Versions whose load has failed and that have not been loaded since.
_MOST_FAILED: Final = 1000


class ResidencyObserver(Protocol):
    """Told of what is loaded on demand, and of what has to go for it."""

    def demanded(
        self, key: Hashable, waited: float, seconds: float, error: Exception | None
    ) -> None:
        """A request has had it loaded, or tried to; `waited` seconds for its place before."""

    def let_go(self, key: Hashable) -> None:
        """Others need its place; it is loaded again when it is asked."""

    def resident(self, count: int) -> None:
        """So many versions are loaded now."""


class Resident(Protocol):
    """A version that may be loaded and let go."""

    key: Hashable
    family: str
    used_at: float

    @property
    def busy(self) -> bool:
        """Whether requests are in it, or wait for it."""

    def let_go(self) -> None:
        """It takes no more requests, and says `Residents.left` once its processes are gone."""


@dataclass(eq=False, repr=False)
class Residents:
    """Gives places to versions; `most`, and one more in transition.

    `served` gives the keys of the versions that slots serve now.
    """

    _most: int
    _served: Callable[[], Container[Hashable]]
    observer: ResidencyObserver
    _loaded: set[Resident] = field(default_factory=set, init=False)
    _coming: dict[Resident, float] = field(default_factory=dict, init=False)
    _alive: int = field(default=0, init=False)
    _leaving: int = field(default=0, init=False)
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque, init=False)
    _failed: dict[Hashable, None] = field(default_factory=dict, init=False)
    _later: asyncio.TimerHandle | None = field(default=None, init=False)

    def wants(self, key: Hashable, family: str) -> bool:
        """Whether the version is to be loaded before anybody asks for it.

        It is while there is room; where it follows one that is loaded, so that it takes over
        without a wait and only if it can (P2); and where its last load has failed.
        """
        if self._alive + len(self._waiting) < self._most or key in self._failed:
            return True
        return any(each.family == family for each in self._loaded)

    async def place(self) -> None:
        """Returns when another version may be loaded, which counts from then on."""
        if not self._waiting and self._alive <= self._most:
            self._alive += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._make_way()
        try:
            await place
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
            elif not place.cancelled():
                self.left()
            raise

    def loaded(self, resident: Resident, *, settled: bool) -> None:
        """It is there; if it is not yet `settled`, it is swapped in within a moment."""
        self._loaded.add(resident)
        self._failed.pop(resident.key, None)
        self.observer.resident(len(self._loaded))
        if settled:
            self._shrink()
        else:
            self._coming[resident] = monotonic() + _SETTLED_SECONDS
            self._look_again()

    def failed(self, key: Hashable) -> None:
        """It could not be loaded, and has no place any more."""
        self._failed[key] = None
        if len(self._failed) > _MOST_FAILED:
            del self._failed[next(iter(self._failed))]
        self.left()

    def leaves(self, resident: Resident) -> None:
        """It is ended by others' wish, and says `left` when its processes are gone."""
        if resident in self._loaded:
            self._loaded.discard(resident)
            self._coming.pop(resident, None)
            self._leaving += 1
            self.observer.resident(len(self._loaded))

    def gone(self) -> None:
        """The processes of one that was let go, or has left, are gone."""
        self._leaving -= 1
        self.left()

    def left(self) -> None:
        """A place is free: whoever has waited longest has it."""
        self._alive -= 1
        while self._waiting and self._alive <= self._most:
            place = self._waiting.popleft()
            if not place.done():
                self._alive += 1
                place.set_result(None)

    def _shrink(self) -> None:
        while self._alive - self._leaving > self._most:
            if not self._let_one_go():
                return

    def _make_way(self) -> None:
        while len(self._waiting) > self._leaving:
            if not self._let_one_go():
                return

    def _let_one_go(self) -> bool:
        now, served = monotonic(), self._served()
        settled = [each for each in self._loaded if self._may_go(each, now, served)]
        if not settled:
            self._look_again()
            return False
        least = min(settled, key=lambda each: (each.key in served, each.busy, each.used_at))
        self.leaves(least)
        self.observer.let_go(least.key)
        least.let_go()
        return True

    def _may_go(self, resident: Resident, now: float, served: Container[Hashable]) -> bool:
        if now >= self._coming.get(resident, 0.0) or resident.key in served:
            self._coming.pop(resident, None)
        return resident not in self._coming

    def _look_again(self) -> None:
        if self._later is None:
            loop = asyncio.get_running_loop()
            self._later = loop.call_later(_SETTLED_SECONDS, self._looked_again)

    def _looked_again(self) -> None:
        self._later = None
        self._shrink()
        self._make_way()
