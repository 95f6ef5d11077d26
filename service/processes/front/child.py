"""The front's handle to one forked child: its channel and its end; and what others leave it."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Final, Protocol

from service.processes import lifetime
from service.processes.front.channel import Channel
from service.processes.front.ending import Ending, EndReason, ending
from service.processes.front.output import OnLine

# The zygote reports how a child ended some milliseconds after the kernel says that it has.
_REPORT_SECONDS: Final = 0.5
# A keeper first ends and reaps all that the child has left, and only then ends as it did.
_KEEPER_SECONDS: Final = 20.0
# A process that ends closes its channel first; one that lives on without it is of no use.
_CLOSED_SECONDS: Final = 1.0
_END_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 1.0


class Child:
    """One process, leader of its own group. Its end is seen by pidfd, never by EOF alone.

    `exited` becomes the exit status, negative for a signal; None where nobody could say.
    `keeper` is the process that adopts what this one leaves, if there is one.
    `held_bytes` is the memory that it and its descendants were last seen to hold, if watched.
    """

    def __init__(self, pid: int, channel: Channel, keeper: int | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.pid = pid
        self.keeper = keeper
        self.channel = channel
        self.held_bytes = 0
        self.exited: asyncio.Future[int | None] = loop.create_future()
        self._killed_for: EndReason | None = None
        channel.when_lost(self._on_lost)
        self._keeper_fd = -1 if keeper is None else _opened(keeper)
        self._pidfd = _opened(pid)
        if self._pidfd == -1:
            self.report_exit(None)
        else:
            loop.add_reader(self._pidfd, self._on_end)

    @property
    def alive(self) -> bool:
        """Whether its end has not been seen yet."""
        return not self.exited.done()

    @property
    def ending(self) -> Ending:
        """How it has ended, and why. Only once `exited` is done."""
        return ending(self.pid, self.exited.result(), self._killed_for)

    def report_exit(self, status: int | None) -> None:
        """The zygote's word, or the front's when there is no zygote to give it."""
        if not self.exited.done():
            self.exited.set_result(status)
        self.channel.close()
        self._forget()

    def kill(self, reason: EndReason = EndReason.UNWANTED) -> None:
        """Ends the process and its whole group, busy or not; returns at once.

        Of several reasons the first one is told.
        """
        if self._pidfd == -1:
            return
        self._killed_for = self._killed_for or reason
        with contextlib.suppress(ProcessLookupError):
            # Fails once the process was reaped, after which its number may be another's.
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            lifetime.end_group(self.pid)

    async def end(self, reason: EndReason = EndReason.UNWANTED) -> None:
        """Kills it and returns when it has gone.

        Or after twenty seconds: the kernel ends none that waits for a disk before that answers.
        """
        self.kill(reason)
        await asyncio.wait([self.exited], timeout=_END_SECONDS)

    def _on_lost(self, by_nonsense: bool) -> None:  # noqa: FBT001 - the channel's only word
        if by_nonsense:
            self.kill(EndReason.FRAME_ERROR)
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(_CLOSED_SECONDS, self.kill, EndReason.CHANNEL_CLOSED)

    def _on_end(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        if self._keeper_fd == -1:
            loop.call_later(_REPORT_SECONDS, self.report_exit, None)
        else:
            loop.add_reader(self._keeper_fd, self._on_keepers_end)
            loop.call_later(_KEEPER_SECONDS, self.report_exit, None)

    def _on_keepers_end(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._keeper_fd)
        loop.call_later(_REPORT_SECONDS, self.report_exit, None)

    def _forget(self) -> None:
        self._pidfd = _closed(self._pidfd)
        self._keeper_fd = _closed(self._keeper_fd)


def _opened(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return -1


def _closed(pidfd: int) -> int:
    if pidfd != -1:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
    return -1


class Forks(Protocol):
    """Whoever makes processes: the zygote."""

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """A new child in that role; raises `PassingFault`."""


class AdoptedOrphans:
    """Reaps children that are dead at two looks in a row.

    Where a zygote is killed, what it has forked becomes the front's, which adopts orphans; what was
    dead by then cannot be told from others' any more. In a container whose process 1 is the front,
    a probe or a shell that the platform runs may leave processes, too. What the service itself has
    started is reaped by whoever has started it, as soon as it ends.
    """

    def __init__(self) -> None:
        self._dead: frozenset[int] = frozenset()

    async def run(self) -> None:
        """Looks every second, until it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Reaps those that were dead at the last look, too."""
        dead = frozenset(child for child in lifetime.children() if _is_dead(child))
        for child in dead & self._dead:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)
        self._dead = dead - self._dead


def _is_dead(child: int) -> bool:
    # proc(5): the state stands behind the name, which may hold brackets and blanks.
    with contextlib.suppress(OSError):
        return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False
