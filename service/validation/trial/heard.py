"""What an engine tells while it judges: which hosts run, and what they print. No metrics."""

import contextlib
from collections.abc import Callable
from typing import Any

from service.hosting.memory_watch import held_bytes
from service.observers import Observers
from service.processes.front.output import OnLine
from service.refs import VersionId


class _Nobody:
    """Every observer there is; hears nothing."""

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_, **__: None


class WatchedHosts(_Nobody):
    """`service.hosting.observer.HostingObserver` that knows the hosts of one version.

    Attributes:
        deaths: how many hosts that served have ended unasked.
    """

    def __init__(self, on_line: OnLine) -> None:
        self.printed = on_line
        self.deaths = 0
        self._pids: set[int] = set()

    def memory(self, pid: int, _: int) -> None:
        """That is one."""
        self._pids.add(pid)

    def host_restarted(self, _: object) -> None:
        """One that served has died."""
        self.deaths += 1

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
        nobody: Any = _Nobody()
        return Observers(
            following=nobody,
            hosting=self._of_hosts,
            decoder=nobody,
            files=nobody,
            ledger=nobody,
            forwarding=lambda: nobody,
            residency=lambda: nobody,
            zygote_died=nobody.died,
            zygote_printed=self._on_line,
            inspector_printed=self._on_line,
            registry_printed=self._on_line,
            watch=nobody.watch,
            listening=contextlib.nullcontext,
        )

    def _of_hosts(self, _: VersionId) -> Any:
        self.hosts = WatchedHosts(self._on_line)
        return self.hosts
