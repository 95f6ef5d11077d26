"""What an engine tells while it judges: which hosts run, and what they print. No metrics."""

from dataclasses import replace
from typing import Any, Final

from service.hosting.memory_watch import held_bytes
from service.observers import Nobody, Observers, nobody
from service.processes.front.ending import EndReason
from service.processes.front.output import OnLine
from service.refs import VersionId

# Whatever the version does.
_NOT_ITS_FAULT: Final = frozenset({EndReason.ZYGOTE, EndReason.UNKNOWN, EndReason.UNWANTED})


class WatchedHosts(Nobody):
    """`service.hosting.observer.HostingObserver` that knows the hosts of one version.

    Attributes:
        deaths: how many hosts that served have ended unasked, and not for another's fault.
    """

    def __init__(self, on_line: OnLine) -> None:
        self.printed = on_line
        self.deaths = 0
        self._pids: set[int] = set()

    def memory(self, pid: int, _: int) -> None:
        """That is one."""
        self._pids.add(pid)

    def host_restarted(self, reason: EndReason) -> None:
        """One that served has died."""
        self.deaths += reason not in _NOT_ITS_FAULT

    def held_bytes(self) -> int:
        """What the largest of them holds now, with what it has forked; 0 where none lives.

        Blocks for a millisecond or more.
        """
        return max((held_bytes(pid) for pid in self._pids), default=0)


class Heard:
    """Who listens to an engine that judges.

    Attributes:
        hosts: of the version that was staged last.
    """

    def __init__(self, on_line: OnLine) -> None:
        """`on_line` is told what any child prints."""
        self._on_line = on_line
        self.hosts = WatchedHosts(on_line)

    def observers(self) -> Observers:
        """For the engine."""
        return replace(
            nobody(),
            hosting=self._of_hosts,
            zygote_printed=self._on_line,
            inspector_printed=self._on_line,
            registry_printed=self._on_line,
        )

    def _of_hosts(self, _: VersionId) -> Any:
        self.hosts = WatchedHosts(self._on_line)
        return self.hosts
