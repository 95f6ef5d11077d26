"""One zygote process as the front sees it, from its start to its end."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from service.errors import PassingFault
from service.processes import lifetime
from service.processes.channel import Channel
from service.processes.child import Child
from service.processes.forker import MESSAGE_BYTES

_START_SECONDS: Final = 120.0
_FORK_SECONDS: Final = 30.0
_END_SECONDS: Final = 5.0
_T = TypeVar("_T")


class ZygoteProcess:
    """Exec'd when made; raises OSError if that cannot be done. `ended` is set when all is gone."""

    def __init__(
        self, command: Sequence[str], roles: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        lifetime.adopt_orphans()
        loop = asyncio.get_running_loop()
        self._mark = f"PODIUM_ZYGOTE={os.urandom(8).hex()}"
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(self._control.close)
            self._process = _spawn(command, theirs, roles, environment, self._mark)
            undo.callback(self._process.kill)
            self._pidfd = os.pidfd_open(self._process.pid)
            undo.pop_all()
        self._tokens = itertools.count(1)
        self._ready: asyncio.Future[None] = loop.create_future()
        self._asked: dict[int, asyncio.Future[int]] = {}
        self._children: dict[int, Child] = {}
        # Forked, and not yet in the hands of whoever wanted it; some end before that.
        self._arriving: set[int] = set()
        self._early_exits: dict[int, int] = {}
        self._cleaning: asyncio.Task[None] | None = None
        self.alive = True
        self.ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._control.fileno(), self._on_report)
        loop.add_reader(self._pidfd, self._on_end)

    async def ready(self) -> None:
        """Returns when it can fork; raises `PassingFault`."""
        await _within(_START_SECONDS, self._ready, "the zygote did not start in time")

    async def fork(self, role: str, max_body_bytes: int) -> tuple[Child, dict[str, int]]:
        """A child, and the reading ends of its `stdout` and `stderr`, which the caller owns.

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
            pid = await self._pid(role, [theirs.fileno(), *writers])
            undo.callback(self._disown, pid)
            channel = await Channel.over(ours, max_body_bytes)
            undo.callback(channel.close)
            child = Child(pid, channel)
            self._keep(child)
            undo.pop_all()
        return child, readers

    async def end(self) -> None:
        """Asks it to end all of its children and itself, kills it if it is late, and waits."""
        with contextlib.suppress(ProcessLookupError):
            if self.alive:
                signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
        _, late = await asyncio.wait([self.ended], timeout=_END_SECONDS)
        if late:
            self._process.kill()
        await asyncio.shield(self.ended)

    async def _pid(self, role: str, descriptors: list[int]) -> int:
        if not self.alive:
            raise not_started("the zygote has ended")
        token = next(self._tokens)
        answer = self._asked[token] = asyncio.get_running_loop().create_future()
        message = json.dumps({"token": token, "role": role}).encode()
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
        self._early_exits.pop(pid, None)
        lifetime.end_group(pid)

    def _keep(self, child: Child) -> None:
        self._arriving.discard(child.pid)
        if child.pid in self._early_exits:
            child.report_exit(self._early_exits.pop(child.pid))
        elif not self.alive:
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
        elif (child := self._children.pop(report["pid"], None)) is not None:
            child.report_exit(report["exited"])
        elif report["pid"] in self._arriving:
            self._early_exits[report["pid"]] = report["exited"]

    def _take_answer(self, answer: asyncio.Future[int], report: Mapping[str, Any]) -> None:
        if "error" in report:
            if not answer.done():
                answer.set_exception(not_started(report["error"]))
        elif answer.done():
            # Too late: nobody waits for this child any more.
            lifetime.end_group(report["pid"])
        else:
            self._arriving.add(report["pid"])
            answer.set_result(report["pid"])

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
        self._cleaning = loop.create_task(self._end_what_it_left())

    def _refuse_who_waits(self) -> None:
        lost = not_started(f"the zygote ended with {self._process.returncode}")
        waiting: list[asyncio.Future[Any]] = [self._ready, *self._asked.values()]
        for answer in waiting:
            if not answer.done():
                answer.set_exception(lost)
                answer.exception()  # nobody may be waiting for it

    async def _end_what_it_left(self) -> None:
        for child in self._children.values():
            child.kill()
        await asyncio.to_thread(lifetime.end_marked, self._mark, set(self._children))
        for child in self._children.values():
            child.report_exit(None)
        self._children.clear()
        self.ended.set_result(None)


def _spawn(
    command: Sequence[str],
    control: socket.socket,
    roles: Sequence[str],
    environment: Mapping[str, str],
    mark: str,
) -> subprocess.Popen[bytes]:
    name, _, value = mark.partition("=")
    return subprocess.Popen(
        [*command, str(control.fileno()), str(os.getpid()), *roles],
        env={**environment, name: value},
        stdin=subprocess.DEVNULL,
        pass_fds=(control.fileno(),),
        start_new_session=True,
    )


def not_started(detail: str) -> PassingFault:
    """The fault of a process that could not be started; the detail is for the log alone."""
    return PassingFault("start", "no_process", "No process could be started.", detail)


async def _within(seconds: float, answer: asyncio.Future[_T], message: str) -> _T:
    done, _ = await asyncio.wait([answer], timeout=seconds)
    if not done:
        raise not_started(message)
    return answer.result()
