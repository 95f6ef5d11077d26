"""One zygote process as the front sees it, from its start to its end, and its spare."""

import asyncio
import contextlib
import errno
import itertools
import json
import os
import signal
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from service.background import Work, begin
from service.errors import PassingFault
from service.processes import lifetime
from service.processes.exhausted import processes_exhausted
from service.processes.front.channel import Channel
from service.processes.front.child import Child
from service.processes.front.ending import Ending, EndReason, ending
from service.zygote.front.spawning import Spawned
from service.zygote.wire import MESSAGE_BYTES, SPARE

_START_SECONDS: Final = 120.0
_FORK_SECONDS: Final = 30.0
_END_SECONDS: Final = 5.0
_NO_DESCRIPTOR: Final = (
    "No process could be started, for want of file descriptors (`ulimit -n`); it is tried again."
)
_REFUSALS: Final[Mapping[int | None, str]] = {
    errno.ENOMEM: "No process could be started, for want of memory; it is tried again.",
    errno.EMFILE: _NO_DESCRIPTOR,
    errno.ENFILE: _NO_DESCRIPTOR,
}
LATE: Final = "start_timed_out"
"""The code of a process that may well start, but has not in time."""
_T = TypeVar("_T")


class Spare:
    """A second zygote, forked from the first and idle, that can take its place in no time.

    The imports of a zygote take seconds; a fork of it has them all, and shares their memory until
    one of the two writes to it. It outlives the zygote: the front adopts it then. Until it is told
    to take over it waits for that word, and ends when the front has gone instead. Owns the control
    socket until it is promoted or discarded.

    Whoever made it calls `forget` when its zygote has reaped it, or else `reap`; but not once it is
    promoted. `on_end` is called when it ends and has been neither promoted nor discarded.
    """

    def __init__(self, pid: int, control: socket.socket, on_end: Callable[[], None]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._control: socket.socket | None = control
        self._pidfd = os.pidfd_open(pid)
        self._on_end = on_end
        asyncio.get_running_loop().add_reader(self._pidfd, self._ended)

    @property
    def usable(self) -> bool:
        """Whether it lives and waits, as far as is known."""
        return self._control is not None

    def promote(self) -> socket.socket:
        """Tells it to take over from its zygote, which has ended; its control socket.

        Raises OSError if it has ended too.
        """
        control, self._control = self._control, None
        if control is None:
            raise OSError("the spare zygote has ended")
        asyncio.get_running_loop().remove_reader(self._pidfd)
        try:
            control.send(json.dumps({"front": os.getpid()}).encode())
        except OSError:
            control.close()
            raise
        return control

    def discard(self) -> None:
        """It is no longer wanted, or has ended: closing its socket ends it."""
        control, self._control = self._control, None
        if control is not None:
            control.close()
            asyncio.get_running_loop().remove_reader(self._pidfd)

    def forget(self) -> None:
        """It is no more: there is nothing left of it to look after."""
        self.discard()
        os.close(self._pidfd)

    def reap(self) -> None:
        """Ends it, now that its zygote is no more and this process has adopted it; blocks so long.

        For one that has been discarded. By its descriptor, for its number may be another's by now.
        """
        self.kill()
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        os.close(self._pidfd)

    def _ended(self) -> None:
        self.discard()
        self._on_end()

    def kill(self) -> None:
        """As `subprocess.Popen` does."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def wait(self) -> None:
        """Once promoted, as `subprocess.Popen` does: reaps it and notes the `returncode`."""
        with contextlib.suppress(ChildProcessError):
            _, status = os.waitpid(self.pid, 0)
            self.returncode = os.waitstatus_to_exitcode(status)
        os.close(self._pidfd)


@dataclass(frozen=True, slots=True)
class Forked:
    """A new child, and its keeper (`service.processes.child.keeper`), if it has one."""

    pid: int
    keeper: int | None


class ZygoteProcess:
    """One zygote, spawned or promoted; `ended` is set when all of its children are gone too.

    `on_death` is called once if it dies without having been asked to, before its children are gone.
    """

    def __init__(self, spawned: Spawned, on_death: Callable[["ZygoteProcess"], None]) -> None:
        loop = asyncio.get_running_loop()
        self._process = spawned.process
        self._pidfd = os.pidfd_open(spawned.process.pid)
        self._control = spawned.control
        self._control.setblocking(False)
        self._mark = spawned.mark
        # Those that this zygote has not reaped, and that have not been promoted.
        self._spares: dict[int, Spare] = {}
        self._heir: int | None = None
        self._tokens = itertools.count(1)
        self._ready: asyncio.Future[None] = loop.create_future()
        self._asked: dict[int, asyncio.Future[Forked]] = {}
        self._children: dict[int, Child] = {}
        self._keepers: dict[int, int] = {}
        # Forked, and not yet in the hands of whoever wanted it; some end before that.
        self._arriving: set[int] = set()
        self._early_exits: dict[int, int] = {}
        # Forked in vain and killed; the zygote has not reaped them yet.
        self._disowned: set[int] = set()
        self._cleaning: asyncio.Task[None] | None = None
        self._on_death: Callable[[ZygoteProcess], None] | None = on_death
        self.alive = True
        self.ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._control.fileno(), self._on_report)
        loop.add_reader(self._pidfd, self._on_end)

    def promote(self, spare: Spare, on_death: Callable[["ZygoteProcess"], None]) -> "ZygoteProcess":
        """The zygote that takes over from this one, which has ended; raises OSError."""
        control = spare.promote()
        self._heir = spare.pid
        self._spares.pop(spare.pid, None)
        return ZygoteProcess(Spawned(spare, control, self._mark), on_death)

    async def spare(self, on_end: Callable[[], None]) -> Spare:
        """A fork of this one that can take over from it. Raises `PassingFault` or OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            pid = (await self._forked(SPARE, None, [theirs.fileno()])).pid
            undo.callback(self._disown, pid)
            made = Spare(pid, ours, on_end)
            if not self.alive:
                made.forget()
                raise not_started("the zygote has ended")
            self._arriving.discard(pid)
            self._spares[pid] = made
            undo.pop_all()
        return made

    @property
    def was_ready(self) -> bool:
        """Whether it has ever been able to fork."""
        return self._ready.done() and self._ready.exception() is None

    @property
    def ending(self) -> Ending:
        """How it has ended. Only once it is not alive any more."""
        return ending(self._process.pid, self._process.returncode, None)

    async def ready(self) -> None:
        """Returns when it can fork; raises `PassingFault`."""
        await _within(_START_SECONDS, self._ready, "the zygote did not start in time")

    async def fork(
        self, role: str, max_body_bytes: int, folder: Path | None = None
    ) -> tuple[Child, dict[str, int]]:
        """A child, and the reading ends of its `stdout` and `stderr`, which the caller owns.

        `folder` is where it puts its temporary files.

        Must not be cancelled. Raises `PassingFault` or OSError; nothing is left then.
        """
        with contextlib.ExitStack() as undo, contextlib.ExitStack() as passed_on:
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            passed_on.callback(theirs.close)
            readers, writers = {}, []
            for stream in ("stdout", "stderr"):
                readers[stream], writer = os.pipe()
                undo.callback(os.close, readers[stream])
                passed_on.callback(os.close, writer)
                writers.append(writer)
            forked = await self._forked(role, folder, [theirs.fileno(), *writers])
            undo.callback(self._disown, forked.pid)
            channel = await Channel.over(ours, max_body_bytes)
            undo.callback(channel.close)
            child = Child(forked.pid, channel, forked.keeper)
            self._keep(child)
            undo.pop_all()
        return child, readers

    async def end(self) -> None:
        """Asks it to end all of its children and itself, kills it if it is late, and waits."""
        self._on_death = None
        with contextlib.suppress(ProcessLookupError):
            if self.alive:
                signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
        _, late = await asyncio.wait([self.ended], timeout=_END_SECONDS)
        if late:
            self._process.kill()
        await asyncio.shield(self.ended)

    async def _forked(self, role: str, folder: Path | None, descriptors: list[int]) -> Forked:
        if not self.alive:
            raise not_started("the zygote has ended")
        token = next(self._tokens)
        answer = self._asked[token] = asyncio.get_running_loop().create_future()
        request = {"token": token, "role": role, "folder": folder and str(folder)}
        message = json.dumps(request).encode()
        try:
            socket.send_fds(self._control, [message], descriptors)
        except OSError:
            del self._asked[token]
            raise
        try:
            return await _within(_FORK_SECONDS, answer, "the zygote did not fork in time")
        finally:
            answer.cancel()  # so that a pid that comes too late is known to be unwanted

    def _disown(self, pid: int) -> None:
        self._arriving.discard(pid)
        # One that the zygote has reaped, alone or at its own end, may share its number by now.
        if self._early_exits.pop(pid, None) is None and self.alive:
            self._disowned.add(pid)
            lifetime.end_group(pid)

    def _keep(self, child: Child) -> None:
        self._arriving.discard(child.pid)
        if child.pid in self._early_exits:
            child.report_exit(self._early_exits.pop(child.pid))
        elif not self.alive:
            child.kill(EndReason.ZYGOTE)
            child.report_exit(None)
        else:
            self._children[child.pid] = child

    def _on_report(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while message := self._control.recv(MESSAGE_BYTES):
                self._take(json.loads(message))
            asyncio.get_running_loop().remove_reader(self._control.fileno())

    def _take(self, report: Mapping[str, Any]) -> None:
        if "ready" in report:
            self._ready.set_result(None)
        elif "token" in report:
            self._take_answer(self._asked.pop(report["token"]), report)
        else:
            self._take_exit(report["pid"], report["exited"])

    def _take_exit(self, pid: int, status: int) -> None:
        self._keepers.pop(pid, None)
        if (child := self._children.pop(pid, None)) is not None:
            child.report_exit(status)
        elif (spare := self._spares.pop(pid, None)) is not None:
            spare.forget()
        elif pid in self._arriving:
            self._early_exits[pid] = status
        self._disowned.discard(pid)

    def _take_answer(self, answer: asyncio.Future[Forked], report: Mapping[str, Any]) -> None:
        if "error" in report:
            if not answer.done():
                answer.set_exception(not_started(report["error"], report["errno"]))
            return
        forked = Forked(report["pid"], report["keeper"])
        if forked.keeper is not None:
            self._keepers[forked.pid] = forked.keeper
        if answer.done():
            # Too late: nobody waits for this child any more.
            self._disown(forked.pid)
        else:
            self._arriving.add(forked.pid)
            answer.set_result(forked)

    def _on_end(self) -> None:
        loop = asyncio.get_running_loop()
        self.alive = False
        loop.remove_reader(self._pidfd)
        self._on_report()
        loop.remove_reader(self._control.fileno())
        os.close(self._pidfd)
        self._control.close()
        self._process.wait()
        self._refuse_who_waits()
        # Also those that are on their way to whoever wanted them: nobody else knows of them.
        left = {*self._children, *self._arriving, *self._disowned}.difference(self._early_exits)
        left |= {self._keepers[pid] for pid in left if pid in self._keepers}
        self._cleaning = begin(Work.PROCESSES, self._end_what_it_left(left))
        if self._on_death is not None:
            self._on_death(self)

    def _refuse_who_waits(self) -> None:
        lost = not_started(f"the zygote ended with {self._process.returncode}")
        waiting: list[asyncio.Future[Any]] = [self._ready, *self._asked.values()]
        for answer in waiting:
            if not answer.done():
                answer.set_exception(lost)
                answer.exception()  # nobody may be waiting for it

    async def _end_what_it_left(self, left: Collection[int]) -> None:
        try:
            for child in self._children.values():
                child.kill(EndReason.ZYGOTE)
            for spare in self._spares.values():
                spare.discard()
            await asyncio.to_thread(self._reap, left)
        finally:
            # Whatever has gone wrong: nobody must wait for them for ever.
            for child in self._children.values():
                child.report_exit(None)
            self._children.clear()
            self.ended.set_result(None)

    def _reap(self, left: Collection[int]) -> None:
        # The spares first: one that has died cannot be told by its mark.
        for spare in self._spares.values():
            spare.reap()
        self._spares.clear()
        keep = set() if self._heir is None else {self._heir}
        lifetime.end_marked(self._mark, left, keep)


def not_started(detail: str, number: int | None = None) -> PassingFault:
    """The fault of a process that could not be started; the detail is for the log alone.

    `number` is the errno, if the system has refused it.
    """
    if number == errno.EAGAIN:
        return processes_exhausted("start", detail)
    sentence = _REFUSALS.get(number, "No process could be started.")
    return PassingFault("start", "no_process", sentence, detail)


def _late(seconds: float, detail: str) -> PassingFault:
    sentence = (
        f"A process of Podium's own did not start within {seconds:g} s: this machine is busy, or "
        "its disk is slow; try again once it is less so, as services do by themselves."
    )
    return PassingFault("start", LATE, sentence, detail)


async def _within(seconds: float, answer: asyncio.Future[_T], message: str) -> _T:
    done, _ = await asyncio.wait([answer], timeout=seconds)
    if not done:
        raise _late(seconds, message)
    return answer.result()
