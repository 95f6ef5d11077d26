"""The front's handle to the zygote: started when first needed, replaced when it dies."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from service.errors import PassingFault
from service.processes import lifetime
from service.processes.channel import Channel
from service.processes.child import Child
from service.processes.forker import MESSAGE_BYTES
from service.processes.output import OnLine, Outputs

_START_SECONDS: Final = 120.0
_FORK_SECONDS: Final = 30.0
_T = TypeVar("_T")


class Zygote:
    """Forks children for the front. All of them end with the zygote, and the zygote with the front.

    Args:
        roles: the modules whose `run` a child may be asked to call.
        environment: the whole environment of the zygote and so of every child.
        module: the zygote's main, called as `service.hosting.zygote` is.
    """

    def __init__(
        self,
        roles: Sequence[str],
        environment: Mapping[str, str],
        module: str = "service.hosting.zygote",
    ) -> None:
        self._command = (sys.executable, "-P", "-m", module)
        self._roles = roles
        self._environment = dict(environment)
        self._lock = asyncio.Lock()
        self._running: _Running | None = None
        self._outputs = Outputs()

    async def start(self) -> None:
        """Returns when the libraries are loaded; raises `PassingFault` when they cannot be."""
        await self._ready()

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """A new child in that role. Raises `PassingFault`; whatever was started then has ended."""
        running = await self._ready()
        child, pipes = await running.fork(role, max_body_bytes)
        for stream, descriptor in pipes.items():
            await self._outputs.listen(descriptor, stream, on_line)
        return child

    async def close(self) -> None:
        """Ends the zygote and every child; returns when all are gone."""
        running, self._running = self._running, None
        if running is not None:
            await running.end()
        await self._outputs.close()

    async def _ready(self) -> "_Running":
        async with self._lock:
            if self._running is None or not self._running.alive:
                self._running = _Running(self._command, self._roles, self._environment)
            running = self._running
        await running.ready()
        return running


class _Running:
    """One zygote process, from its start to its end."""

    def __init__(
        self, command: Sequence[str], roles: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        lifetime.adopt_orphans()
        loop = asyncio.get_running_loop()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        self._mark = f"PODIUM_ZYGOTE={os.urandom(8).hex()}"
        name, _, value = self._mark.partition("=")
        with theirs:
            self._process = _spawn(command, theirs, roles, {**environment, name: value})
        self._pidfd = os.pidfd_open(self._process.pid)
        self._tokens = itertools.count(1)
        self._ready: asyncio.Future[None] = loop.create_future()
        self._pids: dict[int, asyncio.Future[int]] = {}
        self._children: dict[int, Child] = {}
        self._exits: dict[int, int] = {}
        self._cleaning: asyncio.Task[None] | None = None
        self.alive = True
        self.ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._control.fileno(), self._on_report)
        loop.add_reader(self._pidfd, self._on_end)

    async def ready(self) -> None:
        await _within(_START_SECONDS, self._ready, "the zygote did not start in time")

    async def fork(self, role: str, max_body_bytes: int) -> tuple[Child, dict[str, int]]:
        ours, theirs = socket.socketpair()
        pipes = [os.pipe() for _ in range(2)]
        try:
            pid = await self._ask(role, [theirs.fileno(), *(write for _, write in pipes)])
        except BaseException:
            ours.close()
            for read, _ in pipes:
                os.close(read)
            raise
        finally:
            theirs.close()
            for _, write in pipes:
                os.close(write)
        child = Child(pid, await Channel.over(ours, max_body_bytes))
        self._keep(child)
        readers = (read for read, _ in pipes)
        return child, dict(zip(("stdout", "stderr"), readers, strict=True))

    async def _ask(self, role: str, descriptors: list[int]) -> int:
        token = next(self._tokens)
        answer = self._pids[token] = asyncio.get_running_loop().create_future()
        message = json.dumps({"token": token, "role": role}).encode()
        try:
            socket.send_fds(self._control, [message], descriptors)
            return await _within(_FORK_SECONDS, answer, "the zygote did not fork in time")
        except OSError as error:
            raise _not_started(str(error)) from error
        except asyncio.CancelledError:
            answer.add_done_callback(self._end_unwanted)
            raise

    def _end_unwanted(self, answer: asyncio.Future[int]) -> None:
        # Forked after whoever wanted it had left.
        if not answer.cancelled() and answer.exception() is None:
            lifetime.end_group(answer.result())

    def _keep(self, child: Child) -> None:
        if child.pid in self._exits:
            child.report_exit(self._exits.pop(child.pid))
        elif not self.alive:
            child.report_exit(None)
        else:
            self._children[child.pid] = child

    def _on_report(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while message := self._control.recv(MESSAGE_BYTES):
                self._take(json.loads(message))
            asyncio.get_running_loop().remove_reader(self._control.fileno())

    def _take(self, report: Mapping[str, int]) -> None:
        if "ready" in report:
            self._ready.set_result(None)
        elif "token" in report:
            answer = self._pids.pop(report["token"])
            if not answer.done():
                answer.set_result(report["pid"])
        elif (child := self._children.pop(report["pid"], None)) is not None:
            child.report_exit(report["exited"])
        else:
            self._exits[report["pid"]] = report["exited"]

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
        lost = _not_started(f"the zygote ended with {self._process.returncode}")
        waiting: list[asyncio.Future[Any]] = [self._ready, *self._pids.values()]
        for answer in waiting:
            if not answer.done():
                answer.set_exception(lost)
                answer.exception()  # nobody may be waiting for it

    async def _end_what_it_left(self) -> None:
        for child in self._children.values():
            child.kill()
        await asyncio.to_thread(lifetime.end_marked, self._mark)
        for child in self._children.values():
            lifetime.reap(child.pid)
            child.report_exit(None)
        self._children.clear()
        self.ended.set_result(None)

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.alive:
                signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
        _, late = await asyncio.wait([self.ended], timeout=5.0)
        if late:
            self._process.kill()
        await asyncio.shield(self.ended)


def _spawn(
    command: Sequence[str],
    control: socket.socket,
    roles: Sequence[str],
    environment: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*command, str(control.fileno()), str(os.getpid()), *roles],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        pass_fds=(control.fileno(),),
        start_new_session=True,
    )


def _not_started(detail: str) -> PassingFault:
    return PassingFault("start", "no_process", "No process could be started.", detail)


async def _within(seconds: float, answer: asyncio.Future[_T], message: str) -> _T:
    done, _ = await asyncio.wait([answer], timeout=seconds)
    if not done:
        raise _not_started(message)
    return answer.result()
