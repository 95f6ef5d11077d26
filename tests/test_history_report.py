"""What is told of a history that failed, as it stands in the log."""

import io
import json

from service.refs import ModelRef
from service.telemetry.logs import configure_logs
from service.telemetry.reporting import HistoryReport


def test_hostile_names_and_details_stay_on_one_line() -> None:
    """Nothing that a registry or a file says can forge a line or drive a terminal."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    ref = ModelRef("<b>模型</b>\u202e@x", "champion")
    HistoryReport(logs.logger).history_failed(ref, "history_torn", "Unknown.", "a\nb\x1b[31m\x9b")
    logs.close()
    (line,) = stream.getvalue().splitlines()
    assert b"\x1b" not in line
    told = json.loads(line)
    assert (told["event"], told["slot"]) == ("history_failed", str(ref))
    assert (told["code"], told["detail"]) == ("history_torn", "a\nb\x1b[31m\x9b")
