"""What children print, read as it comes, so that none of them ever waits for a reader.

Python prints a traceback line by line: told one by one, thirty entries of a log would belong to one
failure, and what another child says could stand between them. So each is joined into one.
"""

import asyncio
import os
import re
from collections.abc import Callable
from typing import Final, cast

_LINE_BYTES: Final = 8 * 1024
# Of each stream; as much as anybody reads, and nothing to the loop.
_LINES_A_SECOND: Final = 100
# After so much at once the pipe is left alone for a while: at most 3 MB a second are read.
_MUCH_BYTES: Final = 32 * 1024
_BREATH_SECONDS: Final = 0.02
# What belongs to a traceback follows at once.
_REST_SECONDS: Final = 0.1
# What a child has printed before its end is still in the pipe for a moment.
_LAST_WORDS_SECONDS: Final = 1.0

OnLine = Callable[[str, str], None]
MOST_LINES: Final = 200
"""Of one traceback; what follows is lines again."""
# Also of groups of exceptions, whose lines begin with bars, and of the interpreter's own end.
_BEGINS: Final = re.compile(
    r"[\s+|]*(?:Exception Group )?Traceback \(most recent call last\):\s*$|Exception ignored in"
)
_FATAL: Final = re.compile(r"Fatal Python error: ")
_OF_FATAL: Final = re.compile(
    r"\s|$|Current thread|Thread 0x|Stack \(|Python runtime state|Extension modules|<no Python"
)
_JOINS: Final = re.compile(
    r"[\s|]*(?:The above exception was the direct cause of the following exception:"
    r"|During handling of the above exception, another exception occurred:)\s*$"
)
_BARRED: Final = re.compile(r"\s+[+|]")


class Outputs:
    """The pipes of all children, until each has been read to its end."""

    def __init__(self) -> None:
        self._open: dict[asyncio.ReadTransport, asyncio.Future[None]] = {}

    async def listen(self, descriptor: int, stream: str, on_line: OnLine) -> None:
        """Reads the pipe, which is owned from now on, and tells every line."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        pipe = os.fdopen(descriptor, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: _Output(stream, on_line, ended), pipe)
        self._open[transport] = ended
        ended.add_done_callback(lambda _: self._open.pop(transport, None))

    async def close(self) -> None:
        """For when the children are gone: reads what is left, and closes every pipe."""
        if self._open:
            await asyncio.wait(self._open.values(), timeout=_LAST_WORDS_SECONDS)
        left = dict(self._open)
        for transport in left:
            transport.close()
        await asyncio.gather(*left.values())


class _Output(asyncio.Protocol):
    """Cuts a stream into lines, each bounded, and so many a second; the rest is counted.

    A traceback is one of these, whatever its lines are. A child that prints without end is slowed
    down by its full pipe instead of slowing the loop.
    """

    def __init__(self, stream: str, on_line: OnLine, ended: asyncio.Future[None]) -> None:
        self._stream = stream
        self._on_line = on_line
        self._ended = ended
        self._rest = b""
        self._left = _LINES_A_SECOND
        self._dropped = 0
        self._read_since_breath = 0
        self._tracebacks = Tracebacks(self._tell)
        self._closing: asyncio.TimerHandle | None = None
        self._refill: asyncio.TimerHandle | None = None
        self._resume: asyncio.TimerHandle | None = None
        self._transport: asyncio.ReadTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's word that the pipe is open."""
        self._transport = cast("asyncio.ReadTransport", transport)

    def data_received(self, data: bytes) -> None:
        """asyncio's word that the child has printed."""
        most = self._left + MOST_LINES
        *lines, rest = (self._rest + data).split(b"\n", most)
        for line in lines:
            self._say(line)
        if len(lines) == most:
            self._dropped += rest.count(b"\n")
            rest = rest[rest.rfind(b"\n") + 1 :]
        if len(rest) > _LINE_BYTES:
            self._say(rest)
            rest = b""
        self._rest = rest
        self._await_more()
        self._breathe(len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's word that nobody holds the other end any more."""
        for timer in (self._refill, self._resume, self._closing):
            if timer is not None:
                timer.cancel()
        if self._rest:
            self._say(self._rest)
        self._tracebacks.close()
        self._tell_dropped()
        if not self._ended.done():
            self._ended.set_result(None)

    def _say(self, line: bytes) -> None:
        text = line[:_LINE_BYTES].decode(errors="replace")
        if self._tracebacks.add(text, may_begin=self._left > 0):
            return
        if self._left:
            self._left -= 1
        else:
            self._dropped += 1

    def _tell(self, text: str) -> None:
        self._on_line(self._stream, text)

    def _await_more(self) -> None:
        self._tracebacks.pause()
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        if self._tracebacks.open:
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(_REST_SECONDS, self._tracebacks.close)

    def _breathe(self, size: int) -> None:
        loop = asyncio.get_running_loop()
        if self._refill is None:
            self._refill = loop.call_later(1.0, self._next_second)
        self._read_since_breath += size
        if self._read_since_breath >= _MUCH_BYTES and self._transport is not None:
            self._read_since_breath = 0
            self._transport.pause_reading()
            self._resume = loop.call_later(_BREATH_SECONDS, self._transport.resume_reading)

    def _next_second(self) -> None:
        self._refill = None
        self._left = _LINES_A_SECOND
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._on_line(self._stream, f"({dropped} lines were dropped)")


class Tracebacks:
    """Takes lines one by one and says them: a traceback whole, everything else as it comes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lines: list[str] = []
        self._fatal = False
        self._over = False
        self._joined = False
        self._paused = False

    @property
    def open(self) -> bool:
        """Whether there is one that more lines may belong to."""
        return bool(self._lines)

    def add(self, line: str, *, may_begin: bool = True) -> bool:
        """Takes the next line; whether it belongs to a traceback that has begun before it.

        One that does not is passed over unless it `may_begin`.
        """
        if self._lines and len(self._lines) < MOST_LINES and self._belongs(line):
            self._lines.append(line)
            return True
        self.close()
        if not may_begin:
            return False
        self._fatal = bool(_FATAL.match(line))
        if self._fatal or _BEGINS.match(line):
            self._lines = [line]
        else:
            self._say(line)
        return False

    def pause(self) -> None:
        """No more has been printed for now.

        The lines of an exception's message look like any others: those belong to it that have come
        with it.
        """
        self._paused = self._over

    def close(self) -> None:
        """Says what there is of a traceback; more lines belong to none."""
        lines, self._lines = self._lines, []
        self._over = self._joined = self._paused = False
        if lines:
            self._say("\n".join(lines).rstrip())

    def _belongs(self, line: str) -> bool:
        if self._fatal:
            return bool(_OF_FATAL.match(line))
        if _BEGINS.match(line) and not _BARRED.match(line):
            return self._begins_anew()
        if not self._over:
            self._over = bool(_BARRED.match(line)) or bool(line[:1].strip())
            return True
        self._joined = bool(_JOINS.match(line)) or (self._joined and not line.strip())
        return self._joined or not line.strip() or line[:1].isspace() or not self._paused

    def _begins_anew(self) -> bool:
        # After a sentence that joins two, or where the first line was not a traceback's own.
        begins = self._joined or not self._over
        self._over = self._joined = self._paused = False
        return begins
