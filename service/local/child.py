"""One process that `up` has started: in a session of its own, ended whole, seen when it ends.

It is asked first: SIGTERM goes to the child itself, which knows in which order to end what it has
started. Only what is left of its group after that is ended without being asked. What it writes is
kept in a bounded file, its last lines in memory, and each line is told at once.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from service.local.running import Mark, mark, members

_TAIL_LINES = 15
# A child that writes without line ends is cut here, so that it cannot fill the memory of `up`.
_MAX_LINE_BYTES = 1 << 20


class LogFile:
    """A file that grows to `limit` bytes and then becomes `NAME.1`, replacing the one before.

    It turns at the end of a line, so that each stands whole in one of the two. A disk that is full
    costs lines of the log and nothing else; where the file cannot become `NAME.1` it is emptied.
    """

    def __init__(self, path: Path, limit: int = 50_000_000) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._limit = limit
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Appends."""
        over = self._file.tell() + len(data) - self._limit
        end = data.find(b"\n", max(0, len(data) - over)) + 1 if over > 0 else 0
        if over > _MAX_LINE_BYTES:
            end = len(data)
        self._append(data[:end] if end else data)
        if end:
            self._turn()
            self._append(data[end:])

    def _append(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._file.write(data)

    def _turn(self) -> None:
        try:
            with contextlib.suppress(FileNotFoundError):  # somebody has taken it away
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            turned = self._path.open("ab", buffering=0)
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(0)
            return
        self._file.close()
        self._file = turned

    def close(self) -> None:
        """Ends the writing."""
        self._file.close()


class Output(asyncio.Protocol):
    """Reads a child's stdout and stderr from a pipe until every holder of it has gone."""

    def __init__(self, log: LogFile, on_line: Callable[[bytes], None] | None) -> None:
        self._log = log
        self._on_line = on_line
        self._rest = b""
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._transport: asyncio.BaseTransport | None = None
        self.ended = asyncio.get_running_loop().create_future()

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines, an unfinished one included."""
        lines = [*self._tail, self._rest] if self._rest else self._tail
        return tuple(line.decode(errors="replace") for line in lines)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The pipe is open."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Keeps the bytes as they are; tells whole lines."""
        self._log.write(data)
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_MAX_LINE_BYTES:]
        for line in lines:
            self._tail.append(line)
            if self._on_line is not None:
                self._on_line(line)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody will write any more."""
        self._log.close()
        if not self.ended.done():
            self.ended.set_result(None)

    async def close(self, patience: float) -> None:
        """Waits for the rest, at most `patience` seconds, then stops reading."""
        await asyncio.wait([self.ended], timeout=patience)
        if self._transport is not None:
            self._transport.close()
        await self.ended


# Long enough for a process that was asked to end to have done so, on a busy machine.
_GROUP_PATIENCE = 1.5
_LOOK_EVERY = 0.02


@dataclass(frozen=True, slots=True)
class Command:
    """What to start.

    Attributes:
        name: what people call it.
        environment: all of it; never shown, for it may hold secrets.
        log: where its output goes; None lets it write where `up` writes.
        on_line: told every line of its output, without the line's end.
        grace: seconds between asking it to end and ending it.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    log: Path | None = None
    on_line: Callable[[bytes], None] | None = None
    grace: float = 10.0


class StartedCommand:
    """A started command; `exited` gets its status when it has ended, negative for a signal."""

    def __init__(self, command: Command, process: "subprocess.Popen[bytes]") -> None:
        self.command = command
        self.mark = mark(process.pid) or Mark(process.pid, 0)
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._process = process
        self._output: Output | None = None
        self._watch = os.pidfd_open(process.pid)
        asyncio.get_running_loop().add_reader(self._watch, self._on_exit)

    @classmethod
    async def start(cls, command: Command) -> Self:
        """Starts it; it gets SIGTERM when this process ends, however that happens."""
        pipe = None if command.log is None else subprocess.PIPE
        launcher = (sys.executable, "-P", "-m", "service.local.launch", str(os.getpid()))
        process = subprocess.Popen(  # noqa: ASYNC220 - returns once the child has been forked
            [*launcher, *command.arguments],
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=None if pipe is None else subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )
        child = cls(command, process)
        await child._read()
        return child

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that it has written, if its output is kept."""
        return () if self._output is None else self._output.tail

    async def _read(self) -> None:
        if self.command.log is None or self._process.stdout is None:
            return
        log, told = LogFile(self.command.log), self.command.on_line
        _, self._output = await asyncio.get_running_loop().connect_read_pipe(
            lambda: Output(log, told), self._process.stdout
        )

    def _on_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._watch)
        os.close(self._watch)
        self.exited.set_result(self._process.wait())

    async def settle(self) -> None:
        """After its end: waits a moment for the last of its output."""
        if self._output is not None:
            await asyncio.wait([self._output.ended], timeout=1.0)

    async def end(self, hurry: "asyncio.Future[None]") -> None:
        """Ends it and everything in its group; `hurry` cuts the waiting short. Never raises."""
        if not self.exited.done():
            self._process.send_signal(signal.SIGTERM)
            waited: list[asyncio.Future[Any]] = [self.exited, hurry]
            await asyncio.wait(
                waited, timeout=self.command.grace, return_when=asyncio.FIRST_COMPLETED
            )
        if self.exited.done() and not hurry.done():
            await self._end_group(signal.SIGTERM)
        await self._end_group(signal.SIGKILL)
        await self.exited
        if self._output is not None:
            await self._output.close(patience=1.0)

    async def _end_group(self, how: signal.Signals) -> None:
        """Signals the members that there are and waits, bounded, until there are none."""
        for pid in members(self.mark.pid):
            _send(pid, how)
        clock = asyncio.get_running_loop().time
        deadline = clock() + _GROUP_PATIENCE
        # Somebody else's children: nothing tells us of their end.
        while members(self.mark.pid) and clock() < deadline:  # noqa: ASYNC110 - no event to wait on
            await asyncio.sleep(_LOOK_EVERY)


def _send(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return
