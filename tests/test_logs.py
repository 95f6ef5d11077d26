"""Logs: whole lines, escaped, and never in anybody's way."""

import io
import logging
import threading
import warnings
from typing import Any

import orjson
import pytest

from service.predicting.request import RequestObserver, RequestRecord
from service.telemetry.logs import LineWriter, configure_logs
from tests.support.waiting import wait_until

RECORD = RequestRecord("iris@champion", "predict", "3", 200, 0.0012345, 2, "order-7", None)


class Gated(io.BytesIO):
    """A stream whose writer waits until the gate is open, like a pipe that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()

    def write(self, data: Any) -> int:
        """Waits at the gate, at most ten seconds."""
        self.entered.set()
        assert self.gate.wait(10)
        return super().write(data)


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    """What was written, line by line."""
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_event_is_one_json_line_with_level_and_time() -> None:
    """Level, event, a time in UTC, and the event's fields."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    logs.logger.warning("look_failed", code="registry_unreachable", seconds=1.5)
    logs.close()

    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "warning",
        "event": "look_failed",
        "code": "registry_unreachable",
        "seconds": 1.5,
    }


def test_request_is_one_line() -> None:
    """Id, slot, version, route, status, milliseconds and rows."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    observer: RequestObserver = logs.requests
    observer.answered(RECORD)
    logs.close()

    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": "order-7",
        "slot": "iris@champion",
        "version": "3",
        "route": "predict",
        "code": 200,
        "ms": 1.234,
        "rows": 2,
    }


def test_failed_request_names_its_error() -> None:
    """The stable code stands beside the status."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    logs.requests.answered(RECORD._replace(code=422, error="invalid_input"))
    logs.close()

    assert lines(stream)[0]["error"] == "invalid_input"


@pytest.mark.parametrize(
    "hostile", ["a\nb", "\x1b[31m", "\x7f", "\x9b31m", "\u0085", "a\u2028b", "a\u2029b", "\ud800"]
)
def test_control_characters_are_escaped(hostile: str) -> None:
    """No name can forge a line or drive a terminal, and none is lost."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    logs.logger.info("swapped", slot=hostile)
    logs.close()
    written = stream.getvalue().decode()

    assert len(written.splitlines()) == 1
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) <= 0x9F for char in written[:-1])


def test_value_that_json_cannot_hold_is_written_as_its_repr() -> None:
    """A log call never raises for what it is given."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    logs.logger.info("odd", number=2**70, thing={1, 2}.__class__, pairs={1: "one"})
    logs.close()

    assert lines(stream)[0]["event"] == "odd"


def test_exception_is_logged_with_its_traceback() -> None:
    """The whole traceback stands in one line."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    logs.logger.error("internal", exc_info=ZeroDivisionError("by nothing"))
    logs.close()

    assert "ZeroDivisionError: by nothing" in lines(stream)[0]["exception"]


def test_p15_stream_that_blocks_does_not_block_the_caller() -> None:
    """Lines beyond the limit are dropped; how many is said once there is room."""
    stream = Gated()
    writer = LineWriter(stream, limit=10)
    writer.put(b"{}\n")
    assert stream.entered.wait(10)
    for _ in range(15):
        writer.put(b"{}\n")
    stream.gate.set()
    writer.close()

    *kept, told = lines(stream)
    assert len(kept) == 11
    assert (told["event"], told["count"]) == ("log_lines_dropped", 5)


def test_lines_are_written_without_closing() -> None:
    """A quiet service's lines come out at once, not when it ends."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    logs.logger.info("first")
    wait_until(stream.getvalue, 240, "the first line is written")
    logs.logger.info("second")
    wait_until(lambda: b"second" in stream.getvalue(), 10, "the second line is written")
    logs.close()


def test_reader_that_has_gone_is_nobodys_failure() -> None:
    """Logging goes on into nothing."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    stream.close()
    logs.logger.info("unheard")
    logs.close()
    logs.logger.info("later")


def test_library_messages_become_lines() -> None:
    """What goes through the standard library stands in the same stream, as data."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    library = logging.Logger("uvicorn.error")  # noqa: LOG001 - one of this test's own
    library.addHandler(logs.handler)
    library.debug("too fine")
    library.warning("Invalid %s", "request\n")
    logs.close()

    (line,) = lines(stream)
    assert (line["level"], line["event"]) == ("warning", "library")
    assert (line["logger"], line["message"]) == ("uvicorn.error", "Invalid request\n")


def test_what_libraries_log_is_a_line_too() -> None:
    """Of asyncio and of all others, as long as the service runs."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    with logs.of_libraries():
        logging.getLogger("asyncio").error("Task exception was never retrieved")
    logging.getLogger("asyncio").error("somebody else's")
    logs.close()
    (line,) = lines(stream)
    assert (line["event"], line["logger"]) == ("library", "asyncio")


def test_pythons_warnings_are_lines_too() -> None:
    """And not text between them."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    before = warnings.showwarning
    with logs.of_libraries(), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning("old", DeprecationWarning, "x.py", 1)
    logs.close()
    assert warnings.showwarning is before
    (line,) = lines(stream)
    assert (line["event"], line["logger"]) == ("library", "py.warnings")
    assert "DeprecationWarning: old" in line["message"]


def test_p14_what_the_server_raises_over_a_request_is_logged_without_its_words() -> None:
    """They may be the client's; where it was raised is Podium's."""
    stream, secret = io.BytesIO(), "4111 1111"
    logs = configure_logs(stream)
    try:
        float(secret)
    except ValueError:
        with logs.of_libraries():
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    logs.close()
    (line,) = lines(stream)
    assert secret not in str(line)
    assert "in test_p14_what_the_server_raises" in line["exception"]
    assert "ValueError" in line["exception"]
