"""How long each version's hosts take for a call, noted while some bake asks for it.

The seconds are those from when a host is sent a call to when its answer is there.
"""

from collections.abc import Callable, Mapping
from typing import cast

from service.hosting.observer import HostingObserver
from service.refs import VersionId
from service.rollout.durations import Durations


class CallTimes:
    """`service.following.baking.TimesCalls`, by observers of pools that hear of each call.

    `wanted`: whether anybody asks; nothing is noted meanwhile.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._durations: dict[VersionId, Durations] = {}

    def of(self, version: VersionId) -> Durations | None:
        """Of calls since the version has hosts, or since they are wanted; None: it has none."""
        return self._durations.get(version)

    def heard_by(
        self, observer_of: Callable[[VersionId], HostingObserver]
    ) -> Callable[[VersionId], HostingObserver]:
        """The same observers, each of which tells this one, too."""

        def of(version: VersionId) -> HostingObserver:
            return cast("HostingObserver", _Timed(self, version, observer_of(version)))

        return of

    def opened(self, version: VersionId) -> Durations:
        """The version has hosts."""
        return self._durations.setdefault(version, Durations())

    def closed(self, version: VersionId, durations: Durations) -> None:
        """It has none any more, unless others of the same version have come since."""
        if self._durations.get(version) is durations:
            del self._durations[version]


class _Timed:
    def __init__(self, times: CallTimes, version: VersionId, observer: HostingObserver) -> None:
        self._times = times
        self._version = version
        self._observer = observer
        self._durations = Durations()

    def __getattr__(self, event: str) -> Callable[..., None]:
        told: Callable[..., None] = getattr(self._observer, event)
        return told

    def opened(self, waiting: Callable[[], Mapping[str, int]]) -> None:
        self._durations = self._times.opened(self._version)
        self._observer.opened(waiting)

    def closed(self) -> None:
        self._times.closed(self._version, self._durations)
        self._observer.closed()

    def batch(self, rows: int, seconds: float, alias: str) -> None:
        if self._times.wanted:
            self._durations.add(rows, seconds)
        self._observer.batch(rows, seconds, alias)
