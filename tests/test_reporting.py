"""One event, one line, one count."""

import errno
import io
import os

import orjson
from prometheus_client import CollectorRegistry

from service.logs import configure_logs
from service.metrics.metrics import Metrics
from service.reporting import LedgerReport


def test_ledger_that_cannot_be_written_is_logged_once_and_counted() -> None:
    """Once for each reason, however often it fails."""
    stream, registry = io.BytesIO(), CollectorRegistry()
    logs = configure_logs(stream)
    report = LedgerReport(Metrics(registry), logs.logger)
    for number in (errno.ENOSPC, errno.ENOSPC, errno.EROFS):
        report.ledger_failed(OSError(number, os.strerror(number)))
    report.ledger_lines_left_out(3)
    logs.close()
    lines = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["reason"] for line in lines if line["event"] == "ledger_not_written"] == [
        "No space left on device",
        "Read-only file system",
    ]
    assert [line["count"] for line in lines if line["event"] == "ledger_lines_left_out"] == [3]
    assert registry.get_sample_value("podium_ledger_failures_total") == 3
