"""The few events that the terminal shows."""

import io
import json
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from service.following.slot_status import Failure
from service.local.narrator import Narrator
from service.refs import ModelRef, VersionId
from service.telemetry.logs import configure_logs
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.reporting import FollowingReport

Said = list[tuple[str, str]]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def said() -> Said:
    """Everything said so far: text and style."""
    return []


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


@pytest.fixture
def narrator(said: Said, clock: Clock) -> Narrator:
    """One that says into `said`."""
    return Narrator(lambda text, style: said.append((text, style)), clock=clock)


def line(**event: object) -> bytes:
    """An event as the service logs it."""
    return json.dumps(event).encode()


def test_swap_is_told(narrator: Narrator, said: Said) -> None:
    """The slot and the version."""
    narrator(line(level="info", event="swapped", slot="iris@champion", version="2"))
    assert said == [("iris@champion now serves version 2", "green")]


def test_keys_that_cannot_be_used_are_told(narrator: Narrator, said: Said) -> None:
    """The old ones go on being known, so that nothing else would show it."""
    narrator(line(event="api_keys_unreadable", message="line 2: must be a key"))
    assert said == [("The file of API keys cannot be used: line 2: must be a key", "yellow")]


def test_refusal_is_told_with_its_reason(narrator: Narrator, said: Said) -> None:
    """The fixed sentence if there is one, else the code."""
    event = {"event": "version_refused", "slot": "iris@champion", "version": "3"}
    narrator(line(**event, code="load", message="The model cannot be loaded."))
    narrator(line(**event, code="load"))
    narrator(line(**event))
    assert [text for text, _ in said] == [
        "iris@champion: version 3 is refused: The model cannot be loaded.",
        "iris@champion: version 3 is refused: load",
        "iris@champion: version 3 is refused",
    ]


def test_outage_is_told_once_until_it_comes_back(
    narrator: Narrator, said: Said, clock: Clock
) -> None:
    """Every look of an outage fails; one line says so."""
    for _ in range(100):
        narrator(line(event="look_failed"))
        clock.now += 1
    assert len(said) == 1
    clock.now += 60
    narrator(line(event="look_failed"))
    assert len(said) == 2


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"INFO: started",
        b'{"event":"request","slot":"iris@champion"}',
        b'{"event":"swapped"',
        b'["event", {"event": "swapped"}]',
        b'{"event": "other", "inner": {"event": "swapped"}}',
    ],
)
def test_every_other_line_is_passed_over(narrator: Narrator, said: Said, text: bytes) -> None:
    """Requests, texts and halves of lines are for the log."""
    narrator(text)
    assert said == []


def test_field_that_is_missing_reads_as_unknown(narrator: Narrator, said: Said) -> None:
    """An event of a later release never stops `up`."""
    narrator(line(event="swapped", slot="iris@champion"))
    assert said[0][0] == "iris@champion now serves version ?"


def test_names_cannot_steer_the_terminal(narrator: Narrator, said: Said) -> None:
    """MLflow takes any text as a model's name."""
    narrator(line(event="swapped", slot="a\x1b[2J\n{version}@b", version="1"))
    assert said[0][0] == r"a\x1b[2J\n{version}@b now serves version 1"


def test_events_that_the_service_logs_are_told_whole(narrator: Narrator, said: Said) -> None:
    """The names of events and fields are the service's own: nothing reads as unknown."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    report = FollowingReport(Metrics(CollectorRegistry()), logs.logger)
    ref, version = ModelRef("iris", "champion"), VersionId("iris", 1, "2")
    failure = Failure("load", "code", "A fixed sentence.", 0.0, version)
    report.swapped(ref, None, version, {})
    report.refused(ref, version, failure, "detail")
    report.missing(ref, replace(failure, code="alias_missing"), "detail")
    report.missing(ref, replace(failure, code="model_missing"), "detail")
    report.unanswered(ref, failure, "detail")
    report.looked(0.1, failure, "detail")
    report.looked(0.1, None, "")
    logs.close()
    for written in stream.getvalue().splitlines():
        narrator(written)
    assert [text for text, _ in said] == [
        "iris@champion now serves version 2",
        "iris@champion: version 2 is refused: A fixed sentence.",
        "iris@champion: the alias is gone: A fixed sentence.",
        "iris@champion: the model is gone: A fixed sentence.",
        "iris@champion: MLflow gives no answer about it: A fixed sentence.",
        "MLflow gives no answer about the aliases: A fixed sentence.",
        "MLflow answers again",
    ]
