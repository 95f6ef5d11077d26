"""What a child writes: kept in a bounded file, its last lines in memory, each line told at once."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from pathlib import Path

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
