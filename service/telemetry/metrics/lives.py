"""Series of slots and versions: what their labels are, and how long they stay.

Those of a version end a while after its slot has left it. A service that is asked for its metrics
every minute is to tell the last of a version too; one that has served a thousand versions is not to
tell of all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Final, Protocol

from service.refs import ModelRef

KEPT_SECONDS: Final = 900.0
"""How long series stay after what they describe has left."""
# A registry that moves an alias every second leaves no more than these behind, for each slot.
_MOST_LEFT: Final = 5
_NEVER_SEEN: Final = -1.0
# From a host's own time for one row, under a millisecond, to the default limit of a prediction.
REQUEST_SECONDS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
SLOT = ("model", "alias")
# An empty version is that of what none has answered.
SLOT_VERSION = (*SLOT, "version")


class Series(Protocol):
    """What has series of slots, and of the versions that these serve. Told on the event loop."""

    def slot_came(self, ref: ModelRef) -> None:
        """The service follows this; counters begin at zero, for a rate needs to see the first."""

    def version_came(self, ref: ModelRef, version: str) -> None:
        """The slot serves this version."""

    def version_left(self, ref: ModelRef, version: str) -> None:
        """It has not for a while: whatever series there are of the two end."""

    def slot_left(self, ref: ModelRef) -> None:
        """The service has not followed this for a while: whatever series there are of it end."""


class Lives:
    """Knows which slots and versions have series, and ends those that have outlived them.

    `told` are told of all that; set once, before anything else is done.
    """

    told: Sequence[Series] = ()

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        # When each has left; None: it is there.
        self._slots: dict[ModelRef, float | None] = {}
        self._versions: dict[ModelRef, dict[str, float | None]] = {}
        self._due = -inf

    @property
    def due(self) -> bool:
        """Whether `see` has something to do though slots are and serve what they did."""
        return self._monotonic() >= self._due

    def serves(self, ref: ModelRef, version: str) -> None:
        """The slot serves this version from now on."""
        self._slot_is_there(ref)
        versions = self._versions.setdefault(ref, {})
        if versions.get(version, _NEVER_SEEN) is not None:
            for each in self.told:
                each.version_came(ref, version)
        versions[version] = None

    def found(self, ref: ModelRef, version: str | None) -> None:
        """Series of the two have begun; they end as if it had just left, unless it serves.

        Without a version they are the slot's alone.
        """
        now = self._monotonic()
        self._slots.setdefault(ref, now)
        versions = self._versions.setdefault(ref, {})
        if version is not None:
            versions.setdefault(version, now)
        self._due = -inf

    def see(self, serving: Mapping[ModelRef, str | None]) -> None:
        """These slots are there, and serve these versions; what is not among them has left."""
        for ref, version in serving.items():
            self._slot_is_there(ref)
            if version is not None:
                self.serves(ref, version)
        now = self._monotonic()
        for ref in list(self._slots):
            self._end_versions(ref, serving.get(ref), now)
            if ref not in serving:
                self._end_slot(ref, now)
        left = [
            *self._slots.values(),
            *(at for of in self._versions.values() for at in of.values()),
        ]
        self._due = min((at for at in left if at is not None), default=inf) + KEPT_SECONDS

    def _slot_is_there(self, ref: ModelRef) -> None:
        if self._slots.get(ref, _NEVER_SEEN) is not None:
            for each in self.told:
                each.slot_came(ref)
        self._slots[ref] = None

    def _end_versions(self, ref: ModelRef, serving: str | None, now: float) -> None:
        versions = self._versions.setdefault(ref, {})
        for version, left in versions.items():
            if version != serving and left is None:
                versions[version] = now
        gone = sorted((left, version) for version, left in versions.items() if left is not None)
        for number, (left, version) in enumerate(reversed(gone)):
            if number >= _MOST_LEFT or now - left >= KEPT_SECONDS:
                del versions[version]
                for each in self.told:
                    each.version_left(ref, version)

    def _end_slot(self, ref: ModelRef, now: float) -> None:
        left = self._slots[ref]
        if left is None:
            self._slots[ref] = now
        elif now - left >= KEPT_SECONDS:
            del self._slots[ref], self._versions[ref]
            for each in self.told:
                each.slot_left(ref)
