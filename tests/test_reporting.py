"""One event, one line, one count."""

import errno
import io
import os
from dataclasses import replace

import orjson
from prometheus_client import CollectorRegistry

from service.environments.environment import BuildProgress
from service.events.event_faults import EventFault, EventTrouble
from service.following.environments import RunsIn
from service.following.gates.gate import GateFinding
from service.refs import ModelRef
from service.telemetry.events import EventsReport
from service.telemetry.logs import configure_logs
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.reporting import FollowingReport, LedgerReport
from tests.following.environments import built
from tests.following.fakes import version


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


def test_p7_ledger_that_was_written_again_is_told_of_its_next_failure() -> None:
    """The same reason, another day."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    report = LedgerReport(Metrics(CollectorRegistry()), logs.logger)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    report.ledger_failed(full)
    report.ledger_recovered()
    report.ledger_failed(full)
    logs.close()
    events = [orjson.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events == ["ledger_not_written", "ledger_written_again", "ledger_not_written"]


def test_p15_slot_that_fails_on_each_tick_is_counted_and_logged_now_and_then() -> None:
    """With its name and the traceback, every ten seconds."""
    stream, registry = io.BytesIO(), CollectorRegistry()
    times = [0.0, 1.0, 9.0, 10.0, 10.0]
    logs = configure_logs(stream)
    report = FollowingReport(Metrics(registry), logs.logger, iter(times).__next__)
    for _ in range(4):
        report.slot_failed(ModelRef("iris", "champion"), ZeroDivisionError())
    report.slot_failed(ModelRef("wine", "champion"), ZeroDivisionError())
    logs.close()
    lines = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["slot"] for line in lines] == ["iris@champion"] * 2 + ["wine@champion"]
    assert "ZeroDivisionError" in lines[0]["exception"]
    failures = registry.get_sample_value("podium_background_failures_total", {"task": "following"})
    assert failures == 5


def test_lost_events_are_counted_logged_once_for_each_reason_and_over_once_nothing_waits() -> None:
    """Each outcome is shown from the start."""
    stream, registry = io.BytesIO(), CollectorRegistry()
    logs = configure_logs(stream)
    report = EventsReport(registry, logs.logger, lambda: 7.0)

    def counted() -> list[float | None]:
        name, outcomes = "podium_events_total", ("sent", "failed", "dropped")
        return [registry.get_sample_value(name, {"outcome": each}) for each in outcomes]

    def trouble() -> EventTrouble | None:
        return report.trouble

    assert counted() == [0, 0, 0]
    report.failed(EventFault.UNREACHABLE)
    report.failed(EventFault.UNREACHABLE)
    report.dropped(EventFault.TOO_MANY)
    assert trouble() == EventTrouble(7.0, 3, EventFault.TOO_MANY)
    report.sent(1)
    assert trouble() is not None
    for _ in range(2):
        report.sent(0)
    assert counted() == [3, 2, 1]
    assert trouble() is None
    logs.close()
    lines = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    told = [(line["event"], line.get("code")) for line in lines]
    assert told == [
        ("events_lost", "events_unreachable"),
        ("events_lost", "events_too_many"),
        ("events_sent_again", None),
    ]


def test_environment_of_a_version_is_logged_and_counted() -> None:
    """How far its build has come, what it was given, and where Podium's own stands in."""
    stream, registry = io.BytesIO(), CollectorRegistry()
    logs = configure_logs(stream)
    report = FollowingReport(Metrics(registry), logs.logger)
    report.building(version(1), BuildProgress("install", 2))
    report.found_environment(
        version(1), RunsIn(replace(built("0123456789abcdef"), built=True)), 2.5
    )
    finding = GateFinding("requirements", "index_unreachable", "The index does not answer.")
    report.found_environment(version(2), RunsIn(awaited=True, findings=(finding,)), 0.1)
    logs.close()
    building, found, instead = (orjson.loads(line) for line in stream.getvalue().splitlines())
    assert (building["step"], building["packages"]) == ("install", 2)
    assert (found["environment"], found["packages"], found["built"]) == ("0123456789ab", 2, True)
    assert instead["message"] == "The index does not answer."
    counted = {
        outcome: registry.get_sample_value("podium_environments_total", {"outcome": outcome})
        for outcome in ("built", "there", "stood_in")
    }
    assert counted == {"built": 1, "there": 0, "stood_in": 1}
