"""How long each version's hosts take for a call, noted while some bake asks for it.

The seconds are those from when a host is sent a call to when its answer is there.
"""

from collections.abc import Callable, Mapping

from service.hosting.observer import HostingObserver
from service.refs import VersionId
from service.rollout.durations import Durations


class CallTimes:
    """`service.following.baking.TimesCalls`, by observers of pools that hear of each call.

    `wanted`: whether anybody asks; nothing is noted meanwhile, and no call costs anything.
    """

    def __init__(self) -> None:
        self._wanted = False
        self._durations: dict[VersionId, Durations] = {}
        self._open: list[_Timed] = []

    @property
    def wanted(self) -> bool:
        """Whether anybody asks."""
        return self._wanted

    @wanted.setter
    def wanted(self, wanted: bool) -> None:
        if wanted != self._wanted:
            self._wanted = wanted
            for each in self._open:
                each.time(wanted=wanted)

    def of(self, version: VersionId) -> Durations | None:
        """Of calls since the version has hosts, or since they are wanted; None: it has none."""
        return self._durations.get(version)

    def heard_by(
        self, observer_of: Callable[[VersionId], HostingObserver]
    ) -> Callable[[VersionId], HostingObserver]:
        """The same observers, each of which tells this one, too."""
        return lambda version: _Timed(self, version, observer_of(version))

    def opened(self, version: VersionId, pool: "_Timed") -> Durations:
        """The version has hosts, maybe beside others."""
        self._open.append(pool)
        return self._durations.setdefault(version, Durations())

    def closed(self, version: VersionId, pool: "_Timed") -> None:
        """It has these no more; what is known of it goes with the last ones."""
        if pool in self._open:
            self._open.remove(pool)
        if not any(each.version == version for each in self._open):
            self._durations.pop(version, None)


class _Timed:
    """A pool's observer, whose calls are told to nobody else while nobody wants to know."""

    def __init__(self, times: CallTimes, version: VersionId, told: HostingObserver) -> None:
        self.version = version
        self._times = times
        self._told = told
        self._durations = Durations()
        self.batch = told.batch
        self.host_ended = told.host_ended
        self.host_restarted = told.host_restarted
        self.host_not_started = told.host_not_started
        self.memory = told.memory
        self.printed = told.printed

    def time(self, *, wanted: bool) -> None:
        """Calls are noted from now on, or no more."""
        self.batch = self._timed if wanted else self._told.batch

    def opened(self, waiting: Callable[[], Mapping[str, int]]) -> None:
        self._durations = self._times.opened(self.version, self)
        self.time(wanted=self._times.wanted)
        self._told.opened(waiting)

    def closed(self) -> None:
        self._times.closed(self.version, self)
        self._told.closed()

    def _timed(self, rows: int, seconds: float, alias: str) -> None:
        self._durations.add(rows, seconds)
        self._told.batch(rows, seconds, alias)
