"""What is printed, and what happens when nobody reads it."""

import io
import os
import subprocess

from rich.console import Console

from service.following.sentences import plain
from service.local.screen import Screen
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
