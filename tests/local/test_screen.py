"""What is printed, also when nobody reads it, and the few events that the terminal shows."""

import io
import json
import os
import subprocess
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from rich.console import Console

from service.following.sentences import plain
from service.following.slot_status import Failure
from service.local.screen import Narrator, Screen
from service.refs import ModelRef, VersionId
from service.telemetry.logs import configure_logs
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.reporting import FollowingReport
from tests.local.stand_ins import program


def test_control_characters_are_shown_not_obeyed() -> None:
    """Escapes, line ends and directions of writing are made visible."""
    assert plain("é\x1b[2J\n\u202e") == r"é\x1b[2J\n\u202e"


def test_markup_is_printed_as_it_stands() -> None:
    """A model may be called anything."""
    file = io.StringIO()
    Screen(Console(file=file)).say("[red]iris[/red] :smile:")
    assert "[red]iris[/red]" in file.getvalue()


def test_long_lines_are_not_broken() -> None:
    """A command can be pasted from a narrow terminal."""
    file = io.StringIO()
    Screen(Console(file=file, width=20)).say("x " * 100)
    assert file.getvalue().count("\n") == 1


def test_letters_that_the_terminal_lacks_are_spelled_out() -> None:
    """A model's name in any script stops nothing on a terminal of any character set."""
    script = "from service.local.screen import Screen; Screen().say('r\u00e9 \u6d41')"
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    written = subprocess.run(program(script), env=environment, capture_output=True, check=True)
    assert written.stdout == b"r\xe9 \\u6d41\n"


def test_reader_that_has_gone_stops_nothing() -> None:
    """`podium up | head` still ends its children in order."""
    script = (
        "import sys; from service.local.screen import Screen; screen = Screen()\n"
        "sys.stdin.readline()\n"
        "for number in range(3): screen.say('x' * 100_000)\n"
        "sys.stderr.write('still here')"
    )
    process = subprocess.Popen(
        program(script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stderr.read() == b"still here"
    assert process.returncode == 0


def test_terminal_that_was_closed_stops_nothing() -> None:
    """Writing to it fails, also while something is waited for; the children are still ended."""
    script = (
        "import sys; from service.local.screen import Screen; screen = Screen()\n"
        "sys.stdin.readline()\n"
        "screen.say('to nobody')\n"
        "with screen.waiting('Ending'): screen.say('to nobody')\n"
        "sys.stderr.write('still here')"
    )
    seen, terminal = os.openpty()
    process = subprocess.Popen(
        program(script), stdin=subprocess.PIPE, stdout=terminal, stderr=subprocess.PIPE
    )
    os.close(terminal)
    os.close(seen)
    with process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stderr.read() == b"still here"
    assert process.returncode == 0


def test_waiting_is_shown_on_a_terminal() -> None:
    """What is said meanwhile stands above it, whole."""
    script = (
        "from service.local.screen import Screen; screen = Screen()\n"
        "with screen.waiting('Starting'): screen.say('meanwhile')\n"
    )
    seen, terminal = os.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    done = subprocess.run(
        program(script), stdout=terminal, stderr=subprocess.PIPE, env=environment, check=False
    )
    os.close(terminal)
    shown = os.read(seen, 65536).decode()
    os.close(seen)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "Starting ..." in shown
    assert "meanwhile\r\n" in shown


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


def test_version_that_is_tried_again_is_not_told_as_refused(narrator: Narrator, said: Said) -> None:
    """It is not the version's own fault."""
    event = {"event": "version_refused", "slot": "iris@champion", "version": "3"}
    narrator(line(**event, passing=True, message="An index does not answer."))
    ((text, _),) = said
    assert text == (
        "iris@champion: version 3 does not serve yet, and is tried again: An index does not answer."
    )


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
        "iris@champion: MLflow gave no usable answer about it: A fixed sentence.",
        "MLflow gave no usable answer about the aliases: A fixed sentence.",
        "MLflow answers again",
    ]
