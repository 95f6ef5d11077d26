"""Logs that never hold up the event loop: lines are dropped first, and counted.

Every line has `level`, `event` and `timestamp` (UTC) and its own fields, as JSON; or says the same
in words, for somebody who looks on (`service.telemetry.log_lines`).
"""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final, Literal

import orjson
import structlog
from structlog.typing import FilteringBoundLogger

from service.background import Work, tell_from_thread
from service.predicting.raised import without_words
from service.predicting.request import RequestObserver, RequestRecord
from service.telemetry.log_lines import OPTIONS, Render, Words, json_line

Level = Literal["debug", "info", "warning", "error"]
LEVELS: Final[Mapping[Level, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
# One write and one wake-up for all lines of this time, instead of a thread switch for each.
_GATHER_SECONDS = 0.05
_CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class LogForm:
    """What is written, and how.

    Attributes:
        render: makes a line of an event.
        level: events below it are not written.
        requests: whether each prediction request is an event.
    """

    render: Render = json_line
    level: Level = "info"
    requests: bool = True


def log_form(
    form: Literal["auto", "text", "json"],
    level: Level,
    environment: Mapping[str, str],
    *,
    requests: bool,
    on_terminal: bool,
) -> LogForm:
    """As an operator wishes; `auto` is words on a terminal, and JSON elsewhere.

    No colours where `NO_COLOR` is set or the terminal is a dumb one.
    """
    if form == "json" or (form == "auto" and not on_terminal):
        return LogForm(json_line, level, requests)
    plain = bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"
    words = Words(terminal=on_terminal, coloured=on_terminal and not plain)
    return LogForm(words, level, requests)


class LineWriter:
    """A bounded queue of lines and the one daemon thread that writes them.

    `put` costs the caller no I/O. When the queue is full the line is dropped; how many were is
    written as an event of its own once there is room again.
    """

    def __init__(self, stream: BinaryIO, limit: int, render: Render = json_line) -> None:
        self._stream = stream
        self._render = render
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
            lines.append(self._render({"event": "log_lines_dropped", "count": missed}, "warning"))
        try:
            self._stream.write(b"".join(lines))
            self._stream.flush()
        except (OSError, ValueError):  # the reader is gone or the stream closed: nobody to tell
            return
        self._reported += missed


class RequestLog:
    """One line for every prediction request; two microseconds on the loop as JSON."""

    def __init__(self, lines: LineWriter, render: Render = json_line) -> None:
        self._put = lines.put
        self._render = _json if render is json_line else render

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
        self._put(self._render(line, "info"))


class StandardHandler(logging.Handler):
    """Writes what libraries log with the standard library (uvicorn's messages, say)."""

    def __init__(self, lines: LineWriter, form: LogForm | None = None) -> None:
        form = form or LogForm()
        # What they have for their own authors may hold what a client has sent.
        super().__init__(max(LEVELS[form.level], logging.INFO))
        self._put = lines.put
        self._render = form.render

    def emit(self, record: logging.LogRecord) -> None:
        """One line an event; the library's message is a field, for it is not a fixed text."""
        event: dict[str, Any] = {
            "event": "library",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            event["exception"] = self._exception(record)
        self._put(self._render(event, record.levelname.lower()))

    def _exception(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        # The server's own words are about a client's request.
        if error is not None and record.name.startswith("uvicorn"):
            return without_words(error)
        formatter = self.formatter or logging.Formatter()
        return formatter.formatException(record.exc_info)  # type: ignore[arg-type]  # it is there


class Logs:
    """The logs of one process: `logger` takes events, `handler` what libraries say.

    `observers` hear of requests; none do where these are not to be logged.
    """

    def __init__(self, lines: LineWriter, form: LogForm | None = None) -> None:
        form = form or LogForm()
        self._lines = lines
        self.requests = RequestLog(lines, form.render)
        self.observers: tuple[RequestObserver, ...] = ()
        if form.requests and LEVELS[form.level] <= logging.INFO:
            self.observers = (self.requests,)
        self.handler = StandardHandler(lines, form)
        self.logger: FilteringBoundLogger = structlog.wrap_logger(
            _Sink(lines),
            processors=[structlog.processors.format_exc_info, _Rendering(form.render)],
            wrapper_class=structlog.make_filtering_bound_logger(LEVELS[form.level]),
        )

    @contextlib.contextmanager
    def of_libraries(self) -> Iterator[None]:
        """Within, what libraries log with the standard library (asyncio, uvicorn) is a line too.

        So are Python's warnings.
        """
        everybody = logging.getLogger()
        everybody.addHandler(self.handler)
        logging.captureWarnings(capture=True)
        try:
            yield
        finally:
            logging.captureWarnings(capture=False)
            everybody.removeHandler(self.handler)

    def close(self) -> None:
        """Writes what is waiting; later lines are dropped. The stream stays open."""
        self._lines.close()


def configure_logs(stream: BinaryIO, limit: int = 10_000, form: LogForm | None = None) -> Logs:
    """Logs that are written to the stream, with at most `limit` lines waiting."""
    form = form or LogForm()
    return Logs(LineWriter(stream, limit, form.render), form)


def _json(line: MutableMapping[str, Any], _level: str) -> bytes:
    return orjson.dumps(line, option=OPTIONS)


class _Sink:
    # structlog calls the method that is named like the level.
    def __init__(self, lines: LineWriter) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = lines.put


class _Rendering:
    # structlog's last processor.
    def __init__(self, render: Render) -> None:
        self._render = render

    def __call__(self, _logger: object, level: str, event: MutableMapping[str, Any]) -> bytes:
        return self._render(event, level)
