"""Logs as JSON lines that never hold up the event loop: lines are dropped first, and counted.

Every line has `level`, `event` and `timestamp` (UTC) and its own fields. Control characters are
escaped, so that what a registry or a client names itself cannot forge a line or drive a terminal.
"""

import contextlib
import json
import logging
import re
import threading
from collections import deque
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson
import structlog
from structlog.typing import FilteringBoundLogger

from service.background import Work, tell_from_thread
from service.http.observer import RequestRecord

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
# JSON escapes only what is below a space; terminals also obey DEL and the C1 controls, and some
# readers take Unicode's own line ends for the end of a line.
_MORE_CONTROLS = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")
# One write and one wake-up for all lines of this time, instead of a thread switch for each.
_GATHER_SECONDS = 0.05
_CLOSE_SECONDS = 2.0


class LineWriter:
    """A bounded queue of lines and the one daemon thread that writes them.

    `put` costs the caller no I/O. When the queue is full the line is dropped; how many were is
    written as an event of its own once there is room again.
    """

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._reported = 0
        self._filled = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=Work.LOGS, daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Takes one whole line; from any thread."""
        if len(self._lines) >= self._limit or self._closing.is_set():
            self._dropped += 1
            return
        self._lines.append(line)
        # Cleared before each drain, so a line that finds it set is still to be drained.
        if not self._filled.is_set():
            self._filled.set()

    def close(self) -> None:
        """Writes what is waiting and ends the thread; gives up after two seconds."""
        self._closing.set()
        self._filled.set()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._filled.wait()
            self._filled.clear()
            self._drain_or_tell()
            self._closing.wait(_GATHER_SECONDS)
        self._drain_or_tell()

    def _drain_or_tell(self) -> None:
        try:
            self._drain()
        except Exception as error:  # noqa: BLE001 - later lines are to be written still
            tell_from_thread(error)

    def _drain(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        missed = self._dropped - self._reported
        if missed:
            lines.append(render({"event": "log_lines_dropped", "count": missed}, "warning"))
        try:
            self._stream.write(b"".join(lines))
            self._stream.flush()
        except (OSError, ValueError):  # the reader is gone or the stream closed: nobody to tell
            return
        self._reported += missed


class RequestLog:
    """One line for every prediction request; two microseconds on the loop."""

    def __init__(self, lines: LineWriter) -> None:
        self._put = lines.put

    def answered(self, record: RequestRecord) -> None:
        """Writes the record; `ms` are milliseconds. Its texts hold no control characters."""
        line = {
            "level": "info",
            "event": "request",
            "timestamp": datetime.now(UTC),
            "request_id": record.request_id,
            "slot": record.slot,
            "version": record.version,
            "route": record.route,
            "code": record.code,
            "ms": round(record.seconds * 1000, 3),
            "rows": record.rows,
        }
        if record.error is not None:
            line["error"] = record.error
        if record.key is not None:
            line["key"] = record.key
        self._put(orjson.dumps(line, option=_OPTIONS))


class StandardHandler(logging.Handler):
    """Writes what libraries log with the standard library (uvicorn's messages, say)."""

    def __init__(self, lines: LineWriter) -> None:
        super().__init__(logging.INFO)
        self._put = lines.put

    def emit(self, record: logging.LogRecord) -> None:
        """One line an event; the library's message is a field, for it is no fixed text."""
        event: dict[str, Any] = {
            "event": "library",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            formatter = self.formatter or logging.Formatter()
            event["exception"] = formatter.formatException(record.exc_info)
        self._put(render(event, record.levelname.lower()))


class Logs:
    """The logs of one process: `logger` takes events, `requests` observes, `handler` adapts."""

    def __init__(self, lines: LineWriter) -> None:
        self._lines = lines
        self.requests = RequestLog(lines)
        self.handler = StandardHandler(lines)
        self.logger: FilteringBoundLogger = structlog.wrap_logger(
            _Sink(lines),
            processors=[structlog.processors.format_exc_info, _render],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        )

    @contextlib.contextmanager
    def of_libraries(self) -> Iterator[None]:
        """Within, what libraries log with the standard library (asyncio, uvicorn) is a line too."""
        everybody = logging.getLogger()
        everybody.addHandler(self.handler)
        try:
            yield
        finally:
            everybody.removeHandler(self.handler)

    def close(self) -> None:
        """Writes what is waiting; later lines are dropped. The stream stays open."""
        self._lines.close()


def configure_logs(stream: BinaryIO, limit: int = 10_000) -> Logs:
    """Logs that are written to the stream, with at most `limit` lines waiting."""
    return Logs(LineWriter(stream, limit))


def render(event: MutableMapping[str, Any], level: str) -> bytes:
    """One JSON line; values that JSON cannot hold are written as their `repr`."""
    line = {"level": level, "event": event.pop("event", ""), "timestamp": datetime.now(UTC)}
    line |= event
    try:
        text = orjson.dumps(line, default=repr, option=_OPTIONS | orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:  # lone surrogates and numbers beyond 64 bits
        text = json.dumps(line, default=repr, skipkeys=True).encode() + b"\n"
    return _MORE_CONTROLS.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), text)


class _Sink:
    # structlog calls the method that is named like the level.
    def __init__(self, lines: LineWriter) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = lines.put


def _render(_logger: object, level: str, event: MutableMapping[str, Any]) -> bytes:
    return render(event, level)
